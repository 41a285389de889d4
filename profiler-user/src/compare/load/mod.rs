//! What the server is loaded with, and what the client saw of it.

mod client;
mod closed;
mod command;
mod fixed;
mod outcome;
mod told;

use std::num::NonZeroU32;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

pub use client::{Page, is_worth_it, probe};
pub(super) use outcome::histogram;
pub use outcome::{Latency, Outcome};

use super::interrupt::Interrupt;

/// How the server is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// Each connection asks again as soon as it has its answer: as fast as the server
    /// can.
    Closed {
        /// Connections.
        connections: NonZeroU32,
    },
    /// Requests are due at even times, whatever the server does.
    Fixed {
        /// Connections that share them.
        connections: NonZeroU32,
        /// Requests a second.
        rate: NonZeroU32,
    },
    /// Another program.
    Command {
        /// Its words, with `{url}`, `{seconds}` and `{connections}` in them.
        words: Vec<String>,
        /// For `{connections}`.
        connections: NonZeroU32,
    },
}

impl Load {
    /// Loads `page` for so long. What another program says goes to a file in `logs`.
    pub fn run(
        &self,
        page: &Page,
        time: Duration,
        logs: &Path,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        match self {
            Self::Closed { connections } => drive(closed::run(page, *connections, time, interrupt)),
            Self::Fixed { connections, rate } => {
                drive(fixed::run(page, *connections, *rate, time, interrupt))
            }
            Self::Command { words, connections } => {
                command::run(words, page, *connections, time, logs, interrupt)
            }
        }
    }

    /// As the results call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Fixed { .. } => "fixed",
            Self::Command { .. } => "command",
        }
    }
}

/// One thread for all connections: the server has to have the other CPUs.
pub(super) fn drive<T>(load: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .context("starting the load's runtime")?;
    tokio::task::LocalSet::new().block_on(&runtime, load)
}

/// The whole second of the load in which `now` is.
fn second(began: Instant, now: Instant) -> usize {
    now.saturating_duration_since(began).as_secs() as usize
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// How long [`slow_server`] takes for each answer.
    pub(super) const SLOW: Duration = Duration::from_millis(100);

    /// A server of one connection, which closes it after every third answer.
    pub(super) fn slow_server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/page?x=1", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let mut lines = BufReader::new(&stream).lines();
                let mut answers = 0;
                while let Some(Ok(line)) = lines.next() {
                    if !line.is_empty() {
                        continue;
                    }
                    thread::sleep(SLOW);
                    answers += 1;
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    (&stream).write_all(answer).unwrap();
                    if answers == 3 {
                        break;
                    }
                }
            }
        });
        url
    }

    #[test]
    fn a_connection_asks_again_once_it_has_its_answer() {
        let page = Page::new(&slow_server(), &[]).unwrap();
        let load = Load::Closed {
            connections: NonZeroU32::MIN,
        };
        let folder = tempfile::tempdir().unwrap();
        let time = 10 * SLOW;
        let outcome = load
            .run(&page, time, folder.path(), &Interrupt::never())
            .unwrap();
        // Ten fit, and fewer on a busy machine. That the server closes the connection
        // between two requests is no error.
        assert!((3..=10).contains(&outcome.sent), "{outcome:?}");
        assert_eq!((outcome.answered, outcome.errors), (outcome.sent, 0));
        assert_eq!(outcome.by_second.iter().sum::<u64>(), outcome.answered);
        assert!(outcome.latency.percentile(0.0).unwrap() >= 0.99 * SLOW.as_secs_f64());
    }

    #[test]
    fn a_server_that_is_gone_is_all_errors() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let page = Page::new(&url, &[]).unwrap();
        let load = Load::Closed {
            connections: NonZeroU32::new(2).unwrap(),
        };
        let folder = tempfile::tempdir().unwrap();
        let time = Duration::from_millis(100);
        let outcome = load
            .run(&page, time, folder.path(), &Interrupt::never())
            .unwrap();
        assert_eq!((outcome.answered, outcome.errors), (0, outcome.sent));
        // It does not ask as fast as it can.
        assert!((2..=30).contains(&outcome.sent), "{outcome:?}");
    }

    #[test]
    fn another_program_is_run_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let page = Page::new("http://127.0.0.1:9/", &[]).unwrap();
        let run = |line: &str| {
            let load = Load::Command {
                words: crate::compare::places::split(line).unwrap(),
                connections: NonZeroU32::new(3).unwrap(),
            };
            load.run(
                &page,
                Duration::from_secs(2),
                folder.path(),
                &Interrupt::never(),
            )
        };
        let echo = r#"echo '{"requests":{connections},"seconds":{seconds}}'"#;
        let outcome = run(echo).unwrap();
        assert_eq!((outcome.sent, outcome.answered), (3, 3));
        assert!((outcome.throughput() - 1.5).abs() < 1e-9);
        let failed = format!(
            "{:#}",
            run("sh -c 'echo no such {url}; exit 3'").unwrap_err()
        );
        assert!(failed.contains("status: 3") && failed.contains("no such http://127.0.0.1:9/"));
        let missing = format!("{:#}", run("no-such-load {url}").unwrap_err());
        assert!(missing.contains("no-such-load"), "{missing}");
    }
}
