//! `wsgiprobe compare`.

#![expect(
    clippy::doc_markdown,
    reason = "help is read in a terminal, not as Markdown"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, Command, FromArgMatches as _, ValueHint, value_parser};
use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::{Invocation, config, values};
use crate::compare::Outputs;
use crate::compare::load::Load;
use crate::compare::variant::{Plan, Reports, Variant};
use crate::compare::words;

/// The subcommand.
const NAME: &str = "compare";

const WHAT: &str = "What to compare";
const HOW: &str = "How to measure";
const WHERE: &str = "Where to write";

pub(super) const EXAMPLES: &str = "\
Examples:
  sudo wsgiprobe compare --url http://127.0.0.1:8000/ --pid 1234
                          the same server, without and with wsgiprobe attached
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

    /// The server that runs: without wsgiprobe (bare), and with it (wsgiprobe)
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

    /// Exit 1 if a variant is shown to cost more than this: of requests/s or, with --rate, of the
    /// server's CPU
    #[arg(long, value_name = "PERCENT", value_parser = percent, help_heading = WHERE)]
    fail_over: Option<f64>,

    /// Keep the logs of servers, load and wsgiprobe in this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = WHERE)]
    keep: Option<PathBuf>,

    /// Settings in TOML, named like the long options, and [[variant]] tables; the command line
    /// wins
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// What `compare` is asked for.
#[derive(Debug)]
pub enum Comparison {
    /// To measure.
    Measure(Box<Plan>, Outputs),
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

/// A `[[variant]]` of the file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Table {
    name: String,
    /// What starts the server; otherwise it is the one of `pid`.
    server: Option<String>,
    #[serde(default)]
    wsgiprobe: bool,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    access_log: Option<String>,
    reports: Option<ReportsTable>,
}

/// Its `reports`: what the instrument in it wrote to an InfluxDB.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ReportsTable {
    /// InfluxDB 1.x; otherwise the variable `INFLUX_URL`.
    influx_url: Option<String>,
    /// Its database; otherwise `INFLUX_DB`.
    influx_db: Option<String>,
    requests: String,
    mean: Option<String>,
}

impl ReportsTable {
    fn resolve(self) -> Result<Reports, String> {
        let or_variable = |given: Option<String>, key: &str, name: &str| {
            let value = given.or_else(|| std::env::var(name).ok());
            value.ok_or_else(|| format!("reports: give {key}, or the variable {name}"))
        };
        Ok(Reports {
            influx_url: or_variable(self.influx_url, "influx-url", "INFLUX_URL")?,
            influx_db: or_variable(self.influx_db, "influx-db", "INFLUX_DB")?,
            requests: self.requests,
            mean: self.mean,
        })
    }
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

/// The command with the file's settings as the defaults of `compare`, and its variants.
fn with_file(command: Command, file: &Path) -> Result<(Command, Vec<Table>), String> {
    let mut table = config::read(file)?;
    let mut variants: Vec<Table> = match table.remove("variant") {
        Some(variants) => Vec::deserialize(variants).map_err(|error| error.message().to_owned())?,
        None => Vec::new(),
    };
    let here = absolute(file.parent().unwrap_or(Path::new(".")));
    for variant in &mut variants {
        variant.put_in("here", &here.display().to_string());
    }
    let compare = command.find_subcommand(NAME).expect("it is there").clone();
    let compare = config::into_defaults(compare, table)?;
    Ok((command.mut_subcommand(NAME, |_| compare), variants))
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
            "--url is missing: which page is asked for? e.g. --url http://127.0.0.1:8000/"
        })?;
        if !starts && words::has(&url, "port") {
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
        Ok(Comparison::Measure(Box::new(plan), outputs))
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
            if self.pid.is_empty() {
                return Err(
                    "nothing to compare: name the server that runs with --pid, or servers \
                            to start with --variant NAME=COMMAND"
                        .into(),
                );
            }
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
            if variant.server.is_none() && self.pid.is_empty() {
                return Err(format!(
                    "variant {} has no server: give it one, or --pid",
                    variant.name
                ));
            }
        }
        let mut names: Vec<_> = variants.iter().map(|variant| &variant.name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|two| two[0] == two[1]) {
            return Err(format!(
                "two variants are called {}: each needs a name of its own",
                twice[0]
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

impl Table {
    /// Puts what is known into `{name}`, wherever it may stand.
    fn put_in(&mut self, name: &str, value: &str) {
        let texts = self.server.iter_mut().chain(&mut self.access_log);
        for text in texts.chain(self.environment.values_mut()) {
            *text = words::placed(text, &[(name, value)]);
        }
    }

    fn variant(self) -> Result<Variant, String> {
        let server = self
            .server
            .as_deref()
            .map(|line| command(&format!("variant {}", self.name), line));
        Ok(Variant {
            server: server.transpose()?,
            name: self.name,
            environment: self.environment.into_iter().collect(),
            wsgiprobe: self.wsgiprobe,
            access_log: self.access_log,
            reports: self.reports.map(ReportsTable::resolve).transpose()?,
        })
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
    words::split(line).map_err(|problem| format!("{option}: {problem}"))
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
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> Result<Plan, String> {
        let arguments = ["wsgiprobe", "compare"]
            .iter()
            .chain(arguments)
            .map(OsString::from);
        match parse(&arguments.collect::<Vec<_>>()) {
            Ok(Invocation::Compare(Comparison::Measure(plan, _))) => Ok(*plan),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    fn names(plan: &Plan) -> Vec<&str> {
        plan.variants
            .iter()
            .map(|variant| variant.name.as_str())
            .collect()
    }

    #[test]
    fn a_running_server_is_measured_without_and_with() {
        let plan = plan(&["--pid", "1", "--url", "http://127.0.0.1/"]).unwrap();
        assert_eq!(names(&plan), ["bare", "wsgiprobe"]);
        assert!(!plan.variants[0].wsgiprobe && plan.variants[1].wsgiprobe);
    }

    #[test]
    fn variants_may_have_wsgiprobe_on_top() {
        let url = "http://127.0.0.1:{port}/";
        let arguments = [
            "--variant",
            "a=x --y='1 2' {port}",
            "--with-wsgiprobe",
            "a",
            "--url",
            url,
        ];
        let plan = plan(&arguments).unwrap();
        assert_eq!(names(&plan), ["a", "a+wsgiprobe"]);
        assert_eq!(
            plan.variants[1].server.as_ref().unwrap()[..],
            ["x", "--y=1 2", "{port}"]
        );
    }

    #[test]
    fn the_file_has_variants_and_settings() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("compare.toml");
        let text = "url = 'http://127.0.0.1:{port}/'\nrounds = 7\ntime = '2s'\n\
            [[variant]]\nname = 'a'\nserver = '{here}/serve {port}'\n\
            [[variant]]\nname = 'b'\nserver = 'b'\nwsgiprobe = true\nenvironment = { X = '1' }\n\
            reports = { influx-url = 'http://i', influx-db = 'd', requests = 'SELECT' }\n";
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let plan = plan(&["--config", file, "--rounds", "3", "--baseline", "b"]).unwrap();
        assert_eq!((plan.rounds, plan.time), (3, Duration::from_secs(2)));
        assert_eq!((names(&plan), plan.baseline), (vec!["a", "b"], 1));
        let server = plan.variants[0].server.as_ref().unwrap();
        assert_eq!(server[0], folder.path().join("serve").to_str().unwrap());
        assert_eq!(
            plan.variants[1].environment,
            [("X".to_owned(), "1".to_owned())]
        );
        assert!(plan.variants[1].reports.is_some() && plan.variants[1].wsgiprobe);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let url = ["--url", "http://127.0.0.1:{port}/"];
        let pid = ["--pid", "1"];
        for (arguments, told) in [
            (vec![], "--pid"),
            (pid.to_vec(), "--url is missing"),
            ([pid, url].concat(), "{port}"),
            ([url, ["--variant", "a"]].concat(), "NAME=COMMAND"),
            ([url, ["--variant", "a=x"]].concat(), "--with-wsgiprobe a"),
            ([url, ["--variant", "a=x 'y"]].concat(), "quote"),
            ([url, ["--variant", "a="]].concat(), "no command"),
            (
                [url, ["--variant", "a=x"], ["--variant", "a=y"]].concat(),
                "called a",
            ),
            (
                [
                    url,
                    ["--variant", "a=x"],
                    ["--variant", "b=y"],
                    ["--baseline", "c"],
                ]
                .concat(),
                "there are: a, b",
            ),
            (
                [url, ["--variant", "a=x"], ["--with-wsgiprobe", "b"]].concat(),
                "there are: a",
            ),
            (
                [pid, ["--url", "http://h/"], ["--fail-over", "x"]].concat(),
                "1%",
            ),
            (
                [pid, ["--url", "http://h/"], ["--header", "x"]].concat(),
                "NAME: VALUE",
            ),
            (
                [pid, ["--url", "http://h/"], ["--load", " "]].concat(),
                "--load: there is no command",
            ),
            (
                [pid, ["--config", "/nowhere.toml"]].concat(),
                "--config /nowhere.toml",
            ),
        ] {
            let message = plan(&arguments).unwrap_err();
            assert!(message.contains(told), "{arguments:?}: {message}");
        }
    }

    #[test]
    fn two_recordings_need_nothing_else() {
        let arguments = ["wsgiprobe", "compare", "a.jsonl", "b.jsonl"].map(OsString::from);
        let Ok(Invocation::Compare(Comparison::Recordings {
            before,
            after,
            json,
        })) = parse(&arguments)
        else {
            panic!("it is no comparison of recordings");
        };
        assert_eq!(
            (before.to_str(), after.to_str(), json),
            (Some("a.jsonl"), Some("b.jsonl"), None)
        );
    }
}
