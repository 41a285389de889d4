//! InfluxDB, 1.x and 2.x.
//!
//! ```text
//! Request, Window, Snapshot -> encode (points | raw | upstream | pools | workshop -> line)
//!     -> outbox -> delivery -> client
//! ```
//!
//! Encoding is done by who calls; from the outbox on it is the business of a
//! background task, so that no server, however slow, slows the profiling.

mod answer;
mod application;
mod buckets;
mod check;
mod client;
mod delivery;
mod distinct;
mod encode;
mod line;
mod notices;
mod outbox;
pub mod points;
pub mod pools;
pub mod raw;
mod settings;
pub mod upstream;
pub mod workshop;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::client::Client;
use self::delivery::Delivery;
use self::encode::Encoder;
use self::notices::Teller;
use self::outbox::Outbox;
pub use self::settings::{Schema, Settings, SettingsError, Target};
use super::{Delivered, Finish, Notices, Sink};
use crate::aggregate::Window;
use crate::model::Request;
use crate::pool::Snapshot;
use crate::summary::Summary;
use crate::tick::Tick;

/// Why writing to InfluxDB cannot even begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// TLS could not be set up; for `https://` the host needs CA certificates.
    #[error("--influx-url: cannot set up the HTTP client: {}", client::innermost(.0))]
    Client(#[source] reqwest::Error),
}

/// What became of the points so far. Those in none of the first three wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Points that the server has taken.
    pub written: u64,
    /// Points given up: the buffer was full, or the end came first. Of a write
    /// that was cut off at the end the server may yet have taken some.
    pub dropped: u64,
    /// Points that the server refused for good.
    pub rejected: u64,
    /// Attempts to write that failed, wholly or in part.
    pub errors: u64,
}

/// Writes requests and windows to InfluxDB.
///
/// Dropped without [`InfluxDb::finish`], what waits is still sent in the
/// background, for as long as the runtime lives.
#[derive(Debug)]
pub struct InfluxDb {
    encoder: Encoder,
    outbox: Arc<Outbox>,
    finishing: watch::Sender<bool>,
    delivery: JoinHandle<()>,
    notices: Notices,
    place: String,
}

impl InfluxDb {
    /// Starts the background task, in the tokio runtime that this is called in. A
    /// server that is away or refuses is no error here: `notices` is told, and it
    /// may come later.
    pub fn start(settings: Settings, notices: Notices) -> Result<Self, Error> {
        settings.validate()?;
        let client = Client::new(&settings)?;
        let outbox = Arc::new(Outbox::new(settings.batch_points, settings.buffer_bytes));
        let (finish, finishing) = watch::channel(false);
        let encoder = Encoder::new(&settings);
        let place = settings.place();
        let delivery = Delivery {
            client,
            outbox: Arc::clone(&outbox),
            teller: Teller::new(&settings, settings.base()?.as_str(), notices.clone()),
            finishing,
        };
        Ok(Self {
            encoder,
            outbox,
            finishing: finish,
            delivery: tokio::spawn(delivery.run(settings)),
            notices,
            place,
        })
    }

    /// Takes a request. Never waits.
    pub fn request(&mut self, request: &Request) {
        let Some(point) = self.encoder.request(request) else {
            return;
        };
        if self.outbox.push(point) {
            tell_dropped(&self.notices);
        }
    }

    /// Takes a window, and the servers' state at its end. Never waits.
    pub fn window(&mut self, window: &Window, snapshot: &Snapshot) {
        self.encoder.window(window, snapshot, |point| {
            if self.outbox.push(point) {
                tell_dropped(&self.notices);
            }
        });
    }

    /// The counters as they stand.
    #[must_use]
    pub fn report(&self) -> Report {
        self.outbox.report()
    }

    /// Sends what waits, for no longer than `deadline`; gives up on the rest.
    pub async fn finish(mut self, deadline: Duration) -> Report {
        // Fails only if the task is gone already.
        let _ = self.finishing.send(true);
        if tokio::time::timeout(deadline, &mut self.delivery)
            .await
            .is_err()
        {
            self.delivery.abort();
            // Only then nothing is settled after the books are closed.
            let _ = self.delivery.await;
        }
        self.outbox.abandon();
        self.outbox.report()
    }
}

impl Sink for InfluxDb {
    fn request(&mut self, request: &Request) {
        Self::request(self, request);
    }

    fn tick(&mut self, tick: &Arc<Tick>) {
        self.window(&tick.window, &tick.snapshot);
    }

    fn finish(self: Box<Self>, _: &Arc<Summary>, patience: Duration) -> Finish {
        let place = self.place.clone();
        Box::pin(async move { delivered(&place, &Self::finish(*self, patience).await) })
    }
}

fn delivered(place: &str, report: &Report) -> Delivered {
    let problems = [
        (report.dropped, "dropped while it was away"),
        (report.rejected, "rejected by it"),
        (report.errors, "failed attempts"),
    ];
    let mut parts = vec![format!("{} points to {place}", report.written)];
    let problems = problems.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(problems.map(|(count, what)| format!("{count} {what}")));
    // Counted and told, but no failure of this run: the database is somebody
    // else's, and the profiling went on.
    Delivered {
        text: parts.join(", "),
        failed: false,
    }
}

fn tell_dropped(notices: &Notices) {
    // Nobody listens any more: then there is nobody to tell.
    let _ = notices.send("influxdb: the buffer is full, the oldest points are dropped".into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_attempt_is_told_and_no_failure() {
        let report = Report {
            written: 7,
            errors: 2,
            ..Report::default()
        };
        let delivered = delivered("x", &report);
        assert_eq!(delivered.text, "7 points to x, 2 failed attempts");
        assert!(!delivered.failed);
    }
}
