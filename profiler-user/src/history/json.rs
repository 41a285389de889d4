//! What the page is told, as JSON: everything, and then what a window changed.

use serde::Serialize;
use serde_json::{Value, json};

use super::heat::{BUCKETS, PER_OCTAVE};
use super::sample::{PARTS, quantiles};
use super::{Group, History, Sample, Slowest};
use crate::aggregate::Share;
use crate::summary::Summary;

/// Where the figures are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A run, now.
    Live,
    /// A run that is over.
    Run,
    /// A file of `--jsonl`: servers and the account are not in it.
    Recording,
}

/// The run's account, with words for what was hit.
#[derive(Clone, Debug)]
pub struct Account(Value);

impl Account {
    /// Of a summary.
    #[must_use]
    pub fn new(summary: &Summary) -> Self {
        // A map of strings and numbers: nothing of it can fail.
        let mut account = serde_json::to_value(summary).unwrap_or_default();
        let words = |hit: &crate::summary::Hit| json!([hit.counter, hit.words]);
        account["hits"] = summary.limits.iter().map(words).collect();
        Self(account)
    }
}

#[derive(Serialize)]
struct State<'a> {
    about: Value,
    shares: Vec<&'static str>,
    parts: [&'static str; PARTS.len()],
    heat: Value,
    groups: &'a [Group],
    samples: &'a [Sample],
    #[serde(flatten)]
    common: Common<'a>,
    slowest: &'a Slowest,
}

#[derive(Serialize)]
struct Change<'a> {
    groups: &'a [Group],
    sample: Option<&'a Sample>,
    #[serde(flatten)]
    common: Common<'a>,
    slowest: Option<&'a Slowest>,
}

/// What both have.
#[derive(Serialize)]
struct Common<'a> {
    /// Windows a step, in time and of the routes: if these change, steps are others.
    windows: [u64; 2],
    total: Value,
    account: Option<&'a Value>,
    routes: Vec<super::routes::Row<'a>>,
    notices: Vec<&'a (u64, String)>,
    ended: bool,
}

impl History {
    /// Everything.
    pub fn state(&self, origin: Origin) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&State {
            about: self.about(origin),
            shares: Share::ALL.map(Share::name).to_vec(),
            parts: PARTS,
            heat: json!({ "buckets": BUCKETS, "per_octave": PER_OCTAVE, "floor_log2": 14 }),
            groups: self.groups.known(),
            samples: self.samples.steps(),
            common: self.common(false),
            slowest: &self.slowest,
        })
    }

    /// What the last window changed.
    pub fn change(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Change {
            groups: self.groups.known(),
            sample: self.samples.steps().last(),
            common: self.common(true),
            slowest: self.slowest_changed.then_some(&self.slowest),
        })
    }

    fn common(&self, touched_only: bool) -> Common<'_> {
        let total = self.routes.total();
        Common {
            windows: [self.samples.windows(), self.routes.windows()],
            total: json!({
                "n": total.count,
                "x": total.errors,
                "c": total.client_errors,
                "q": quantiles(total),
                "d": total.sum,
                "in": total.request_bytes,
                "out": total.response_bytes,
                "w": total.anatomy.shares.all(),
            }),
            account: self.account.as_ref().map(|account| &account.0),
            routes: self.routes.rows(touched_only),
            notices: self.notices.iter().collect(),
            ended: self.ended,
        }
    }

    fn about(&self, origin: Origin) -> Value {
        let origin = match origin {
            Origin::Live => "live",
            Origin::Run => "run",
            Origin::Recording => "recording",
        };
        let Some(about) = &self.about else {
            return json!({ "origin": origin });
        };
        json!({
            "origin": origin,
            "version": about.version,
            "hostname": about.hostname,
            "kernel": about.kernel,
            "hooks": about.hooks,
            "targets": about.targets,
            "interval_ms": about.interval.as_millis() as u64,
            "began_ms": about.began_unix_ns / 1_000_000,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::aggregate::Aggregator;
    use crate::pool::Snapshot;
    use crate::request::sample;
    use crate::summary::tests::sample as summary;
    use crate::tick::{About, Tick};

    fn history(paths: &[&str]) -> History {
        let mut aggregator = Aggregator::new();
        for path in paths {
            aggregator.record(&sample::request(path));
        }
        let mut history = History::default();
        history.begin(Arc::new(About {
            version: "1",
            hostname: "here".into(),
            kernel: "6".into(),
            hooks: "sock",
            targets: vec!["apache2 pid 1".into()],
            interval: Duration::from_secs(1),
            began_unix_ns: 5_000_000,
        }));
        history.push(&Tick {
            window: aggregator.close(0, 1_000_000_000),
            snapshot: Snapshot::default(),
            account: summary(16),
            points: None,
        });
        history
    }

    fn value(bytes: serde_json::Result<Vec<u8>>) -> Value {
        serde_json::from_slice(&bytes.unwrap()).unwrap()
    }

    #[test]
    fn has_every_request_once() {
        let history = history(&["/a", "/a", "/b"]);
        let state = value(history.state(Origin::Live));
        assert_eq!(state["total"]["n"], 3);
        assert_eq!(state["samples"][0]["n"], 3);
        let rows = state["routes"].as_array().unwrap().iter();
        assert_eq!(rows.map(|row| row["n"].as_u64().unwrap()).sum::<u64>(), 3);
        assert_eq!(state["slowest"].as_array().unwrap().len(), 3);
        assert_eq!(state["shares"][2], "app cpu");
        assert_eq!(state["account"]["lost"]["ring_full"], 2);
        assert_eq!(state["account"]["hits"][0][0], "ring_full");
        assert_eq!(state["about"]["began_ms"], 5);
        let change = value(history.change());
        assert_eq!(change["sample"], state["samples"][0]);
        assert_eq!(change["total"], state["total"]);
        assert_eq!(change["ended"], false);
    }

    #[test]
    fn the_end_has_the_last_account() {
        let mut history = history(&[]);
        history.end(&summary(17));
        let state = value(history.state(Origin::Run));
        assert_eq!(state["account"]["seen"], 17);
        assert_eq!(state["ended"], true);
    }
}
