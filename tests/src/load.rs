//! Many requests from several clients at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::client::{self, Client, Response};
use crate::server::Server;

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
        server: &impl Server,
        progress: impl Fn(usize) -> Result<()> + Sync,
    ) -> Result<()> {
        let done = AtomicUsize::new(0);
        self.each(server, |connection, number, request| {
            connection.get(&format!("/hello/{number}/{request}"))?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1)
        })
        .map(drop)
    }

    /// Sends `PREFIX/CLIENT-REQUEST`, with that body if there is one, and gives all
    /// answers with the time that each client saw.
    pub fn measure(&self, server: &impl Server, prefix: &str, body: &[u8]) -> Result<Vec<Seen>> {
        self.each(server, |connection, number, request| {
            let path = format!("{prefix}/{number}-{request}");
            connection.send(if body.is_empty() {
                client::get(&path).into_bytes()
            } else {
                client::post(&path, body)
            })?;
            Ok((path, connection.receive()?))
        })
        .map(|seen| {
            let seen = seen.into_iter();
            seen.map(|(took, (path, response))| Seen {
                path,
                response,
                took,
            })
            .collect()
        })
    }

    /// Sends `PREFIX-WORD` with a word for each request, all of letters, whatever the
    /// answers are.
    pub fn words(&self, server: &impl Server, prefix: &str) -> Result<()> {
        self.each(server, |connection, number, request| {
            let letters = (number * self.requests + request).to_string();
            let letters = letters.bytes().map(|digit| char::from(digit - b'0' + b'a'));
            let word: String = letters.collect();
            connection.get(&format!("{prefix}-{word}")).map(drop)
        })
        .map(drop)
    }

    /// Every request of every client, with what it took: from the connect, where it
    /// has a connection of its own.
    fn each<T: Send>(
        &self,
        server: &impl Server,
        request: impl Fn(&mut Client, usize, usize) -> Result<T> + Sync,
    ) -> Result<Vec<(Duration, T)>> {
        let client = |number: usize| -> Result<Vec<(Duration, T)>> {
            let mut kept = None;
            let mut all = Vec::with_capacity(self.requests);
            for count in 0..self.requests {
                let began = Instant::now();
                let mut connection = match kept.take() {
                    Some(connection) => connection,
                    None => server.connect()?,
                };
                let value = request(&mut connection, number, count)?;
                all.push((began.elapsed(), value));
                kept = self.kept.then_some(connection);
            }
            Ok(all)
        };
        let client = &client;
        thread::scope(|scope| {
            let clients: Vec<_> = (0..self.clients)
                .map(|number| scope.spawn(move || client(number)))
                .collect();
            let mut all = Vec::with_capacity(self.total());
            for client in clients {
                let join = client.join();
                all.extend(join.unwrap_or_else(|_| Err(anyhow!("a client panicked")))?);
            }
            Ok(all)
        })
    }
}

/// A request as its client saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its path.
    pub path: String,
    /// Its answer.
    pub response: Response,
    /// From the connect, or on a kept connection from sending it, to the last byte
    /// of the answer.
    pub took: Duration,
}
