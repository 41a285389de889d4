//! What every screen and sink is told: once what is watched, then each window.

use std::time::Duration;

use crate::aggregate::Window;
use crate::pool::Snapshot;
use crate::summary::Summary;

/// What does not change in a run.
#[derive(Clone, Debug)]
pub struct About {
    /// This program's version.
    pub version: &'static str,
    /// This host's name.
    pub hostname: String,
    /// The kernel's release.
    pub kernel: String,
    /// The hook back end.
    pub hooks: &'static str,
    /// What is watched, in words.
    pub targets: Vec<String>,
    /// Length of a window.
    pub interval: Duration,
    /// Begin of the run, wall clock: nanoseconds since the epoch.
    pub began_unix_ns: u64,
}

/// All that is known as a window ends.
#[derive(Clone, Debug)]
pub struct Tick {
    /// The requests that finished in it.
    pub window: Window,
    /// The servers at its end.
    pub snapshot: Snapshot,
    /// The account of the run so far. What waits in the ring buffer is in flight.
    pub account: Summary,
}
