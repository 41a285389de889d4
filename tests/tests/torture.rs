//! Proves that every request that Apache logs is reported exactly once and right,
//! whatever clients do, in any mixture, for as long as one likes: `WSGIPROBE_TORTURE_SECONDS`
//! says how long each mixture goes on (10 if it is not set; where processors are emulated
//! twice that).

#[path = "torture/cases.rs"]
mod cases;
#[path = "torture/churn.rs"]
mod churn;
#[path = "torture/idle.rs"]
mod idle;
#[path = "torture/mixture.rs"]
mod mixture;
#[path = "torture/storm.rs"]
mod storm;

use std::time::Duration;

use harness::apache::Conf;
use harness::emulated::emulated;
use harness::report::{Outcome, Request};

/// Seconds that each mixture goes on.
const SECONDS: &str = "WSGIPROBE_TORTURE_SECONDS";

/// Long enough for every case to come up hundreds of times.
const USUAL: u64 = 10;

fn duration() -> Duration {
    let named = std::env::var(SECONDS).ok();
    let seconds = named.and_then(|text| text.parse().ok()).unwrap_or(USUAL);
    // Not as much as everything takes longer there: each case comes up tens of times.
    let longer = if emulated() { 2 } else { 1 };
    Duration::from_secs(seconds) * longer
}

/// Room for that many connections under the event MPM: fewer threads than those, as
/// idle connections need none.
fn roomy(conf: Conf) -> Conf {
    conf.directive("ServerLimit 4\nThreadsPerChild 32\nMaxRequestWorkers 128\nStartServers 3")
        .directive("MaxSpareThreads 128\nAsyncRequestWorkerFactor 4\nListenBacklog 1024")
}

/// A request that was read, and that nobody ever turned to since its client was gone
/// or its server killed. Apache does not log it.
fn unanswered(request: &Request) -> bool {
    request.status.is_none()
        && matches!(
            request.outcome,
            Outcome::ClientClosed | Outcome::ServerClosed
        )
}
