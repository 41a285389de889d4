//! The queries in the dashboards that wsgiprobe writes.

use std::fmt;

use anyhow::{Context, Result, ensure};
use harness::probe;
use serde_json::Value;

/// What Grafana would put in for a step, seconds.
const STEP: u32 = 2;
/// And for a rate: four scrapes.
const RATE_STEP: u32 = 4;

/// As `--datasource` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataSource {
    Influxql,
    Flux,
    Prometheus,
}

impl DataSource {
    const fn name(self) -> &'static str {
        match self {
            Self::Influxql => "influxql",
            Self::Flux => "flux",
            Self::Prometheus => "prometheus",
        }
    }
}

/// A query, and where it is.
#[derive(Debug)]
pub struct Asked {
    /// The dashboard, and the panel in quotes.
    pub place: String,
    text: String,
    /// One value, of the end of the range.
    pub is_instant: bool,
    /// The panel says that this is what a good run shows.
    pub may_be_zero: bool,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

impl Asked {
    /// As Grafana sends it, all of every variable chosen; seconds since the epoch.
    pub fn filled(&self, from: f64, to: f64) -> String {
        let ms = |seconds: f64| (seconds * 1e3) as u64;
        let range = (to - from).ceil() as u64;
        let filter = format!("time >= {}ms and time <= {}ms", ms(from), ms(to) + 2000);
        // Longer names first: some begin like others.
        let mut text = self.text.clone();
        for (name, value) in [
            ("$timeFilter", filter),
            ("$__interval_ms", (STEP * 1000).to_string()),
            ("$__interval", format!("{STEP}s")),
            ("$__rate_interval", format!("{RATE_STEP}s")),
            ("$__range", format!("{range}s")),
            ("${host:regex}", ".*".into()),
            ("${namespace:regex}", ".*".into()),
            ("${pod:regex}", ".*".into()),
            ("${route:regex}", ".*".into()),
            ("${process:regex}", ".*".into()),
            ("$host", ".*".into()),
            ("$namespace", ".*".into()),
            ("$pod", ".*".into()),
            ("$route", ".*".into()),
            ("$process", ".*".into()),
        ] {
            text = text.replace(name, &value);
        }
        text
    }
}

/// All of a data source: of the workshop's dashboard, or of the others.
pub fn all(from: DataSource, workshop: bool) -> Result<Vec<Asked>> {
    let mut queries = Vec::new();
    for name in said(&["dashboards"])?.lines() {
        if (name == "workshop") != workshop {
            continue;
        }
        let dashboard = said(&["dashboards", "--datasource", from.name(), name])?;
        let dashboard: Value = serde_json::from_str(&dashboard)?;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        for panel in list(&dashboard["panels"]) {
            let place = format!("{name}, {}", panel["title"]);
            let described = panel["description"].as_str().unwrap_or_default();
            for target in list(&panel["targets"]) {
                let text = target["expr"].as_str().or(target["query"].as_str());
                queries.push(Asked {
                    place: place.clone(),
                    text: text.context("a target without a query")?.to_owned(),
                    is_instant: target["instant"] == true,
                    may_be_zero: described.ends_with("0 in a good run."),
                });
            }
        }
        if from == DataSource::Flux {
            continue;
        }
        // What fills the choices at its top.
        for variable in list(&dashboard["templating"]["list"]) {
            // Nothing of these tests runs in Kubernetes.
            let is_there = !["namespace", "pod"]
                .iter()
                .any(|of| variable["name"] == *of);
            if variable["type"] == "query" && is_there {
                queries.push(Asked {
                    place: format!("{name}, variable {}", variable["name"]),
                    text: choices(&variable["query"])?,
                    // Over the dashboard's time, as its panels.
                    is_instant: false,
                    may_be_zero: false,
                });
            }
        }
    }
    ensure!(!queries.is_empty(), "no queries for {from:?}");
    Ok(queries)
}

/// The query of a variable. Prometheus' is no query, but what Grafana makes one of: of
/// `label_values(metric{...}, label)`.
fn choices(query: &Value) -> Result<String> {
    if let Some(text) = query.as_str() {
        return Ok(text.to_owned());
    }
    let text = query["query"].as_str().context("no query")?;
    let inner = text.strip_prefix("label_values(");
    let inner = inner.and_then(|inner| inner.strip_suffix(')'));
    let (series, label) = inner
        .and_then(|inner| inner.rsplit_once(", "))
        .with_context(|| format!("no label_values: {text}"))?;
    Ok(format!("count by ({label}) ({series})"))
}

/// What tells that there is something: a text that is not empty, too.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => Some(if text.is_empty() { 0.0 } else { 1.0 }),
        other => other.as_f64(),
    }
}

fn said(arguments: &[&str]) -> Result<String> {
    let output = probe::run(arguments.iter().copied())?;
    ensure!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
