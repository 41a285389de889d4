//! `wsgiprobe compare`.

mod file;

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, Command, FromArgMatches as _, ValueHint, value_parser};
use hyper::header::{HeaderName, HeaderValue};

use super::influx::InfluxOptions;
use super::{Invocation, environment, values};
use crate::compare::Outputs;
use crate::compare::load::Load;
use crate::compare::places;
use crate::compare::variant::{Plan, Variant};
use file::{Table, with_file};

/// The subcommand.
const NAME: &str = "compare";

const WHAT: &str = "What to compare";
const HOW: &str = "How to measure";
const WHERE: &str = "Where to write";

pub(super) const EXAMPLES: &str = "\
Examples:
  sudo wsgiprobe compare --url http://127.0.0.1:8000/
                          the server that listens there, without and with wsgiprobe attached
  sudo wsgiprobe compare --url http://127.0.0.1:{port}/ --with-wsgiprobe bare \\
      --variant bare='mod_wsgi-express start-server v1/wsgi.py --port {port}' \\
      --variant events='mod_wsgi-express start-server v2/wsgi.py --port {port}'
                          servers that it starts and stops itself
  sudo wsgiprobe compare --config compare.toml --fail-over 1%
                          for CI: exit 1 if a variant is shown to cost more
  wsgiprobe compare before.jsonl after.jsonl
                          two files that --jsonl has written";

#[derive(Debug, Args)]
pub(super) struct Compare {
    /// Two recordings of --jsonl, instead of measuring
    #[arg(value_name = "FILE.jsonl", num_args = 2, value_hint = ValueHint::FilePath,
          conflicts_with_all = ["pid", "variant", "url"])]
    recordings: Vec<PathBuf>,

    /// The page to ask for; {port} is that of a server that is started
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, help_heading = WHAT)]
    url: Option<String>,

    /// The server that runs, to measure without wsgiprobe (bare) and with it (wsgiprobe);
    /// otherwise whoever listens on the port of --url
    #[arg(long, value_name = "PID", num_args = 1.., value_delimiter = ',', action = ArgAction::Append,
          value_parser = value_parser!(u32).range(1..), conflicts_with = "variant", help_heading = WHAT)]
    pid: Vec<u32>,

    /// A server to start, in the foreground, and to stop; {port} is a free port, {dir} a folder
    /// of its own. May be repeated
    #[arg(long, value_name = "NAME=COMMAND", help_heading = WHAT)]
    variant: Vec<String>,

    /// Measure these variants with wsgiprobe on top as well, as NAME+wsgiprobe
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = WHAT)]
    with_wsgiprobe: Vec<String>,

    /// The variant that the others are held against; otherwise the first
    #[arg(long, value_name = "NAME", help_heading = WHAT)]
    baseline: Option<String>,

    /// Access log of the servers, to count what they served; may have {dir} and {port} in it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = WHAT)]
    access_log: Option<String>,

    /// What wsgiprobe is told beside its target, e.g. '--hooks syscall'; its settings are those
    /// of the environment (WSGIPROBE_...) besides
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true, help_heading = WHAT)]
    probe_options: Option<String>,

    /// Connections of the load
    #[arg(long, value_name = "N", default_value = "4", help_heading = HOW)]
    connections: NonZeroU32,

    /// Requests a second; otherwise each connection asks again as soon as it has its answer
    #[arg(long, value_name = "N", conflicts_with = "load", help_heading = HOW)]
    rate: Option<NonZeroU32>,

    /// Another load than the built-in one, e.g. 'wrk -c{connections} -d{seconds}s --latency {url}'
    #[arg(long, value_name = "COMMAND", help_heading = HOW)]
    load: Option<String>,

    /// A header to send with each request, e.g. 'Cookie: session=1'
    #[arg(long, value_name = "NAME: VALUE", help_heading = HOW)]
    header: Vec<String>,

    /// How often each variant is measured
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(1..=1_000),
          help_heading = HOW)]
    rounds: u32,

    /// How long a measurement takes
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = values::duration, help_heading = HOW)]
    time: Duration,

    /// How long each is loaded before
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = values::duration, help_heading = HOW)]
    warm_up: Duration,

    /// Half the width of an interval that is narrow enough to say that there is no difference
    #[arg(long, value_name = "PERCENT", default_value = "2%", value_parser = percent, help_heading = HOW)]
    resolution: f64,

    /// The results as one JSON object, to a file or - for stdout
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, help_heading = WHERE)]
    json: Option<PathBuf>,

    /// The results as an HTML page
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = WHERE)]
    report: Option<PathBuf>,

    #[command(flatten)]
    influx: InfluxOptions,

    /// Exit 1 if a variant is shown to cost more than this: of requests/s or, with --rate, of the
    /// server's CPU
    #[arg(long, value_name = "PERCENT", value_parser = percent, help_heading = WHERE)]
    fail_over: Option<f64>,

    /// Keep the logs of servers, load and wsgiprobe in this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = WHERE)]
    keep: Option<PathBuf>,

    /// Settings in TOML, named like the long options, and a table for each variant; the command line
    /// wins
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// What `compare` is asked for.
#[derive(Debug)]
pub enum Comparison {
    /// To measure.
    Measure(Box<(Plan, Outputs)>),
    /// To hold two recordings against each other.
    Recordings {
        /// The earlier one.
        before: PathBuf,
        /// The later one.
        after: PathBuf,
        /// Where to write the result as JSON, too.
        json: Option<PathBuf>,
    },
}

/// Reads the arguments and the file of `--config`, whose settings are the defaults.
pub(super) fn parse(arguments: &[OsString]) -> Result<Invocation, clap::Error> {
    let read = |command: Command| -> Result<Compare, clap::Error> {
        let matches = command.try_get_matches_from(arguments)?;
        let (_, matches) = matches.subcommand().expect("it is `compare`");
        Compare::from_arg_matches(matches)
    };
    let mut compare = read(super::command())?;
    let mut tables = Vec::new();
    if let Some(file) = compare.config.take() {
        let problem = |problem| super::usage(format!("--config {}: {problem}", file.display()));
        let (command, variants) = with_file(super::command(), &file).map_err(problem)?;
        compare = read(command)?;
        tables = variants;
    }
    compare
        .resolve(tables)
        .map(Invocation::Compare)
        .map_err(super::usage)
}

impl Compare {
    /// What that means. `tables` are those of the file.
    fn resolve(self, tables: Vec<Table>) -> Result<Comparison, String> {
        if let [before, after] = &self.recordings[..] {
            return Ok(Comparison::Recordings {
                before: before.clone(),
                after: after.clone(),
                json: self.json,
            });
        }
        let variants = self.variants(tables)?;
        let starts = variants.iter().any(|variant| variant.server.is_some());
        let url = self.url.clone().ok_or(if starts {
            "--url is missing: which page is asked for? e.g. --url http://127.0.0.1:{port}/"
        } else {
            "--url is missing: which page of the server that runs is asked for, e.g. --url \
             http://127.0.0.1:8000/? Or name servers to start, with --variant NAME=COMMAND"
        })?;
        if !starts && places::has(&url, "port") {
            return Err(format!(
                "--url {url}: {{port}} is that of a server that is started with --variant"
            ));
        }
        let baseline = self.baseline.as_deref().map_or(Ok(0), |name| {
            let place = variants.iter().position(|variant| variant.name == name);
            place.ok_or_else(|| unknown("--baseline", name, &variants))
        })?;
        let outputs = Outputs {
            json: self.json.clone(),
            report: self.report.clone(),
            influx: self.influx.clone().resolve(&environment)?,
            fail_over: self.fail_over,
        };

        let plan = Plan {
            baseline,
            url,
            headers: self
                .header
                .iter()
                .map(|text| header(text))
                .collect::<Result<_, _>>()?,
            pids: self.pid.clone(),
            load: self.load()?,
            rounds: self.rounds,
            time: self.time,
            warm_up: self.warm_up,
            resolution: self.resolution,
            probe_arguments: split(
                "--probe-options",
                self.probe_options.as_deref().unwrap_or_default(),
            )?,
            keep: self.keep.as_deref().map(absolute),
            variants,
        };
        Ok(Comparison::Measure(Box::new((plan, outputs))))
    }

    fn load(&self) -> Result<Load, String> {
        let connections = self.connections;
        Ok(match (&self.load, self.rate) {
            (Some(command), _) => Load::Command {
                words: self::command("--load", command)?,
                connections,
            },
            (None, Some(rate)) => Load::Fixed { connections, rate },
            (None, None) => Load::Closed { connections },
        })
    }

    fn variants(&self, tables: Vec<Table>) -> Result<Vec<Variant>, String> {
        let mut variants: Vec<Variant> = Vec::new();
        // On the command line they stand alone, as targets do.
        if self.variant.is_empty() {
            for table in tables {
                variants.push(table.variant()?);
            }
        }
        for text in &self.variant {
            variants.push(named(text)?);
        }
        if variants.is_empty() {
            variants = vec![
                Variant::running("bare", false),
                Variant::running("wsgiprobe", true),
            ];
        }
        for name in &self.with_wsgiprobe {
            let below = variants.iter().find(|variant| variant.name == *name);
            let below = below.ok_or_else(|| unknown("--with-wsgiprobe", name, &variants))?;
            let above = Variant {
                name: format!("{name}+wsgiprobe"),
                wsgiprobe: true,
                ..below.clone()
            };
            variants.push(above);
        }
        for variant in &mut variants {
            if variant.access_log.is_none() {
                variant.access_log.clone_from(&self.access_log);
            }
        }
        let mut names: Vec<_> = variants.iter().map(|variant| &variant.name).collect();
        names.sort_unstable();
        if let Some([twice, _]) = names.array_windows().find(|[one, next]| one == next) {
            return Err(format!(
                "two variants are called {twice}: each needs a name of its own"
            ));
        }
        if variants.len() < 2 {
            return Err(format!(
                "{} alone cannot be compared: add another --variant, or --with-wsgiprobe {0}",
                variants[0].name
            ));
        }
        Ok(variants)
    }
}

fn named(text: &str) -> Result<Variant, String> {
    let wrong = || format!("--variant {text}: give it as NAME=COMMAND");
    let (name, command) = text.split_once('=').ok_or_else(wrong)?;
    if name.is_empty() {
        return Err(wrong());
    }
    let mut variant = Variant::running(name, false);
    variant.server = Some(self::command(&format!("--variant {name}"), command)?);
    Ok(variant)
}

/// A command's words.
fn command(option: &str, line: &str) -> Result<Vec<String>, String> {
    match split(option, line)? {
        words if words.is_empty() => Err(format!("{option}: there is no command in `{line}`")),
        words => Ok(words),
    }
}

fn split(option: &str, line: &str) -> Result<Vec<String>, String> {
    places::split(line).map_err(|problem| format!("{option}: {problem}"))
}

fn unknown(option: &str, name: &str, variants: &[Variant]) -> String {
    let names: Vec<_> = variants
        .iter()
        .map(|variant| variant.name.as_str())
        .collect();
    format!(
        "{option} {name}: there is no such variant; there are: {}",
        names.join(", ")
    )
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || format!("--header {text}: give it as 'NAME: VALUE'");
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name = name.trim().parse().map_err(|_| wrong())?;
    let value = value.trim().parse().map_err(|_| wrong())?;
    Ok((name, value))
}

/// A share in percent, e.g. `1%`, as a fraction.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    match number.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent < 100.0 => Ok(percent / 100.0),
        _ => Err("give a share between 0% and 100%, e.g. 1%".into()),
    }
}

/// Servers may be elsewhere than here.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests;
