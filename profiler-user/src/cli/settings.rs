//! The options once they make sense together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;

use super::options::Options;
use super::{Hooks, Influx, Listen, Otlp, Web, otlp};
use crate::containers::kubernetes;
use crate::discovery::Selection;
use crate::identity::Detail;
use crate::limits::Limits;
use crate::request::patterns::Patterns;
use crate::sinks::jsonl::Rotation;

/// What a run does.
#[derive(Debug)]
pub struct Settings {
    /// What to watch.
    pub targets: Selection,
    /// The hook back end.
    pub hooks: Hooks,
    /// Routes that the user names.
    pub patterns: Patterns,
    /// How much is kept.
    pub limits: Limits,
    /// Set a probe in mod_wsgi.
    pub uprobe: bool,
    /// Give up what is not needed any more, once attached.
    pub sandbox: bool,
    /// When to stop; `None`: at a signal.
    pub duration: Option<Duration>,
    /// Length of an aggregation window.
    pub interval: Duration,
    /// File for one JSON object a request; `-` is stdout.
    pub jsonl: Option<PathBuf>,
    /// When that file is put aside.
    pub jsonl_rotation: Option<Rotation>,
    /// File for the run's account; `-` is stdout.
    pub summary: Option<PathBuf>,
    /// What sums say of containers.
    pub identity: Detail,
    /// Longest from the end of a window to its delivery, by choice.
    pub flush_jitter: Duration,
    /// InfluxDB, if it is to be written to.
    pub influx: Option<Influx>,
    /// The web page, if there is to be one.
    pub web: Option<Web>,
    /// File for the report.
    pub report: Option<PathBuf>,
    /// A terminal may be drawn on.
    pub tui: bool,
    /// Where Prometheus may scrape: host and port.
    pub prometheus: Option<Listen>,
    /// An OpenTelemetry collector, if it is to be written to.
    pub otlp: Option<Otlp>,
    /// What this host is called where a pod's own name would be another after each rollout.
    pub node: Option<String>,
    /// How to ask Kubernetes' API server, if it is to be asked.
    pub kubernetes: Option<kubernetes::Settings>,
    /// Where to ask how it is: host and port.
    pub health: Option<Listen>,
}

impl Settings {
    /// Whether stdout carries data for a machine, and so nothing else.
    #[must_use]
    pub fn stdout_is_data(&self) -> bool {
        [&self.jsonl, &self.summary]
            .into_iter()
            .flatten()
            .any(|path| is_stdout(path))
    }
}

/// Whether that output path means stdout.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Checks what one option says against what the others say. `environment`
/// looks up the variables that hold secrets.
pub(super) fn resolve(
    options: Options,
    matches: &ArgMatches,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Settings, String> {
    if let (Some(jsonl), Some(summary)) = (&options.jsonl, &options.summary)
        && jsonl == summary
        && !is_stdout(jsonl)
    {
        return Err("--jsonl and --summary name the same file; give each its own".into());
    }
    let targets = options.targets.resolve(matches);
    let patterns = patterns(&options.route)?;
    if options.pictures.report.as_deref().is_some_and(is_stdout) {
        return Err("--report: a page on a terminal helps nobody; give a file".into());
    }
    let web = options.pictures.web(&environment)?;
    let otlp = otlp::resolve(&options.otlp, &environment)?;
    Ok(Settings {
        targets,
        hooks: options.hooks,
        patterns,
        limits: options.bounds.limits(),
        uprobe: !options.no_uprobe,
        sandbox: !options.no_sandbox,
        duration: options.duration,
        interval: options.interval,
        jsonl_rotation: rotation(&options)?,
        jsonl: options.jsonl,
        summary: options.summary,
        identity: options.identity,
        flush_jitter: options.flush_jitter,
        influx: options.influx.resolve(&environment)?,
        web,
        report: options.pictures.report,
        tui: !options.no_tui,
        prometheus: options.prometheus.prometheus,
        otlp,
        node: options.kubernetes.node(),
        kubernetes: options.kubernetes.resolve(),
        health: options.health.health,
    })
}

fn rotation(options: &Options) -> Result<Option<Rotation>, String> {
    let Some(bytes) = options.jsonl_rotate else {
        return Ok(None);
    };
    let file = options.jsonl.as_deref().filter(|path| !is_stdout(path));
    if file.is_none() {
        return Err("--jsonl-rotate needs a file to rotate: give --jsonl FILE".into());
    }
    let keep = options.jsonl_keep;
    Ok(Some(Rotation { bytes, keep }))
}

fn patterns(given: &[String]) -> Result<Patterns, String> {
    let mut patterns = Patterns::default();
    for pattern in given {
        let added = patterns.add(pattern);
        added.map_err(|problem| format!("--route {pattern}: {problem}"))?;
    }
    Ok(patterns)
}
