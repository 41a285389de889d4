//! The log as a file that a running server writes.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Entry;
use crate::{ports, wait};

/// The access log of a server.
pub struct AccessLog {
    path: PathBuf,
    server_port: u16,
    /// Entries at the start that are the harness's own.
    warm_up: usize,
}

impl AccessLog {
    /// The log at `path` of the server on that port, once it has answered the
    /// harness: what is in it by then does not count.
    pub fn after_warm_up(path: PathBuf, server_port: u16) -> Result<Self> {
        let mut log = Self {
            path,
            server_port,
            warm_up: 0,
        };
        wait::until("the first entry of the access log", || {
            Ok(!log.read()?.is_empty())
        })?;
        ports::wait_until_closed(server_port)?;
        log.warm_up = log.read()?.len();
        Ok(log)
    }

    /// What was logged so far.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        Ok(self.read()?.split_off(self.warm_up))
    }

    /// Waits until all that clients did is over: their connections are closed and
    /// the log has `count` entries.
    pub fn settle(&self, count: usize) -> Result<Vec<Entry>> {
        ports::wait_until_closed(self.server_port)?;
        wait::until(&format!("{count} entries in the access log"), || {
            Ok(self.entries()?.len() >= count)
        })
        .with_context(|| format!("{:?}", self.entries()))?;
        self.entries()
    }

    fn read(&self) -> Result<Vec<Entry>> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        // Without its newline a line is still being written.
        let whole = text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'));
        whole.map(Entry::parse).collect()
    }
}
