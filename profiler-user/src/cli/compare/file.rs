//! The file of `compare --config`: settings, and a table for each variant.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Command;
use serde::Deserialize;

use super::{NAME, absolute, command};
use crate::cli::config;
use crate::compare::places;
use crate::compare::variant::{Reports, Variant};

/// A variant of the file.
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

/// The command with the file's settings as the defaults of `compare`, and its variants.
pub(super) fn with_file(cli: Command, file: &Path) -> Result<(Command, Vec<Table>), String> {
    let mut table = config::read(file)?;
    let mut variants: Vec<Table> = match table.remove("variant") {
        Some(variants) => Vec::deserialize(variants).map_err(|error| error.message().to_owned())?,
        None => Vec::new(),
    };
    let here = absolute(file.parent().unwrap_or(Path::new(".")));
    for variant in &mut variants {
        variant.put_in("here", &here.display().to_string());
    }
    let compare = cli.find_subcommand(NAME).expect("it is there").clone();
    let compare = config::into_defaults(compare, table)?;
    Ok((cli.mut_subcommand(NAME, |_| compare), variants))
}

impl Table {
    /// Puts what is known into `{name}`, wherever it may stand.
    fn put_in(&mut self, name: &str, value: &str) {
        let texts = self.server.iter_mut().chain(&mut self.access_log);
        for text in texts.chain(self.environment.values_mut()) {
            *text = places::placed(text, &[(name, value)]);
        }
    }

    pub(super) fn variant(self) -> Result<Variant, String> {
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
