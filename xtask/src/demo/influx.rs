//! The private InfluxDB, and what can be read back from it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::interrupt::Interrupt;
use super::process::{Process, free_port};

const CONFIGURATION: &str = include_str!("../../demo/influxdb.conf");

/// The database that wsgiprobe writes to.
pub const DATABASE: &str = "wsgiprobe";

/// What `--influx-schema otel` calls a window's aggregate, and a request.
const AGGREGATES: &str = "http.server.request.duration";
const REQUESTS: &str = "http.server.request";

/// An InfluxDB 1.x on a free loopback port.
pub struct InfluxDb {
    process: Process,
    url: String,
}

/// What InfluxDB holds after the run.
pub struct Stored {
    /// Points of the aggregates: one a second, route, method and status class.
    pub aggregates: u64,
    /// The requests they sum up to.
    pub aggregated_requests: u64,
    /// Points of single requests.
    pub requests: u64,
    /// By route, the busiest first.
    pub routes: Vec<Route>,
}

/// One route's figures over the whole run.
pub struct Route {
    /// The path's group.
    pub name: String,
    /// Requests.
    pub requests: u64,
    /// Mean duration, seconds.
    pub mean: f64,
    /// Longest duration, seconds.
    pub max: f64,
    /// Those that failed on the server.
    pub errors: u64,
}

impl InfluxDb {
    /// Starts it in a folder of its own, with an empty database.
    pub fn start(folder: &Path, interrupt: &Interrupt) -> Result<Self> {
        let home = folder.join("influxdb");
        fs::create_dir_all(&home).context("creating InfluxDB's folder")?;
        let port = free_port()?;
        let configuration = CONFIGURATION
            .replace("@DIR@", &home.display().to_string())
            .replace("@PORT@", &port.to_string())
            .replace("@RPC_PORT@", &free_port()?.to_string());
        let file = home.join("influxdb.conf");
        fs::write(&file, configuration).context("writing InfluxDB's configuration")?;
        let log = home.join("influxd.log");
        let process =
            Process::start_logged(Command::new("influxd").arg("-config").arg(file), &log)?;
        let mut influx = Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        };

        interrupt.wait_for("InfluxDB's first answer", Duration::from_secs(15), || {
            if let Some(status) = influx.process.ended()? {
                bail!(
                    "InfluxDB ended with {status}: {}",
                    fs::read_to_string(&log).unwrap_or_default()
                );
            }
            Ok(ureq::get(format!("{}/ping", influx.url)).call().ok())
        })?;
        influx.ask(&format!("CREATE DATABASE {DATABASE}"))?;
        Ok(influx)
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Reads back what wsgiprobe wrote.
    pub fn stored(&self) -> Result<Stored> {
        let points = self.ask(&format!("SELECT COUNT(requests) FROM \"{AGGREGATES}\""))?;
        let total = self.ask(&format!("SELECT SUM(requests) FROM \"{AGGREGATES}\""))?;
        let raw = self.ask(&format!("SELECT COUNT(outcome) FROM \"{REQUESTS}\""))?;
        let by_route = self.ask(&format!(
            "SELECT SUM(requests), SUM(sum) / SUM(count), MAX(max), SUM(errors) \
             FROM \"{AGGREGATES}\" GROUP BY route"
        ))?;
        let mut routes: Vec<Route> = series(&by_route).map(route).collect();
        routes.sort_by_key(|route| std::cmp::Reverse(route.requests));
        Ok(Stored {
            aggregates: first_count(&points),
            aggregated_requests: first_count(&total),
            requests: first_count(&raw),
            routes,
        })
    }

    /// Asks in InfluxQL; an error in the answer is an error.
    fn ask(&self, query: &str) -> Result<Value> {
        let answer = ureq::post(format!("{}/query", self.url))
            .send_form([("db", DATABASE), ("q", query)])
            .and_then(|mut answer| answer.body_mut().read_to_string())
            .with_context(|| format!("asking InfluxDB: {query}"))?;
        let answer: Value = serde_json::from_str(&answer).context("reading InfluxDB's answer")?;
        let mut result = answer["results"][0].clone();
        if let Some(error) = result["error"].as_str() {
            bail!("InfluxDB refused `{query}`: {error}");
        }
        Ok(result["series"].take())
    }
}

/// The series of an answer; none if nothing was found.
fn series(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.as_array().into_iter().flatten()
}

/// The first figure of the first series; zero if nothing was found.
fn first_count(answer: &Value) -> u64 {
    answer[0]["values"][0][1].as_u64().unwrap_or(0)
}

fn route(series: &Value) -> Route {
    let row = &series["values"][0];
    Route {
        name: series["tags"]["route"].as_str().unwrap_or("").to_owned(),
        requests: row[1].as_u64().unwrap_or(0),
        mean: row[2].as_f64().unwrap_or(0.0),
        max: row[3].as_f64().unwrap_or(0.0),
        errors: row[4].as_u64().unwrap_or(0),
    }
}
