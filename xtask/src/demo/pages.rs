//! What wsgiprobe shows while it watches, beside the terminal.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;
use ureq::Agent;

use crate::interrupt::Interrupt;
use crate::process::free_port;
use crate::workspace;

/// The count of the histogram of durations: every request that got an answer.
const COUNT: &str = "http_server_request_duration_seconds_count";

/// Addresses, and the report that stays.
pub struct Pages {
    /// `--web`.
    pub web: String,
    /// `--prometheus`.
    pub prometheus: String,
    /// `--report`.
    pub report: PathBuf,
}

impl Pages {
    /// On free ports of this host.
    pub fn new() -> Result<Self> {
        Ok(Self {
            web: format!("127.0.0.1:{}", free_port()?),
            prometheus: format!("127.0.0.1:{}", free_port()?),
            report: workspace::target_dir()?.join("demo.html"),
        })
    }

    /// As many requests as the page shows.
    pub fn shown(&self) -> Result<u64> {
        let url = format!("http://{}/api/state", self.web);
        let mut answer = agent()
            .get(&url)
            .call()
            .context("asking for the page's state")?;
        let state: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        state["total"]["n"]
            .as_u64()
            .context("the page has no total")
    }

    /// As many requests as Prometheus would read, once there are `expected`, or when it
    /// is clear that there will not be.
    pub fn scraped(&self, expected: u64, interrupt: &Interrupt) -> Result<u64> {
        let agent = agent();
        let url = format!("http://{}/metrics", self.prometheus);
        let mut found = 0;
        // What has not ended with the window is in the next one.
        for _ in 0..3 {
            interrupt.sleep_until(Instant::now() + Duration::from_secs(1))?;
            let mut answer = agent.get(&url).call().context("asking for the metrics")?;
            found = requests(&answer.body_mut().read_to_string()?);
            if found == expected {
                break;
            }
        }
        Ok(found)
    }
}

fn agent() -> Agent {
    Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(2)))
        .build()
        .into()
}

/// The sum over all series.
fn requests(metrics: &str) -> u64 {
    let counts = metrics.lines().filter(|line| line.starts_with(COUNT));
    let values = counts.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum::<f64>() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_series_count() {
        let metrics = "# TYPE http_server_request_duration_seconds histogram\n\
                       http_server_request_duration_seconds_count{route=\"/a b\"} 3\n\
                       http_server_request_duration_seconds_count{route=\"/c\"} 4\n\
                       http_server_request_duration_seconds_sum{route=\"/c\"} 9\n";
        assert_eq!(requests(metrics), 7);
    }
}
