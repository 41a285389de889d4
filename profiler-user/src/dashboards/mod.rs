//! Grafana dashboards: `wsgiprobe dashboards`.
//!
//! ```text
//! dashboards/*.toml -> source -> asked (held against the metrics' catalogue)
//!                         |         +--> influxql | flux | promql
//!                         +--> panel (Grafana's JSON) <--+
//! ```
//!
//! What a panel shows is declared once, by the metric's name; the three languages are
//! derived from that. The sources are in the program, so what it writes is always of its
//! own metrics.

mod asked;
mod flux;
mod influxql;
mod panel;
mod promql;
mod source;
mod variables;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Grafana's schema of dashboards that this is written to (`@grafana/schema`).
const SCHEMA_VERSION: u32 = 42;

/// Name and source, in the order in which they are listed.
const SOURCES: [(&str, &str); 6] = [
    (
        "raw-requests",
        include_str!("../../../dashboards/raw-requests.toml"),
    ),
    (
        "request-anatomy",
        include_str!("../../../dashboards/request-anatomy.toml"),
    ),
    (
        "process-info",
        include_str!("../../../dashboards/process-info.toml"),
    ),
    (
        "pool-capacity",
        include_str!("../../../dashboards/pool-capacity.toml"),
    ),
    (
        "overhead",
        include_str!("../../../dashboards/overhead.toml"),
    ),
    (
        "workshop",
        include_str!("../../../dashboards/workshop.toml"),
    ),
];

/// Where the dashboards find their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DataSource {
    /// InfluxDB 1.x, by its own language
    Influxql,
    /// InfluxDB 2.x, in Flux
    Flux,
    /// Prometheus
    Prometheus,
}

impl DataSource {
    /// All.
    pub const ALL: [Self; 3] = [Self::Influxql, Self::Flux, Self::Prometheus];

    /// As the command line has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Influxql => "influxql",
            Self::Flux => "flux",
            Self::Prometheus => "prometheus",
        }
    }

    /// Grafana's plugin.
    const fn plugin(self) -> &'static str {
        match self {
            Self::Influxql | Self::Flux => "influxdb",
            Self::Prometheus => "prometheus",
        }
    }
}

/// Why there is no dashboard.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such name.
    #[error("no dashboard is named {0}; `wsgiprobe dashboards` lists them")]
    Unknown(String),
    /// That one cannot have its data from there.
    #[error(
        "{0} is for the workshop's schema, which only InfluxDB has: --datasource influxql or flux"
    )]
    NotThere(String),
    /// Its file says what cannot be.
    #[error("{0}")]
    Source(String),
    /// A file cannot be written.
    #[error("cannot write {}: {why}", path.display())]
    Write {
        /// The file, or its folder.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
}

/// The dashboards' names.
pub fn names() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().map(|(name, _)| *name)
}

/// Whether that one can have its data from there.
pub fn has(name: &str, from: DataSource) -> Result<bool, Error> {
    Ok(source(name)?.is_for(from))
}

/// A dashboard as Grafana imports it.
pub fn dashboard(name: &str, from: DataSource) -> Result<Value, Error> {
    let source = source(name)?;
    if !source.is_for(from) {
        return Err(Error::NotThere(name.into()));
    }
    let panels = panel::all(&source, from).map_err(|error| match error {
        Error::Source(what) => Error::Source(format!("{name}: {what}")),
        other => other,
    })?;
    Ok(json!({
        "uid": format!("wsgiprobe-{name}-{}", from.name()),
        "title": format!("wsgiprobe: {}", source.title),
        "description": source.description,
        "tags": ["wsgiprobe", from.name()],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "5s",
        "timezone": "browser",
        "time": {"from": "now-15m", "to": "now"},
        "annotations": {"list": []},
        "links": [{
            "title": "wsgiprobe", "type": "dashboards", "tags": ["wsgiprobe", from.name()],
            "asDropdown": true, "includeVars": false, "keepTime": true, "targetBlank": false,
            "icon": "dashboard", "tooltip": "", "url": "",
        }],
        "templating": {"list": variables::all(&source, from)},
        "panels": panels,
    }))
}

/// Writes all of a data source into a folder, which is made if need be. Returns the files.
pub fn write(folder: &Path, from: DataSource) -> Result<Vec<PathBuf>, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |why| Error::Write { path, why }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut written = Vec::new();
    for name in names() {
        if !has(name, from)? {
            continue;
        }
        let file = folder.join(format!("wsgiprobe-{name}-{}.json", from.name()));
        fs::write(&file, text(&dashboard(name, from)?)).map_err(failed(&file))?;
        written.push(file);
    }
    Ok(written)
}

/// As people would write it.
#[must_use]
pub fn text(dashboard: &Value) -> String {
    format!("{dashboard:#}\n")
}

fn source(name: &str) -> Result<source::Dashboard, Error> {
    let known = SOURCES.iter().find(|(known, _)| *known == name);
    let (_, text) = known.ok_or_else(|| Error::Unknown(name.into()))?;
    toml::from_str(text).map_err(|error| Error::Source(format!("dashboards/{name}.toml: {error}")))
}

#[cfg(test)]
mod tests;
