//! What is compared.

use std::path::PathBuf;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};

use super::load::Load;

/// A server, as it is or with something in it or on top of it.
#[derive(Clone, Debug)]
pub struct Variant {
    /// As the results call it.
    pub name: String,
    /// What starts it, with `{port}` and `{dir}` in it; `None` for one that runs.
    pub server: Option<Vec<String>>,
    /// Environment of what is started.
    pub environment: Vec<(String, String)>,
    /// Whether wsgiprobe watches it.
    pub wsgiprobe: bool,
    /// Its access log, with places likewise.
    pub access_log: Option<String>,
    /// What the instrument in it wrote to an InfluxDB.
    pub reports: Option<Reports>,
}

/// Where an instrument reports to, and how to ask for it there.
#[derive(Clone, Debug)]
pub struct Reports {
    /// InfluxDB 1.x, e.g. `http://127.0.0.1:8086`.
    pub influx_url: String,
    /// Its database.
    pub influx_db: String,
    /// InfluxQL for the number of requests, a single figure; `WHERE time > ...` is added.
    pub requests: String,
    /// InfluxQL for their mean time, seconds, likewise.
    pub mean: Option<String>,
}

/// All that is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is compared; with one or more.
    pub variants: Vec<Variant>,
    /// Which of them the others are compared with.
    pub baseline: usize,
    /// The page, with places likewise.
    pub url: String,
    /// Headers to send with each request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Processes of the server that runs.
    pub pids: Vec<u32>,
    /// How each is loaded.
    pub load: Load,
    /// How often each is measured.
    pub rounds: u32,
    /// How long a measurement takes.
    pub time: Duration,
    /// How long each is loaded before.
    pub warm_up: Duration,
    /// Half the width of an interval that is narrow enough to conclude from, as a share.
    pub resolution: f64,
    /// What wsgiprobe is told beside its target.
    pub probe_arguments: Vec<String>,
    /// Where logs are kept; `None`: nowhere, if all goes well.
    pub keep: Option<PathBuf>,
}

impl Variant {
    /// Of that name, on the server that runs.
    #[must_use]
    pub fn running(name: &str, wsgiprobe: bool) -> Self {
        Self {
            name: name.to_owned(),
            server: None,
            environment: Vec::new(),
            wsgiprobe,
            access_log: None,
            reports: None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::num::NonZeroU32;

    use super::*;

    /// Of variants of these names, of which the first is the baseline.
    pub fn plan(names: &[&str]) -> Plan {
        Plan {
            variants: names
                .iter()
                .map(|name| Variant::running(name, false))
                .collect(),
            baseline: 0,
            url: "http://127.0.0.1:8000/".into(),
            headers: Vec::new(),
            pids: vec![1],
            load: Load::Closed {
                connections: NonZeroU32::MIN,
            },
            rounds: 10,
            time: Duration::from_secs(1),
            warm_up: Duration::from_secs(1),
            resolution: 0.02,
            probe_arguments: Vec::new(),
            keep: None,
        }
    }
}
