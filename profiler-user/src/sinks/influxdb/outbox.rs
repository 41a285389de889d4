//! The points that wait for the server: bounded, and never in anyone's way.
//!
//! Every point that was put in is at any time in exactly one place:
//! `accepted = written + rejected + dropped + waiting`.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Report;

/// Batches are closed at this share of the buffer: dropping one loses no more.
const BATCHES_IN_BUFFER: usize = 8;

/// Largest batch, bytes. What compresses in a few milliseconds.
const BATCH_BYTES: usize = 1 << 20;

/// Points that are sent together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) lines: String,
    pub(super) points: u64,
}

/// The queue between the profiling and the delivery.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    full_batch: Notify,
    batch_points: u64,
    batch_bytes: usize,
    buffer_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    closed: VecDeque<Batch>,
    open: Batch,
    /// Of all batches here and of the one that is being sent.
    bytes: usize,
    /// Of the batch that is being sent.
    sending_points: u64,
    report: Report,
}

/// What became of a batch that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) written: u64,
    pub(super) rejected: u64,
}

impl Outbox {
    pub(super) fn new(batch_points: usize, buffer_bytes: usize) -> Self {
        Self {
            state: Mutex::default(),
            full_batch: Notify::new(),
            batch_points: batch_points as u64,
            batch_bytes: (buffer_bytes / BATCHES_IN_BUFFER).clamp(1, BATCH_BYTES),
            buffer_bytes,
        }
    }

    /// Puts in a point; drops the oldest ones if there is no room. Never waits.
    /// Returns whether this is the first time that points are dropped.
    pub(super) fn push(&self, line: &str) -> bool {
        let mut state = self.state();
        let dropped_before = state.report.dropped;
        state.make_room(line.len(), self.buffer_bytes);
        if state.bytes + line.len() > self.buffer_bytes {
            state.report.dropped += 1;
        } else {
            state.bytes += line.len();
            state.open.lines.push_str(line);
            state.open.points += 1;
        }
        if state.open.points >= self.batch_points || state.open.lines.len() >= self.batch_bytes {
            state.close_batch();
            self.full_batch.notify_one();
        }
        dropped_before == 0 && state.report.dropped > 0
    }

    /// Waits until a batch is full.
    pub(super) async fn full_batch(&self) {
        self.full_batch.notified().await;
    }

    /// Closes the batch that is being filled, however small.
    pub(super) fn close_batch(&self) {
        self.state().close_batch();
    }

    /// Takes the oldest closed batch for sending; settle it or put it back.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut state = self.state();
        let batch = state.closed.pop_front()?;
        state.sending_points = batch.points;
        Some(batch)
    }

    /// The batch could not be sent now; it is the oldest again.
    pub(super) fn put_back(&self, batch: Batch) {
        let mut state = self.state();
        state.sending_points = 0;
        state.report.errors += 1;
        state.closed.push_front(batch);
    }

    /// The server has answered for the batch.
    pub(super) fn settle(&self, batch: &Batch, settled: Settled) {
        let mut state = self.state();
        state.sending_points = 0;
        state.bytes -= batch.lines.len();
        state.report.written += settled.written;
        state.report.rejected += settled.rejected;
        state.report.errors += u64::from(settled.rejected > 0);
    }

    /// Gives up on all that waits, the batch being sent included.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        state.close_batch();
        let waiting: u64 = state.closed.drain(..).map(|batch| batch.points).sum();
        state.report.dropped += waiting + state.sending_points;
        state.sending_points = 0;
        state.bytes = 0;
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.state();
        state.closed.is_empty() && state.open.points == 0
    }

    /// The counters as they stand.
    pub(super) fn report(&self) -> Report {
        self.state().report
    }

    // Whoever panicked while holding the lock left numbers, not broken pointers.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn close_batch(&mut self) {
        if self.open.points > 0 {
            let batch = std::mem::take(&mut self.open);
            self.closed.push_back(batch);
        }
    }

    fn make_room(&mut self, wanted: usize, limit: usize) {
        while self.bytes + wanted > limit {
            if self.closed.is_empty() {
                self.close_batch();
            }
            let Some(oldest) = self.closed.pop_front() else {
                return;
            };
            self.bytes -= oldest.lines.len();
            self.report.dropped += oldest.points;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(written: u64, dropped: u64, rejected: u64, errors: u64) -> Report {
        Report {
            written,
            dropped,
            rejected,
            errors,
        }
    }

    #[test]
    fn batches_close_by_points() {
        let outbox = Outbox::new(2, 8000);
        outbox.push("a\n");
        assert!(outbox.take().is_none());
        outbox.push("b\n");
        outbox.push("c\n");
        assert_eq!(outbox.take().unwrap().lines, "a\nb\n");
        assert!(outbox.take().is_none());
        outbox.close_batch();
        assert_eq!(outbox.take().unwrap().lines, "c\n");
    }

    #[test]
    fn the_oldest_are_dropped_and_told_once() {
        let outbox = Outbox::new(1, 4);
        assert!(!outbox.push("a\n"));
        assert!(!outbox.push("b\n"));
        assert!(outbox.push("c\n"));
        assert!(!outbox.push("d\n"));
        assert_eq!(outbox.report(), report(0, 2, 0, 0));
        assert_eq!(outbox.take().unwrap().lines, "c\n");
    }

    #[test]
    fn a_batch_that_is_being_sent_takes_room_until_it_is_settled() {
        let outbox = Outbox::new(1, 4);
        outbox.push("abc\n");
        let batch = outbox.take().unwrap();
        outbox.push("d\n");
        assert_eq!(outbox.report().dropped, 1);
        outbox.settle(
            &batch,
            Settled {
                written: 0,
                rejected: 1,
            },
        );
        outbox.push("e\n");
        assert_eq!(outbox.report(), report(0, 1, 1, 1));
    }

    #[test]
    fn what_is_abandoned_is_counted() {
        let outbox = Outbox::new(1, 100);
        for _ in 0..3 {
            outbox.push("a\n");
        }
        let _sending = outbox.take();
        outbox.abandon();
        assert_eq!(outbox.report(), report(0, 3, 0, 0));
    }

    proptest! {
        #[test]
        fn no_point_is_lost_from_the_books(
            sizes in prop::collection::vec((1_usize..40, 0_u8..6), 1..200),
            batch_points in 1_usize..5,
        ) {
            let outbox = Outbox::new(batch_points, 100);
            let accepted = sizes.len() as u64;
            for (size, what) in sizes {
                outbox.push(&"x".repeat(size));
                let Some(batch) = (what > 2).then(|| outbox.take()).flatten() else {
                    continue;
                };
                if what == 3 {
                    outbox.put_back(batch);
                } else {
                    let rejected = u64::from(what == 4).min(batch.points);
                    let written = batch.points - rejected;
                    outbox.settle(&batch, Settled { written, rejected });
                }
                prop_assert!(outbox.state().bytes <= 100);
            }
            outbox.abandon();
            let report = outbox.report();
            prop_assert_eq!(report.written + report.rejected + report.dropped, accepted);
        }
    }
}
