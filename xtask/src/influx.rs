//! A private InfluxDB.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::interrupt::Interrupt;
use crate::process::{Process, free_port};

const CONFIGURATION: &str = include_str!("../demo/influxdb.conf");

/// The database that is written to.
pub const DATABASE: &str = "wsgiprobe";

/// An InfluxDB 1.x on a free loopback port.
pub struct InfluxDb {
    process: Process,
    url: String,
}

impl InfluxDb {
    /// Starts it in a folder of its own, with an empty database.
    pub fn start(folder: &Path, interrupt: &Interrupt) -> Result<Self> {
        Self::start_by(folder, interrupt, |file| {
            let mut influxd = Command::new("influxd");
            influxd.arg("-config").arg(file);
            influxd
        })
    }

    /// Likewise, by the command that is made of its configuration file.
    pub fn start_by(
        folder: &Path,
        interrupt: &Interrupt,
        command: impl FnOnce(&Path) -> Command,
    ) -> Result<Self> {
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
        let process = Process::start_logged(&mut command(&file), &log)?;
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

    /// Asks in InfluxQL; an error in the answer is an error.
    pub fn ask(&self, query: &str) -> Result<Value> {
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
