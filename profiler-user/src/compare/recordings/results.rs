//! What `--json` writes. Times are seconds, shares 0 to 1; what is not known is null.

use serde::Serialize;

use super::difference::Interval;

/// Two recordings, compared.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    /// Of wsgiprobe.
    pub version: &'static str,
    /// The first recording.
    pub before: Side,
    /// The second.
    pub after: Side,
    /// What has to be known to judge it, a sentence each.
    pub notes: Vec<String>,
    /// Share of what is called a change that is expected to be chance at most.
    pub wrong: f64,
    /// Share of cases in which an interval of a route's figure is made to miss the truth:
    /// less than `wrong`, and the less the more routes there are.
    pub misses: f64,
    /// The same of the parts and threads.
    pub misses_parts: f64,
    /// Routes of which a change is shown, the heaviest first.
    pub changed: Vec<Route>,
    /// Routes of which none can be shown, those with most requests first. Their parts
    /// are not compared.
    pub unchanged: Vec<Route>,
    /// Routes that are in both, but too rarely for anything to be said.
    pub too_few: Vec<TooFew>,
    /// Routes of the second alone.
    pub new: Vec<Alone>,
    /// Routes of the first alone.
    pub gone: Vec<Alone>,
}

/// A recording.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// The file.
    pub file: String,
    /// When its first request began (RFC 3339).
    pub began: String,
    /// From there to the end of its last.
    pub seconds: f64,
    /// Requests in it.
    pub requests: u64,
    /// Requests a second.
    pub rate: f64,
    /// Length of the blocks that it was cut into.
    pub block: f64,
    /// What was wrong with it, a sentence each.
    pub warnings: Vec<String>,
}

/// A route that both have.
#[derive(Clone, Debug, Serialize)]
pub struct Route {
    /// Its name.
    #[serde(flatten)]
    pub name: Name,
    /// Its figures in the first.
    pub before: Figures,
    /// Those in the second.
    pub after: Figures,
    /// Seconds that the changes of time come to over all requests of the second.
    pub weight: f64,
    /// How many times as long the recordings should be for a tenth more or less of the
    /// duration to be told from none, roughly; null where they are, or where it changed.
    pub longer: Option<f64>,
    /// What may have changed: `duration`, `accept_wait`, `read_time`, `errors`,
    /// `unanswered`; only those that are known of enough requests, and not always zero.
    pub figures: Vec<Change>,
    /// The parts of the duration, the largest change first.
    pub parts: Vec<Change>,
    /// What its threads did meanwhile, likewise.
    pub threads: Vec<Change>,
}

/// What a route is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Name {
    /// `GET`; `_OTHER` for those that are not known.
    pub method: &'static str,
    /// The path's group.
    pub route: String,
}

/// Figures of a route.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// Requests.
    pub requests: u64,
    /// Requests a second.
    pub rate: f64,
    /// Mean duration; null where nothing was answered, like the percentiles.
    pub mean: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile, to 1 %.
    pub p90: Option<f64>,
    /// 99th percentile, to 1 %.
    pub p99: Option<f64>,
    /// Share with status 500 or above.
    pub errors: f64,
    /// Share to which nothing was written.
    pub unanswered: f64,
}

/// A mean in both. The parts and threads are means over the requests of which they are
/// known, `accept_wait` over connections, `errors` and `unanswered` shares of all
/// requests.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Change {
    /// As in the JSON lines; waits are `wait_lock` and so on.
    pub name: &'static str,
    /// In the first.
    pub before: f64,
    /// In the second.
    pub after: f64,
    /// The second less the first.
    pub difference: Interval,
    /// How many times the first the second is; null where the first is nearly zero.
    pub ratio: Option<Interval>,
    /// Whether it is more than chance.
    pub shown: bool,
}

/// A route with too few requests.
#[derive(Clone, Debug, Serialize)]
pub struct TooFew {
    /// Its name.
    #[serde(flatten)]
    pub name: Name,
    /// Requests in the first.
    pub before: u64,
    /// Requests in the second.
    pub after: u64,
    /// Requests that either should have, roughly.
    pub needed: u64,
    /// How many times as long the recordings should be for that, roughly.
    pub longer: f64,
}

/// A route that only one has.
#[derive(Clone, Debug, Serialize)]
pub struct Alone {
    /// Its name.
    #[serde(flatten)]
    pub name: Name,
    /// Its figures.
    pub figures: Figures,
}

impl Route {
    /// One of its figures by name.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<&Change> {
        self.figures.iter().find(|change| change.name == name)
    }
}
