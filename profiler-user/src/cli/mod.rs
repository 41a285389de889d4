//! The command line: what the user asks for, checked, before anything runs.
//!
//! Three sources, one set of names: `--some-option`, `WSGIPROBE_SOME_OPTION`,
//! and `some-option` in the TOML file of `--config`. The first that says
//! something wins. Secrets come from files or the environment only.

mod compare;
mod config;
mod dashboards;
mod health;
mod influx;
mod kubernetes;
mod limits;
mod listen;
mod options;
mod otlp;
mod prometheus;
mod report;
mod secret;
mod settings;
#[cfg(test)]
mod shipped;
mod targets;
mod values;
mod web;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

pub use compare::Comparison;
pub use dashboards::{Dashboards, Wanted};
pub use influx::{Influx, InfluxTarget, Schema};
pub use listen::Listen;
pub use options::Hooks;
use options::{Cli, Subcommand};
pub use otlp::{Otlp, OtlpHistogram, OtlpProtocol};
pub use secret::Secret;
pub use settings::{Settings, is_stdout};
pub use web::Web;

/// Prefix of every environment variable that stands for an option.
const ENV_PREFIX: &str = "WSGIPROBE_";

/// What to do.
#[derive(Debug)]
pub enum Invocation {
    /// Watch requests.
    Watch(Box<Settings>),
    /// Find out whether this host can run it.
    Check {
        /// For scripts.
        json: bool,
    },
    /// Make a page of a recording.
    Report {
        /// What `--jsonl` wrote; `-` is stdin.
        input: PathBuf,
        /// Where to; `-` is stdout.
        output: PathBuf,
    },
    /// Compare.
    Compare(Comparison),
    /// Write dashboards for Grafana.
    Dashboards(Dashboards),
    /// Print a completion script for that shell.
    Completions(clap_complete::Shell),
    /// Print the manual page.
    Man,
}

/// Reads the arguments, the environment and the configuration file.
///
/// The error prints itself and knows its exit status; `--help` and `--version`
/// arrive as one too, as is clap's way.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let matches = command().try_get_matches_from(&arguments)?;
    let cli = Cli::from_arg_matches(&matches)?;
    match cli.command {
        Some(Subcommand::Check { json }) => return Ok(Invocation::Check { json }),
        Some(Subcommand::Report(report)) => {
            let (input, output) = report.files();
            return Ok(Invocation::Report { input, output });
        }
        Some(Subcommand::Compare(_)) => return compare::parse(&arguments),
        Some(Subcommand::Dashboards(wanted)) => return Ok(Invocation::Dashboards(wanted)),
        Some(Subcommand::Completions { shell }) => return Ok(Invocation::Completions(shell)),
        Some(Subcommand::Man) => return Ok(Invocation::Man),
        None => {}
    }
    let Some(file) = &cli.options.config else {
        return settle(&matches, cli);
    };
    let with_file = config::as_defaults(command(), file)
        .map_err(|problem| usage(format!("--config {}: {problem}", file.display())))?;
    let matches = with_file.try_get_matches_from(&arguments)?;
    let cli = Cli::from_arg_matches(&matches)?;
    settle(&matches, cli)
}

fn settle(matches: &ArgMatches, cli: Cli) -> Result<Invocation, clap::Error> {
    settings::resolve(cli.options, matches, environment)
        .map(|settings| Invocation::Watch(Box::new(settings)))
        .map_err(usage)
}

/// A variable that says something.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn usage(message: String) -> clap::Error {
    command().error(ErrorKind::ValueValidation, message)
}

/// The command with an environment variable for every option. The help names the
/// rule instead of each, and never their values: it is pasted into tickets.
#[must_use]
pub fn command() -> Command {
    Cli::command().mut_args(|arg| match arg.get_long() {
        Some(long) => {
            let name = format!("{ENV_PREFIX}{}", long.to_uppercase().replace('-', "_"));
            arg.env(name).hide_env(true)
        }
        None => arg,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Detail;

    fn watch(arguments: &[&str]) -> Result<Settings, String> {
        let arguments = std::iter::once("wsgiprobe").chain(arguments.iter().copied());
        match parse(arguments.map(OsString::from)) {
            Ok(Invocation::Watch(settings)) => Ok(*settings),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_option_has_its_variable() {
        let command = command();
        let interval = command.get_arguments().find(|a| a.get_id() == "interval");
        assert_eq!(
            interval.and_then(|a| a.get_env()),
            Some("WSGIPROBE_INTERVAL".as_ref())
        );
        assert!(command.get_arguments().all(|a| a.get_env().is_some()));
    }

    #[test]
    fn targets_may_be_repeated_and_mixed() {
        let settings = watch(&["--pid", "1", "2", "--pid", "3", "--port", "80,443"]).unwrap();
        assert_eq!(settings.targets.pids, [1, 2, 3]);
        assert_eq!(settings.targets.ports, [80, 443]);
    }

    #[test]
    fn the_file_fills_in_what_the_command_line_leaves_out() {
        let file = std::env::temp_dir().join(format!("wsgiprobe-cli-{}.toml", std::process::id()));
        std::fs::write(
            &file,
            "interval = '2s'\nmax-routes = 7\nno-tui = true\nport = [80, 81]\n",
        )
        .unwrap();
        let path = file.to_str().unwrap();
        let settings = watch(&["--config", path, "--max-routes", "9"]).unwrap();
        let own_target = watch(&["--config", path, "--pid", "1"]).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(settings.interval, std::time::Duration::from_secs(2));
        assert_eq!(settings.limits.routes, 9);
        assert_eq!(settings.targets.ports, [80, 81]);
        assert_eq!(own_target.targets.pids, [1]);
        assert!(
            own_target.targets.ports.is_empty(),
            "a target on the command line stands alone"
        );
    }

    #[test]
    fn containers_are_told_apart_unless_asked_otherwise() {
        assert_eq!(watch(&[]).unwrap().identity, Detail::Container);
        for (value, detail) in [("workload", Detail::Workload), ("none", Detail::None)] {
            assert_eq!(watch(&["--identity", value]).unwrap().identity, detail);
        }
        let message = watch(&["--identity", "pod"]).unwrap_err();
        assert!(message.contains("container, workload, none"), "{message}");
    }

    #[test]
    fn unusable_values_name_their_option() {
        for (arguments, option) in [
            (["--interval", "soon"], "--interval"),
            (["--interval", "0s"], "--interval"),
            (["--duration", "0s"], "--duration"),
            (["--ring-size", "3MiB"], "--ring-size"),
            (["--name", "("], "--name"),
            (["--pid", "0"], "--pid"),
            (["--hooks", "kprobe"], "--hooks"),
            (["--web", "0.0.0.0:8300"], "--web-token-file"),
            (["--web", "here"], "--web"),
            (["--health", "here"], "--health"),
            (["--report", "-"], "--report"),
            (["--influx-url", "localhost:8086"], "--influx-url"),
            (["--influx-db", "x"], "--influx-url"),
            (["--jsonl-rotate", "1MiB"], "--jsonl FILE"),
            (
                ["--route", "users/{id}"],
                "--route users/{id}: a route begins with /",
            ),
            (["--influx-spool-size", "15MiB"], "--influx-spool-size"),
        ] {
            let message = watch(&arguments).unwrap_err();
            assert!(message.contains(option), "{arguments:?}: {message}");
        }
    }
}
