//! InfluxDB, 1.x, 2.x and 3.x.
//!
//! ```text
//! Request, Tick -> encode (points | raw | upstream | pools | shares | own | workshop -> line)
//!     -> outbox (<-> spool) -> delivery (halving) -> client
//! ```
//!
//! Encoding is done by who calls; from the outbox on it is the business of a
//! background task, so that no server, however slow, slows the profiling.

mod answer;
mod application;
mod buckets;
mod check;
mod client;
mod credentials;
mod delivery;
mod distinct;
mod encode;
mod halving;
mod identified;
pub(crate) mod line;
mod notices;
mod outbox;
pub mod own;
pub mod points;
pub mod pools;
pub mod raw;
mod retry_after;
mod settings;
pub mod shares;
mod shelf;
mod spool;
pub mod upstream;
pub mod workshop;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::client::Client;
use self::delivery::Delivery;
use self::encode::Encoder;
use self::notices::Teller;
use self::outbox::Outbox;
use self::own::Own;
pub use self::settings::{Schema, Settings, SettingsError, SpoolSettings, Target};
use self::shelf::Shelf;
use self::spool::Spool;
pub use self::spool::SpoolError;
use super::turn::Turn;
use super::{Condition, Delivered, Finish, Notices, Sink};
use crate::aggregate::Window;
use crate::model::Request;
use crate::pool::Snapshot;
use crate::summary::Summary;
use crate::tick::{Points, Tick};

/// Why writing to InfluxDB cannot even begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// TLS could not be set up; for `https://` the host needs CA certificates.
    #[error("--influx-url: cannot set up the HTTP client: {}", client::innermost(.0))]
    Client(#[source] reqwest::Error),
    /// No authority to be had from that file.
    #[error("--influx-ca {}: {why}; give a PEM file with the authority's certificate", file.display())]
    Authority {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The spool cannot be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// What became of the points so far. Those in none of the places below wait in memory:
/// `accepted + inherited = written + rejected + dropped + spooled`, once it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Points of this run.
    pub accepted: u64,
    /// Points that an earlier run left in the spool.
    pub inherited: u64,
    /// Points that the server has taken.
    pub written: u64,
    /// Points given up: there was no room, or the end came first. Of a write that was
    /// cut off at the end the server may yet have taken some.
    pub dropped: u64,
    /// Points that the server refused for good.
    pub rejected: u64,
    /// Points that wait in the spool: at the end, for the next run.
    pub spooled: u64,
    /// Writes to the spool that cannot be read any more: one was cut off, or the disk
    /// is damaged.
    pub damaged: u64,
    /// Attempts to write that failed, and batches of which points were refused.
    pub errors: u64,
}

impl Report {
    /// As the other outputs are told.
    #[must_use]
    pub const fn points(&self) -> Points {
        Points {
            written: self.written,
            dropped: self.dropped,
            rejected: self.rejected,
            spooled: self.spooled,
        }
    }
}

/// Writes requests and windows to InfluxDB.
///
/// Dropped without [`InfluxDb::finish`], what waits is still sent in the
/// background, for as long as the runtime lives.
#[derive(Debug)]
pub struct InfluxDb {
    encoder: Encoder,
    /// Of the account; the workshop's schema has none.
    own: Option<(String, Own)>,
    outbox: Arc<Outbox>,
    turn: Arc<Turn>,
    finishing: watch::Sender<bool>,
    delivery: JoinHandle<()>,
    notices: Notices,
    place: String,
    condition: Condition,
}

impl InfluxDb {
    /// Starts the background task, in the tokio runtime that this is called in. A
    /// server that is away or refuses is no error here: `notices` is told, and it
    /// may come later.
    pub fn start(settings: Settings, notices: Notices) -> Result<Self, Error> {
        settings.validate()?;
        let client = Client::new(&settings)?;
        let place = settings.place();
        let spool = settings.spool.as_ref();
        let spool = spool.map(|spool| Spool::open(&spool.dir, spool.bytes, &place));
        let spool = spool.transpose()?;
        let condition = Condition::new("influxdb");
        let base = settings.base()?;
        let (tell, of) = (notices.clone(), condition.clone());
        let teller = Teller::new(&settings, base.as_str(), tell, of);
        if let Some((_, left)) = &spool {
            teller.found(left.points, left.damaged);
        }
        let (points, bytes) = (settings.batch_points, settings.buffer_bytes);
        let outbox = Arc::new(Outbox::new(points, bytes, spool));
        let (finish, finishing) = watch::channel(false);
        let encoder = Encoder::new(&settings);
        let own = match settings.schema {
            Schema::Otel => Some((settings.hostname.clone(), Own::default())),
            Schema::Workshop => None,
        };
        let turn = Arc::new(Turn::new(settings.phase));
        let delivery = Delivery {
            client,
            turn: Arc::clone(&turn),
            shelf: Shelf::new(Arc::clone(&outbox), teller),
            finishing,
            answered_at_the_end: false,
        };
        Ok(Self {
            encoder,
            own,
            outbox,
            turn,
            finishing: finish,
            delivery: tokio::spawn(delivery.run(settings)),
            notices,
            place,
            condition,
        })
    }

    /// Takes a request. Never waits.
    pub fn request(&mut self, request: &Request) {
        let Some(point) = self.encoder.request(request) else {
            return;
        };
        if self.outbox.push(point) {
            tell_dropped(&self.notices, &self.outbox);
        }
    }

    /// Takes a window, and the servers' state at its end. Never waits.
    pub fn window(&mut self, window: &Window, snapshot: &Snapshot) {
        self.turn.window_ended();
        self.encoder.window(window, snapshot, |point| {
            if self.outbox.push(point) {
                tell_dropped(&self.notices, &self.outbox);
            }
        });
    }

    /// Takes the account as a window ends. Never waits.
    pub fn account(&mut self, account: &Summary, time_unix_ns: u64) {
        let points = self.report().points();
        let Some((hostname, own)) = &mut self.own else {
            return;
        };
        let mut line = String::new();
        own.window(&mut line, hostname, account, &points, time_unix_ns);
        if self.outbox.push(&line) {
            tell_dropped(&self.notices, &self.outbox);
        }
    }

    /// Takes a point that is a line already, with its newline. Never waits.
    pub fn line(&mut self, line: &str) {
        if self.outbox.push(line) {
            tell_dropped(&self.notices, &self.outbox);
        }
    }

    /// The counters as they stand.
    #[must_use]
    pub fn report(&self) -> Report {
        self.outbox.report()
    }

    /// Sends what waits, for no longer than `deadline`; leaves the rest in the spool, or
    /// gives up on it.
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
        let outbox = Arc::clone(&self.outbox);
        // Waits for the disk. Fails only if it panicked, which shows in the figures.
        let _ = tokio::task::spawn_blocking(move || outbox.close_books()).await;
        self.outbox.report()
    }
}

impl Sink for InfluxDb {
    fn request(&mut self, request: &Request) {
        Self::request(self, request);
    }

    fn tick(&mut self, tick: &Arc<Tick>) {
        self.window(&tick.window, &tick.snapshot);
        self.account(&tick.account, tick.window.end_unix_ns);
    }

    fn points(&self) -> Option<Points> {
        Some(self.report().points())
    }

    fn conditions(&self) -> Vec<Condition> {
        vec![self.condition.clone()]
    }

    fn finish(self: Box<Self>, _: &Arc<Summary>, patience: Duration) -> Finish {
        let place = self.place.clone();
        Box::pin(async move { delivered(&place, &Self::finish(*self, patience).await) })
    }
}

fn delivered(place: &str, report: &Report) -> Delivered {
    let others = [
        (report.inherited, "of an earlier run were in the spool"),
        (report.spooled, "wait in the spool for the next run"),
        (report.dropped, "dropped while it was away"),
        (report.rejected, "rejected by it"),
        (report.damaged, "damaged writes in the spool"),
        (report.errors, "failed attempts"),
    ];
    let mut parts = vec![format!("{} points to {place}", report.written)];
    let others = others.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(others.map(|(count, what)| format!("{count} {what}")));
    // Counted and told, but no failure of this run: the database is somebody
    // else's, and the profiling went on.
    Delivered {
        text: parts.join(", "),
        failed: false,
    }
}

fn tell_dropped(notices: &Notices, outbox: &Outbox) {
    let hint = if outbox.has_spool() {
        ""
    } else {
        "; --influx-spool keeps them on disk"
    };
    let what = format!("influxdb: the buffer is full, the oldest points are dropped{hint}");
    // Nobody listens any more: then there is nobody to tell.
    let _ = notices.send(what);
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
