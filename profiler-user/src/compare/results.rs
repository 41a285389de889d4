//! What a comparison came to, as `--json` writes it. Times are seconds, memory is
//! bytes, CPU is seconds a request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use super::figure::{Figure, Figures, Unit};
pub use crate::measure::stats::Estimate;

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Of the wsgiprobe that measured.
    pub version: String,
    /// Its arguments.
    pub command: Vec<String>,
    /// When it began.
    pub began: Timestamp,
    /// Where.
    pub machine: Machine,
    /// What disturbed, or has to be known: a sentence each.
    pub notes: Vec<String>,
    /// How it was measured.
    pub plan: Plan,
    /// Name of the variant that the others are held against.
    pub baseline: String,
    /// What was compared, the baseline among it.
    pub variants: Vec<Variant>,
}

/// What [`Results`] have; some tools sort it.
const KEYS: [&str; 8] = [
    "baseline", "began", "command", "machine", "notes", "plan", "variants", "version",
];

/// Whether a file that begins so is of [`Results`], not one of `--jsonl`.
#[must_use]
pub fn begin(bytes: &[u8]) -> bool {
    let key = || {
        let inner = bytes.trim_ascii_start().strip_prefix(b"{")?;
        let inner = inner.trim_ascii_start().strip_prefix(b"\"")?;
        inner.split(|byte| *byte == b'"').next()
    };
    key().is_some_and(|key| KEYS.iter().any(|known| known.as_bytes() == key))
}

/// The machine that it ran on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The kernel's release.
    pub kernel: String,
    /// The processor's name.
    pub cpu: String,
    /// CPUs that may be used.
    pub cpus: usize,
    /// Mean number of runnable threads in the minute before.
    pub load: f64,
    /// Share of the time that the hypervisor gave to others meanwhile, 0 to 1.
    pub stolen: f64,
}

/// How it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Rounds that were wanted.
    pub rounds: usize,
    /// Rounds that every variant has; fewer if it was interrupted.
    pub finished: usize,
    /// Length of each measurement, seconds.
    pub time: f64,
    /// Load before each measurement, seconds.
    pub warm_up: f64,
    /// Where the load came from.
    pub load: Load,
    /// Connections, of our own load.
    pub connections: usize,
    /// Requests a second that were wanted, of a fixed rate.
    pub rate: Option<f64>,
    /// What was asked for.
    pub url: String,
    /// The command that made the load.
    pub command: Option<String>,
}

/// Where the load came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Each connection sends its next request as it has an answer.
    Closed,
    /// Requests are due at a fixed rate, and late ones count from when they were due.
    Fixed,
    /// A command of the user's.
    Command,
}

/// One of what was compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// How wsgiprobe was attached, if it was: the backend.
    pub wsgiprobe: Option<String>,
    /// The command that started the server, if we did.
    pub server: Option<String>,
    /// Means over the rounds.
    pub figures: Figures<Estimate>,
    /// Against the baseline; `None` of the baseline itself.
    pub ratios: Option<Figures<Ratio>>,
    /// Sums over the rounds.
    pub requests: Requests,
    /// What its instrument says of the latency, if it says something.
    pub says: Option<Says>,
    /// Latency by percentile, of all rounds together: percent (0 to 100) and seconds,
    /// both ascending.
    pub distribution: Vec<(f64, f64)>,
    /// Each round.
    pub rounds: Vec<Round>,
}

impl Variant {
    /// Whether the others are held against it.
    #[must_use]
    pub fn is_baseline(&self) -> bool {
        self.ratios.is_none()
    }
}

/// How a figure is to that of the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The geometric mean over the rounds, with its interval.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// What may be said of it.
    pub verdict: Verdict,
    /// Rounds that would probably tell, if these do not.
    pub needed: Option<usize>,
}

/// What may be said of a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Shown to be more than the baseline.
    More,
    /// Shown to be less.
    Less,
    /// No difference that can be shown, and the interval is narrow.
    #[serde(rename = "none")]
    NoDifference,
    /// No difference is shown, but the interval is wide.
    TooNoisy,
    /// Too few rounds to say anything.
    TooFew,
}

/// What became of the requests, in all rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// That the client sent.
    pub sent: u64,
    /// Answered with a status below 400.
    pub answered: u64,
    /// Answered with another one, or not at all.
    pub errors: u64,
    /// Lines in the access log.
    pub logged: Option<u64>,
    /// That the instrument reported.
    pub reported: Option<u64>,
}

/// The latency, seen from two sides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Says {
    /// What the instrument says that a request takes in the mean, seconds.
    pub mean: f64,
    /// What the client saw of the same requests, seconds.
    pub client_mean: f64,
}

/// One measurement of a variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Which, from 1.
    pub round: usize,
    /// When its measurement began, seconds since the begin of all.
    pub at: f64,
    /// What was measured.
    #[serde(flatten)]
    pub figures: Figures<f64>,
    /// Requests answered.
    pub answered: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Answers in each whole second of the measurement.
    pub seconds: Vec<u64>,
}

/// Of two variants: made up.
#[cfg(test)]
pub(super) fn sample() -> Results {
    serde_json::from_value(tests::agreed()).expect("as agreed")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn estimate(value: f64) -> Value {
        json!({"value": value, "low": 0.98, "high": 1.02, "rounds": 10, "min": 0.97, "max": 1.03})
    }

    fn ratio(verdict: &str, needed: Option<usize>) -> Value {
        let mut ratio = estimate(1.0);
        ratio["verdict"] = verdict.into();
        ratio["needed"] = needed.into();
        ratio
    }

    pub(super) fn agreed() -> Value {
        let figures = json!({
            "throughput": estimate(1_000.5), "mean": estimate(0.1), "p50": estimate(0.1),
            "p90": estimate(0.1), "p99": estimate(0.1), "p99.9": estimate(0.1),
            "max": estimate(0.1), "server_cpu": estimate(0.1), "probe_cpu": null,
            "server_memory": estimate(0.1), "probe_memory": null,
        });
        let ratios = json!({
            "throughput": ratio("less", None), "mean": ratio("more", None),
            "p50": ratio("none", None), "p90": ratio("too_noisy", Some(37)),
            "p99": ratio("too_few", None), "p99.9": ratio("none", None), "max": null,
            "server_cpu": null, "probe_cpu": null, "server_memory": null,
            "probe_memory": null,
        });
        let round = json!({
            "round": 1, "at": 12.5, "throughput": 1000.5, "mean": 0.1, "p50": 0.1, "p90": 0.1,
            "p99": 0.1, "p99.9": 0.1, "max": 0.1, "server_cpu": 0.1, "probe_cpu": null,
            "server_memory": 0.1, "probe_memory": null, "answered": 5000, "errors": 0,
            "seconds": [1034, 1040],
        });
        let requests = json!({
            "sent": 5001, "answered": 5000, "errors": 0, "logged": null, "reported": null,
        });
        json!({
            "version": "0.1.0", "command": ["compare"], "began": "2026-11-22T07:30:00Z",
            "machine": {"kernel": "6.1", "cpu": "x", "cpus": 2, "load": 0.1, "stolen": 0.001},
            "notes": ["A sentence."],
            "plan": {
                "rounds": 10, "finished": 10, "time": 5.0, "warm_up": 1.0, "load": "closed",
                "connections": 4, "rate": null, "url": "http://127.0.0.1:8000/", "command": null,
            },
            "baseline": "bare",
            "variants": [
                {
                    "name": "bare", "wsgiprobe": null, "server": null, "figures": figures,
                    "ratios": null, "requests": requests, "says": null,
                    "distribution": [[0.0, 0.0001], [50.0, 0.0003]], "rounds": [round],
                },
                {
                    "name": "sock", "wsgiprobe": "sock", "server": "run it", "figures": figures,
                    "ratios": ratios, "requests": requests,
                    "says": {"mean": 0.00012, "client_mean": 0.00031},
                    "distribution": [], "rounds": [],
                },
            ],
        })
    }

    #[test]
    fn the_json_is_as_agreed() {
        let results: Results = serde_json::from_value(agreed()).unwrap();
        assert_eq!(serde_json::to_value(&results).unwrap(), agreed());
        assert!(results.variants[0].is_baseline() && !results.variants[1].is_baseline());
        let ratios = results.variants[1].ratios.as_ref().unwrap();
        assert_eq!(ratios.p50.unwrap().verdict, Verdict::NoDifference);
        assert_eq!(ratios.p90.unwrap().needed, Some(37));
    }

    #[test]
    fn a_file_of_it_is_known_by_its_begin() {
        let results: Results = serde_json::from_value(agreed()).unwrap();
        assert!(begin(&serde_json::to_vec(&results).unwrap()));
        assert!(begin(&serde_json::to_vec_pretty(&results).unwrap()));
        for key in serde_json::to_value(&results)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
        {
            assert!(begin(format!("{{\"{key}\": 1").as_bytes()), "{key}");
        }
        assert!(!begin(b"{\"time\":\"2026-11-22T07:30:00Z\",\"version\":1}"));
        assert!(!begin(b""));
    }

    #[test]
    fn what_a_verdict_is_called_is_known() {
        let mut other = agreed();
        other["variants"][1]["ratios"]["p50"]["verdict"] = "perhaps".into();
        assert!(serde_json::from_value::<Results>(other).is_err());
    }
}
