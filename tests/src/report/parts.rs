//! The parts of a request, as wsgiprobe reports them.

use anyhow::{Context, Result};

use super::{Mode, Request, Wait};

impl Request {
    /// A figure that must be known, by its name in the contract.
    pub fn known(&self, name: &str, figure: Option<u64>) -> Result<u64> {
        figure.with_context(|| format!("{name} is not known: {self:?}"))
    }

    /// What the parts of `duration` add up to, nanoseconds. Where there is no daemon
    /// there is nothing between Apache and the application.
    pub fn sum_of_parts(&self) -> Result<u64> {
        let mut parts = vec![
            ("server_time", self.server_time),
            ("application_time", self.application_time),
            ("send_time", self.send_time),
        ];
        if self.mode == Some(Mode::Daemon) {
            parts.push(("queue_time", self.queue_time));
            parts.push(("daemon_time", self.daemon_time));
        }
        parts
            .into_iter()
            .map(|(name, part)| self.known(name, part))
            .sum()
    }

    /// What it waited for.
    pub fn waits(&self) -> Result<&Wait> {
        self.wait
            .as_ref()
            .with_context(|| format!("wait is not known: {self:?}"))
    }
}

/// Each cause, with its name in the contract.
pub const CAUSES: [&str; 7] = [
    "runqueue", "lock", "upstream", "client", "disk", "sleep", "other",
];

impl Wait {
    /// The time of one of [`CAUSES`], nanoseconds.
    pub fn of(&self, cause: &str) -> Result<u64> {
        let time = match cause {
            "runqueue" => self.runqueue,
            "lock" => self.lock,
            "upstream" => self.upstream,
            "client" => self.client,
            "disk" => self.disk,
            "sleep" => self.sleep,
            "other" => self.other,
            _ => None,
        };
        time.with_context(|| format!("wait.{cause} is not known"))
    }

    /// All of it, nanoseconds.
    pub fn total(&self) -> Result<u64> {
        CAUSES.iter().map(|cause| self.of(cause)).sum()
    }
}
