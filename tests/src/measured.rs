//! What the application `measured.wsgi` says of a request: the truth about its
//! thread, by the clocks of the kernel.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::client::{Response, expect_status};

/// An answer of the application.
#[derive(Clone, Debug, Deserialize)]
pub struct Measured {
    /// Its process.
    pub pid: u32,
    /// Its thread.
    pub tid: u32,
    /// Its group of daemons; empty in embedded mode.
    pub group: String,
    /// From its begin to its answer, nanoseconds.
    pub wall: u64,
    /// Of that on a CPU, nanoseconds.
    pub cpu: u64,
}

impl Measured {
    /// From a response, which must be a good one.
    pub fn of(response: &Response) -> Result<Self> {
        expect_status(response, 200)?;
        serde_json::from_slice(&response.body).with_context(|| response.text())
    }

    /// What it did not spend on a CPU, nanoseconds.
    #[must_use]
    pub fn waited(&self) -> u64 {
        self.wall.saturating_sub(self.cpu)
    }
}
