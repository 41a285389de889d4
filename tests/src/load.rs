//! Many requests from several clients at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Result, anyhow};

use crate::apache::Apache;

/// How much, and how.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Clients at the same time.
    pub clients: usize,
    /// Requests of each.
    pub requests: usize,
    /// On one connection a client, instead of one a request.
    pub kept: bool,
}

impl Load {
    /// Requests of all clients.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.clients * self.requests
    }

    /// Runs it to the end, whatever the answers are: a restart of daemons makes
    /// Apache itself answer some with 503. `progress` is told after each request how many there
    /// have been, by the client that sent it.
    pub fn run(
        &self,
        apache: &Apache,
        progress: impl Fn(usize) -> Result<()> + Sync,
    ) -> Result<()> {
        let done = AtomicUsize::new(0);
        let client = |number: usize| -> Result<()> {
            let mut connection = apache.connect()?;
            for request in 0..self.requests {
                if !self.kept && request > 0 {
                    connection = apache.connect()?;
                }
                let path = format!("/hello/{number}/{request}");
                connection.get(&path)?;
                progress(done.fetch_add(1, Ordering::Relaxed) + 1)?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let clients: Vec<_> = (0..self.clients)
                .map(|number| scope.spawn(move || client(number)))
                .collect();
            clients.into_iter().try_for_each(|client| {
                client
                    .join()
                    .unwrap_or_else(|_| Err(anyhow!("a client panicked")))
            })
        })
    }
}
