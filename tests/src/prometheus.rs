//! A private Prometheus: the strict judge of what it scrapes.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Client, Response, expect_status};
use crate::influx::percent_encoded;
use crate::process::Guarded;
use crate::{ports, wait};

/// How often a port that was taken meanwhile is replaced by another.
const ATTEMPTS: u32 = 4;

/// In which format it asks for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Protobuf, which has native histograms.
    Protobuf,
    /// `OpenMetrics` text.
    Text,
}

/// A running server; it stops when dropped.
pub struct Prometheus {
    server: Guarded,
    data: TempDir,
    port: u16,
}

impl Prometheus {
    /// Starts an empty server that scrapes that port of this host each second.
    pub fn start(target: u16, asks: Asks) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            if let Some(prometheus) = Self::launch(target, asks)? {
                return Ok(prometheus);
            }
        }
        bail!("no prometheus after {ATTEMPTS} attempts")
    }

    fn launch(target: u16, asks: Asks) -> Result<Option<Self>> {
        let data = tempfile::Builder::new()
            .prefix("wsgiprobe-prometheus-")
            .tempdir()?;
        let port = ports::free()?;
        let conf = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs:\n- job_name: wsgiprobe\n  static_configs:\n  \
             - targets: ['127.0.0.1:{target}']\n"
        );
        let file = data.path().join("prometheus.yml");
        fs::write(&file, conf)?;
        let features = match asks {
            Asks::Protobuf => "exemplar-storage,native-histograms",
            Asks::Text => "exemplar-storage",
        };
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", data.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg(format!("--enable-feature={features}"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(data.path().join("log"))?);
        let mut server = Guarded::spawn(&mut command)?;
        let ready = wait::value("prometheus to be ready", || {
            if server.try_wait()?.is_some() {
                return Ok(Some(false));
            }
            let answer = get(port, "/-/ready");
            Ok(answer
                .is_ok_and(|answer| answer.status == 200)
                .then_some(true))
        })?;
        Ok(ready.then_some(Self { server, data, port }))
    }

    /// What an instant query finds: labels and value of each series.
    pub fn query(&self, query: &str) -> Result<Vec<(Value, f64)>> {
        let found = self.api(&format!("query?query={}", percent_encoded(query)))?;
        let series = found["result"].as_array().context("no result")?;
        let pair = |series: &Value| {
            let value = series["value"][1].as_str().context("no value")?;
            Ok((series["metric"].clone(), value.parse()?))
        };
        series.iter().map(pair).collect()
    }

    /// All values that a query finds over a stretch: seconds since the epoch.
    pub fn range(&self, query: &str, from: f64, to: f64) -> Result<Vec<f64>> {
        let query = percent_encoded(query);
        let found = self.api(&format!(
            "query_range?query={query}&start={from}&end={to}&step=1"
        ))?;
        let series = found["result"].as_array().context("no result")?;
        let points = series
            .iter()
            .filter_map(|series| series["values"].as_array());
        let value = |point: &Value| Ok(point[1].as_str().context("no value")?.parse()?);
        points.flatten().map(value).collect()
    }

    /// The one value that a query finds; `None` if it finds none.
    pub fn value(&self, query: &str) -> Result<Option<f64>> {
        let found = self.query(query)?;
        ensure!(found.len() <= 1, "{query}: {found:?}");
        Ok(found.first().map(|(_, value)| *value))
    }

    /// The exemplars of a selector, up to now.
    pub fn exemplars(&self, selector: &str) -> Result<Vec<Value>> {
        let selector = percent_encoded(selector);
        let path = format!("query_exemplars?query={selector}&start=0&end=9999999999");
        let series = self.api(&path)?;
        let lists = series.as_array().context("no list")?.iter();
        let lists = lists.filter_map(|series| series["exemplars"].as_array());
        Ok(lists.flatten().cloned().collect())
    }

    /// What it knows of a metric: type, help, unit.
    pub fn metadata(&self, metric: &str) -> Result<Value> {
        let all = self.api(&format!("metadata?metric={metric}"))?;
        Ok(all[metric][0].clone())
    }

    /// Its complaint about the last scrape; empty if it has none.
    pub fn complaint(&self) -> Result<String> {
        let targets = self.api("targets")?;
        let said = targets["activeTargets"][0]["lastError"].as_str();
        Ok(said.context("no target")?.to_owned())
    }

    fn api(&self, path: &str) -> Result<Value> {
        let answer = get(self.port, &format!("/api/v1/{path}"))?;
        expect_status(&answer, 200)?;
        let answer: Value = serde_json::from_slice(&answer.body).context("Prometheus' answer")?;
        Ok(answer["data"].clone())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let log = fs::read_to_string(self.data.path().join("log")).unwrap_or_default();
        let warned = log.lines().filter(|line| !line.contains("level=info"));
        eprintln!(
            "--- prometheus\n{}\n---",
            warned.collect::<Vec<_>>().join("\n")
        );
        // Before its data goes.
        self.server.stop().ok();
    }
}

/// What `promtool check metrics` has to say of metrics as text; empty if nothing.
pub fn lint(metrics: &[u8]) -> Result<String> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start promtool")?;
    child.stdin.take().context("no stdin")?.write_all(metrics)?;
    let output = child.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    ensure!(
        output.status.success() || !said.is_empty(),
        "promtool: {}",
        output.status
    );
    Ok(said)
}

/// The metrics as they are given to who asks for nothing special.
pub fn scrape(port: u16) -> Result<Vec<u8>> {
    let answer = get(port, "/metrics")?;
    expect_status(&answer, 200)?;
    Ok(answer.body)
}

fn get(port: u16, path: &str) -> Result<Response> {
    Client::connect(port)?.get(path)
}
