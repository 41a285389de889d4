//! The load: as much as the server takes, or so many requests a second.

mod fixed;
mod wrk;

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use crate::interrupt::Interrupt;

/// How the server is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Each connection asks again at once.
    Saturated,
    /// A fixed number of requests a second, whether the answers are late or not.
    Fixed,
}

impl Kind {
    /// As the tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Saturated => "saturated",
            Self::Fixed => "fixed",
        }
    }
}

/// A load: the same for every variant.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Which of the two.
    pub kind: Kind,
    /// Connections, each kept for as long as the server keeps it.
    pub connections: u32,
    /// Requests a second of the fixed load.
    pub rate: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Requests answered with success.
    pub answered: u64,
    /// Requests refused, failed, or never sent for want of time.
    pub errors: u64,
    /// How long it took, seconds.
    pub seconds: f64,
    /// Median latency, seconds.
    pub p50: f64,
    /// Latency that 99 of 100 requests did not exceed, seconds.
    pub p99: f64,
}

impl Outcome {
    /// Requests answered a second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.seconds
    }
}

impl Load {
    /// Asks for this page for so long.
    pub fn run(&self, url: &str, time: Duration, interrupt: &Interrupt) -> Result<Outcome> {
        match self.kind {
            Kind::Saturated => wrk::run(url, self.connections, time, interrupt),
            Kind::Fixed => fixed::run(url, self.connections, self.rate, time, interrupt),
        }
    }
}

/// As much of this page as the server gives to so many connections.
pub fn saturate(
    url: &str,
    connections: u32,
    time: Duration,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    wrk::run(url, connections, time, interrupt)
}
