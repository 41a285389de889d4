//! A private Rotel: an OpenTelemetry collector that writes down what it was sent.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::interrupt::Interrupt;
use crate::process::{Process, free_port};
use crate::setup;

/// The metric that counts requests, and what stands before each of its values.
const REQUESTS: &str = "     -> Name: wsgiprobe.requests";
const VALUE: &str = "Value: ";

/// A collector on a free loopback port.
pub struct Collector {
    _process: Process,
    log: PathBuf,
    /// `--otlp`, with `--otlp-protocol grpc`.
    pub url: String,
}

impl Collector {
    /// Starts it, and waits until it listens.
    pub fn start(folder: &Path, interrupt: &Interrupt) -> Result<Self> {
        let program = setup::collector()?.context("Rotel is missing: run cargo xtask setup")?;
        let (grpc, http) = (free_port()?, free_port()?);
        let log = folder.join("rotel.out");
        let mut process = Process::start_logged(
            Command::new(program)
                .arg("start")
                .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
                .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
                .args(["--exporter", "blackhole", "--debug-log", "metrics"])
                .args(["--debug-log-verbosity", "detailed"])
                .env("HOME", folder),
            &log,
        )?;
        interrupt.wait_for("Rotel", Duration::from_secs(15), || {
            if let Some(status) = process.ended()? {
                bail!("Rotel ended with {status}: {}", fs::read_to_string(&log)?);
            }
            Ok(TcpStream::connect(("127.0.0.1", grpc)).ok())
        })?;
        Ok(Self {
            _process: process,
            log,
            url: format!("http://127.0.0.1:{grpc}"),
        })
    }

    /// Requests that it was told of, once these are as many, or after a while no more.
    pub fn requests(&self, expected: u64, interrupt: &Interrupt) -> Result<u64> {
        let read = || -> Result<u64> { Ok(requests(&fs::read_to_string(&self.log)?)) };
        let looked = interrupt.wait_for("its log", Duration::from_secs(3), || {
            Ok((read()? == expected).then_some(expected))
        });
        interrupt.check()?;
        looked.or_else(|_| read())
    }
}

/// The sum over all series, as it was written last.
fn requests(log: &str) -> u64 {
    let last = log
        .rsplit(REQUESTS)
        .next()
        .filter(|last| last.len() < log.len());
    // Up to the next metric, or the next message.
    let lines = last.into_iter().flat_map(str::lines).skip(1);
    let lines =
        lines.take_while(|line| !line.starts_with("Metric #") && !line.starts_with("Resource"));
    lines
        .filter_map(|line| line.strip_prefix(VALUE)?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_message_counts() {
        let metric = |a, b| {
            format!(
                "Metric #0\n     -> Name: wsgiprobe.requests\n     -> Unit: x\nValue: {a}\n\
                 Value: {b}\nMetric #1\n     -> Name: wsgiprobe.request.size\nValue: 900\n"
            )
        };
        assert_eq!(requests(&metric(1, 2)), 3);
        assert_eq!(requests(&(metric(1, 2) + &metric(4, 3))), 7);
        assert_eq!(requests("Metric #0\nValue: 3\n"), 0);
    }
}
