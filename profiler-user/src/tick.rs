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
    /// What became of the points for InfluxDB so far, where there are any.
    pub points: Option<Points>,
}

/// What became of the points for `InfluxDB` so far; the others wait in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Points {
    /// The database took them.
    pub written: u64,
    /// They were given up: no room, or the end.
    pub dropped: u64,
    /// The database refused them.
    pub rejected: u64,
    /// They wait on disk.
    pub spooled: u64,
}

impl Points {
    /// Those that no longer wait, by what became of them.
    #[must_use]
    pub const fn gone(&self) -> [(&'static str, u64); 3] {
        [
            ("written", self.written),
            ("dropped", self.dropped),
            ("rejected", self.rejected),
        ]
    }
}
