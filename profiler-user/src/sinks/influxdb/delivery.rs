//! The background task that sends what is in the outbox.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::answer::Answer;
use super::check;
use super::client::Client;
use super::notices::Teller;
use super::outbox::{Batch, Outbox, Settled};
use super::settings::Settings;

/// Longest that a point waits for its batch to fill.
const BATCH_AGE: Duration = Duration::from_secs(1);

/// Between attempts; twice as long after each, and up to twice that by chance, so
/// that many probes do not come back to a server at once.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// It ends here.
const LAST_DELAY: Duration = Duration::from_secs(15);

/// Sends until told to finish.
pub(super) struct Delivery {
    pub(super) client: Client,
    pub(super) outbox: Arc<Outbox>,
    pub(super) teller: Teller,
    /// True once nothing more will be put in.
    pub(super) finishing: watch::Receiver<bool>,
}

impl Delivery {
    /// Says what is wrong from the start, then sends. Ends when it was told to
    /// finish and nothing is left.
    pub(super) async fn run(mut self, settings: Settings) {
        self.first_contact(&settings).await;
        let mut age = interval(BATCH_AGE);
        age.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.outbox.full_batch() => {}
                _ = age.tick() => self.outbox.close_batch(),
                () = finishing(&mut self.finishing) => self.outbox.close_batch(),
            }
            self.send_all().await;
            if self.is_finishing() && self.outbox.is_empty() {
                return;
            }
        }
    }

    async fn first_contact(&mut self, settings: &Settings) {
        match check::contact(&self.client, settings).await {
            Some(Answer::Refused { status, words }) => self.teller.refused(status, &words),
            Some(Answer::Later { words, .. }) => self.teller.away(&words),
            Some(Answer::Written | Answer::Partial { .. }) | None => {}
        }
    }

    /// Sends every closed batch, however long the server takes to come back.
    async fn send_all(&mut self) {
        let mut delays = delays();
        while let Some(batch) = self.outbox.take() {
            match self.client.write(&batch.lines, batch.points).await {
                Answer::Later { after, words } => {
                    self.outbox.put_back(batch);
                    self.teller.away(&words);
                    let delay = after.or_else(|| delays.next()).unwrap_or(LAST_DELAY);
                    if self.pause(delay).await {
                        delays = self::delays();
                    }
                }
                answer => {
                    self.teller.back();
                    self.settle(&batch, &answer);
                    delays = self::delays();
                }
            }
        }
    }

    fn settle(&mut self, batch: &Batch, answer: &Answer) {
        let rejected = match answer {
            Answer::Partial { rejected, words } => {
                self.teller.partly_refused(words);
                *rejected
            }
            Answer::Refused { status, words } => {
                self.teller.refused(*status, words);
                batch.points
            }
            Answer::Written | Answer::Later { .. } => 0,
        };
        self.outbox.settle(
            batch,
            Settled {
                written: batch.points - rejected,
                rejected,
            },
        );
    }

    /// Waits, but no longer than to the begin of the end. Returns whether that came.
    async fn pause(&mut self, delay: Duration) -> bool {
        if self.is_finishing() {
            sleep(delay).await;
            return false;
        }
        tokio::select! {
            () = sleep(delay) => false,
            () = finishing(&mut self.finishing) => true,
        }
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
