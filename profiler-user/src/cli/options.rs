//! The options as clap reads them. Their doc comments are the help text.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, ValueEnum, ValueHint, value_parser};

use super::health::HealthOptions;
use super::influx::InfluxOptions;
use super::kubernetes::KubernetesOptions;
use super::limits::Bounds;
use super::otlp::OtlpOptions;
use super::prometheus::PrometheusOptions;
use super::targets::TargetOptions;
use super::web::Pictures;
use super::{compare, dashboards, report, values};
use crate::identity::Detail;

const MEASURING: &str = "How to measure";
pub(super) const OUTPUTS: &str = "Where to write";

const EXAMPLES: &str = "\
Examples:
  wsgiprobe                                    find Apache on this host and watch it
  wsgiprobe --pid 1234 --duration 30s          watch one server for half a minute
  wsgiprobe --all                              every Apache on this node, in any container
  wsgiprobe --port 8080 --jsonl requests.jsonl write one JSON object a request
  wsgiprobe --jsonl - | jq .path               stdout is for the machine, stderr for you
  INFLUX_TOKEN=... wsgiprobe --influx-url http://influx:8086 \\
      --influx-org ops --influx-bucket wsgi    write to InfluxDB 2.x

Exit status: 0 done; 1 failed while running; 2 wrong usage or no such target;
3 the kernel or the privileges do not allow it.

Every option is also a variable, --some-option as WSGIPROBE_SOME_OPTION, and a
key of the --config file, some-option. The command line wins over the variable,
and the variable over the file. Secrets are read from files or variables only.";

const CHECK_EXAMPLES: &str = "\
Examples:
  sudo wsgiprobe check
  sudo wsgiprobe check --json | jq '.back_ends[] | {name, usable, reason}'";

/// Shows which requests Apache and mod_wsgi serve and how long each takes
///
/// It watches from the kernel and touches neither the application nor its
/// configuration. Targets may be repeated and mixed; without any it looks for
/// Apache on this host and watches that.
#[derive(Debug, Parser)]
#[command(
    name = "wsgiprobe",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub command: Option<Subcommand>,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Subcommand {
    /// Find out whether this host can run it: exit 0 if so, 3 if not
    ///
    /// Loads and attaches each hook back end, watching nothing, and takes it out
    /// again. Says which are usable, why the others are not, and what would be missing.
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        /// One JSON object instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Make an HTML page of what --jsonl wrote
    ///
    /// One file with the pictures of --report, as far as requests tell them: without pools,
    /// processes and the account. It takes no privileges.
    #[command(after_help = report::EXAMPLES)]
    Report(report::Report),
    /// Write dashboards for Grafana
    ///
    /// They are made of this version's own metrics. When they are imported, or found by
    /// Grafana's provisioning, the data source is chosen at their top.
    #[command(after_help = dashboards::EXAMPLES)]
    Dashboards(dashboards::Dashboards),
    /// Compare without and with wsgiprobe, or servers with other instruments
    ///
    /// Each variant is loaded in every round, in an order that changes, so that what the machine
    /// does meanwhile weighs on all alike. It says what is shown, what is not, and how many
    /// rounds would tell.
    #[command(after_help = compare::EXAMPLES)]
    Compare(Box<compare::Compare>),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// A hook back end, or the choice left to wsgiprobe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hooks {
    /// The first of the others that this kernel takes
    Auto,
    /// BTF tracepoints of the socket layer: no cost to other processes (Linux 6.3)
    Sock,
    /// Ends of the kernel's own socket functions: no cost to other processes (Linux 5.15)
    Fentry,
    /// Syscall tracepoints: every kernel, at a small cost to every syscall
    Syscall,
}

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub targets: TargetOptions,

    /// Hook back end
    #[arg(long, value_enum, default_value_t = Hooks::Auto, help_heading = MEASURING)]
    pub hooks: Hooks,

    /// Set no probe in mod_wsgi: 2 to 4 microseconds less a request to an application. What no
    /// daemon took then has no `mode`
    #[arg(long, value_parser = FalseyValueParser::new(), help_heading = MEASURING)]
    pub no_uprobe: bool,

    /// Stop after this long, e.g. 30s; otherwise at Ctrl-C or SIGTERM
    #[arg(long, value_name = "TIME", value_parser = values::duration, allow_hyphen_values = true, help_heading = MEASURING)]
    pub duration: Option<Duration>,

    /// Length of an aggregation window, 100ms to 1h
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = values::interval, allow_hyphen_values = true,
          help_heading = MEASURING)]
    pub interval: Duration,

    /// Paths that belong together, e.g. '/users/{name}' or '/files/{*rest}': may be repeated,
    /// and goes before what is made of a path without it (numbers, UUIDs and the like as {id})
    #[arg(long, value_name = "PATTERN", help_heading = MEASURING)]
    pub route: Vec<String>,

    #[command(flatten)]
    pub bounds: Bounds,

    /// One JSON object a request, to a file or - for stdout
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, help_heading = OUTPUTS)]
    pub jsonl: Option<PathBuf>,

    /// Begin a new file at this size, e.g. 100MiB: FILE becomes FILE.1, and so on
    #[arg(long, value_name = "SIZE", value_parser = values::file_bytes, help_heading = OUTPUTS)]
    pub jsonl_rotate: Option<u64>,

    /// How many old files to keep then
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(1..=1_000),
          help_heading = OUTPUTS)]
    pub jsonl_keep: u32,

    /// The run's account as one JSON object, to a file or - for stdout
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, help_heading = OUTPUTS)]
    pub summary: Option<PathBuf>,

    /// What sums say of the container that they are of, in InfluxDB, Prometheus and OTLP. Each
    /// value is a series more: of `container` as many as there are containers, times routes;
    /// of `workload` no more after a rollout than before; `none` adds them up. Single requests
    /// (--jsonl, --influx-raw, spans) say all in any case
    #[arg(long, value_enum, value_name = "DETAIL", default_value_t = Detail::Container, help_heading = OUTPUTS)]
    pub identity: Detail,

    /// Deliver a window to InfluxDB and OTLP up to so long after its end, and no longer than it
    /// lasted: how long is decided by the host's name. Windows end everywhere at the same moment,
    /// and not all hosts are to come then. 0s: at once; the end of the run never waits
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::jitter, allow_hyphen_values = true,
          help_heading = OUTPUTS)]
    pub flush_jitter: Duration,

    #[command(flatten)]
    pub influx: InfluxOptions,

    #[command(flatten)]
    pub pictures: Pictures,

    #[command(flatten)]
    pub prometheus: PrometheusOptions,

    #[command(flatten)]
    pub otlp: OtlpOptions,

    #[command(flatten)]
    pub health: HealthOptions,

    #[command(flatten)]
    pub kubernetes: KubernetesOptions,

    /// Plain lines although stdout is a terminal
    #[arg(long, value_parser = FalseyValueParser::new(), help_heading = OUTPUTS)]
    pub no_tui: bool,

    /// Keep all privileges, and confine nothing, after the attach: to find out whether the
    /// confinement is at fault
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub no_sandbox: bool,

    /// Settings in TOML, named like the long options; the command line and WSGIPROBE_... win
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}
