//! Where batches wait while the server does not take them: what is done to them
//! meanwhile, and off which thread.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::notices::Teller;
use super::outbox::{Batch, Outbox, PutAway, Settled};

/// Longest that a point waits for its batch to fill, and that a batch waits for the
/// server's answer before it is put on disk.
const BATCH_AGE: Duration = Duration::from_secs(1);

/// The outbox, as its one sender uses it.
pub(super) struct Shelf {
    outbox: Arc<Outbox>,
    pub(super) teller: Teller,
    age: Interval,
}

impl Shelf {
    pub(super) fn new(outbox: Arc<Outbox>, teller: Teller) -> Self {
        let mut age = interval(BATCH_AGE);
        age.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            outbox,
            teller,
            age,
        }
    }

    /// Waits until there is something to send.
    pub(super) async fn ready(&mut self) {
        tokio::select! {
            () = self.outbox.full_batch() => {}
            _ = self.age.tick() => self.outbox.close_batch(),
        }
    }

    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Takes the oldest batch.
    pub(super) async fn take(&self) -> Option<Arc<Batch>> {
        if !self.outbox.on_disk() {
            return self.outbox.take();
        }
        self.blocking(Outbox::take).await.flatten()
    }

    /// Settles the batch that was taken.
    pub(super) async fn settle(&self, settled: Settled) {
        if self.outbox.on_disk() {
            self.blocking(move |outbox| outbox.settle(settled)).await;
        } else {
            self.outbox.settle(settled);
        }
    }

    /// Runs to its end what waits for the server. From `patience` on, what comes, and
    /// what is being sent, is put on disk every second.
    pub(super) async fn meanwhile<F: Future>(&mut self, patience: Duration, what: F) -> F::Output {
        let began = Instant::now();
        let mut what = pin!(what);
        loop {
            tokio::select! {
                biased;
                output = &mut what => return output,
                _ = self.age.tick() => {
                    self.outbox.close_batch();
                    if began.elapsed() >= patience {
                        self.put_away().await;
                    }
                }
            }
        }
    }

    /// As [`Self::meanwhile`], for an answer that may well come at once.
    pub(super) async fn answer<F: Future>(&mut self, what: F) -> F::Output {
        self.meanwhile(BATCH_AGE, what).await
    }

    /// Puts on disk what waits in memory, if there is a spool.
    pub(super) async fn put_away(&mut self) {
        if !self.outbox.has_spool() {
            return;
        }
        if let Some(put) = self.blocking(Outbox::put_away).await {
            self.tell(&put);
        }
    }

    fn tell(&mut self, put: &PutAway) {
        match &put.trouble {
            Some(error) => self.teller.spool_fails(error),
            None if put.any => self.teller.spool_works(),
            None => {}
        }
        if put.dropped > 0 {
            self.teller.spool_full();
        }
    }

    /// The disk may take its time: not on the thread that other outputs work on.
    /// `None` if the program ends.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Outbox) -> T + Send + 'static,
    ) -> Option<T> {
        let outbox = Arc::clone(&self.outbox);
        let done = tokio::task::spawn_blocking(move || work(&outbox));
        done.await.ok()
    }
}
