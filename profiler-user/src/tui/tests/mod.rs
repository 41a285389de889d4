//! What the tests of several files build on.
//!
//! - `scene`: a run with a bit of everything.
//! - `keys`: what keys do.
//! - `pty`: taking a terminal and giving it back, on a real one.
//! - `pictures`: every page, compared with `snapshots/`.

mod keys;
mod pictures;
mod pty;
mod scene;

use std::sync::Arc;
use std::time::Duration;

use super::feed::{Item, Told};
use super::model::Model;
use super::samples::Samples;
use crate::aggregate::Aggregator;
use crate::model::Request;
use crate::pool::Snapshot;
use crate::request::sample;
use crate::summary;
use crate::tick::{About, Tick};

const SECOND: u64 = 1_000_000_000;

/// Begin of the second with that number.
pub fn second(number: u64) -> u64 {
    number * SECOND
}

/// A second of requests.
pub fn tick(start_unix_ns: u64, requests: &[Request]) -> Tick {
    let mut aggregator = Aggregator::new();
    for request in requests {
        aggregator.record(request);
    }
    Tick {
        window: aggregator.close(start_unix_ns, start_unix_ns + SECOND),
        snapshot: Snapshot::default(),
        account: summary::tests::sample(16),
        points: None,
    }
}

/// The item of it.
pub fn told(start_unix_ns: u64, requests: &[Request]) -> Item {
    let mut samples = Samples::default();
    for request in requests {
        samples.offer(request);
    }
    let tick = Arc::new(tick(start_unix_ns, requests));
    Item::Window(Box::new(Told { tick, samples }))
}

/// The begin of a run.
pub fn about() -> Item {
    Item::Begin(Arc::new(About {
        version: "0.1.0",
        hostname: "host".into(),
        kernel: "6.18.44".into(),
        hooks: "sock",
        targets: vec!["apache2 pid 16595".into()],
        interval: Duration::from_secs(1),
        began_unix_ns: 0,
    }))
}

/// A run of so many seconds, one request in each.
pub fn fed(seconds: u64) -> Model {
    let mut model = Model::default();
    model.take(about());
    for number in 0..seconds {
        model.take(told(second(number), &[sample::request("/")]));
    }
    model
}
