//! The background task that sends what is in the outbox.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use super::answer::{self, Answer};
use super::check;
use super::client::Client;
use super::halving::{Halving, Verdict};
use super::outbox::{Batch, Settled};
use super::settings::Settings;
use super::shelf::Shelf;
use crate::sinks::turn::{self, Turn};

/// Between attempts; twice as long after each, and up to twice that by chance, so
/// that many probes do not come back to a server at once.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// It ends here.
const LAST_DELAY: Duration = Duration::from_secs(15);

/// Sends until told to finish.
pub(super) struct Delivery {
    pub(super) client: Client,
    pub(super) shelf: Shelf,
    pub(super) turn: Arc<Turn>,
    /// True once nothing more will be put in.
    pub(super) finishing: watch::Receiver<bool>,
    /// Whether the server has answered for points since then.
    pub(super) answered_at_the_end: bool,
}

/// The server takes nothing now, and the run ends.
struct GivenUp;

impl Delivery {
    /// Says what is wrong from the start, then sends. Ends when it was told to finish
    /// and nothing is left, or when waiting any longer is of no use.
    pub(super) async fn run(mut self, settings: Settings) {
        self.first_contact(&settings).await;
        loop {
            tokio::select! {
                () = self.shelf.ready() => self.await_turn().await,
                () = finishing(&mut self.finishing) => self.shelf.outbox().close_batch(),
            }
            if self.send_all().await.is_err() {
                return;
            }
            if self.is_finishing() && self.shelf.outbox().is_empty() {
                return;
            }
        }
    }

    /// Waits, after a window, for this host's turn: but not at the end of the run, and
    /// not while so much comes that it would have to be dropped.
    async fn await_turn(&mut self) {
        let mut waited = false;
        while let Some(due) = self.turn.waits_until() {
            if self.is_finishing() || self.shelf.outbox().is_crowded() {
                break;
            }
            waited = true;
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.shelf.outbox().full_batch() => {}
                () = finishing(&mut self.finishing) => {}
            }
        }
        if waited {
            self.shelf.outbox().close_batch();
        }
    }

    async fn first_contact(&mut self, settings: &Settings) {
        let contact = check::contact(&self.client, settings);
        if let Some(Answer::Later { status, words, .. }) = self.shelf.answer(contact).await {
            self.shelf.teller.away(status, &words);
        }
    }

    /// Sends every closed batch, however long the server takes to come back.
    async fn send_all(&mut self) -> Result<(), GivenUp> {
        while let Some(batch) = self.shelf.take().await {
            match self.send(&batch).await {
                Ok(settled) => self.shelf.settle(settled).await,
                Err(given_up) => {
                    drop(batch);
                    self.shelf.outbox().put_back();
                    return Err(given_up);
                }
            }
        }
        Ok(())
    }

    /// Sends one, in parts if need be.
    async fn send(&mut self, batch: &Batch) -> Result<Settled, GivenUp> {
        let mut halving = Halving::new(batch);
        let mut delays = delays();
        while let Some((lines, _)) = halving.next() {
            let answer = self.shelf.answer(self.client.write(lines)).await;
            if let Answer::Later {
                after,
                status,
                words,
            } = answer
            {
                self.shelf.outbox().failed();
                self.shelf.teller.away(status, &words);
                if matches!(status, Some(401 | 403)) && self.client.renew().await {
                    delays = self::delays();
                    continue;
                }
                if self.is_finishing() && self.in_vain(status) {
                    return Err(GivenUp);
                }
                let delay = after
                    .map(turn::later)
                    .or_else(|| delays.next())
                    .unwrap_or(LAST_DELAY);
                if self.pause(delay).await {
                    delays = self::delays();
                }
                continue;
            }
            self.answered_at_the_end |= self.is_finishing();
            self.shelf.teller.back();
            delays = self::delays();
            if let Verdict::Refused(lines) = halving.answered(&answer) {
                self.shelf.teller.refused(&answer, lines);
            }
        }
        let settled = halving.settled();
        if settled.rejected > 0 {
            self.shelf.outbox().failed();
        }
        Ok(settled)
    }

    /// Whether the end of the run need not wait for the server to come back: the points
    /// are safe on disk, or somebody would first have to put something right.
    fn in_vain(&self, status: Option<u16>) -> bool {
        let safe = self.shelf.outbox().has_spool() && !self.answered_at_the_end;
        safe || status.is_some_and(|status| !answer::passes(status))
    }

    /// Waits, but no longer than to the begin of the end. Returns whether that came.
    async fn pause(&mut self, delay: Duration) -> bool {
        self.shelf.put_away().await;
        if self.is_finishing() {
            self.shelf.meanwhile(Duration::ZERO, sleep(delay)).await;
            return false;
        }
        let told = &mut self.finishing;
        let until = async {
            tokio::select! {
                () = sleep(delay) => false,
                () = finishing(told) => true,
            }
        };
        self.shelf.meanwhile(Duration::ZERO, until).await
    }

    /// Told so, or the handle was dropped.
    fn is_finishing(&self) -> bool {
        *self.finishing.borrow() || self.finishing.has_changed().is_err()
    }
}

/// Waits until told to finish, or until there is nobody left to tell it.
async fn finishing(told: &mut watch::Receiver<bool>) {
    let _ = told.wait_for(|finishing| *finishing).await;
}

fn delays() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(LAST_DELAY)
        .with_factor(2.0)
        .without_max_times()
        .with_jitter()
        .build()
}
