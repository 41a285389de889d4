//! The points that wait for the server: bounded, and never in anyone's way.
//!
//! In memory, and on disk if there is a [`Spool`]: what is there is older than what is in
//! memory. Every point that was put in, or that an earlier run left on disk, is at any
//! time in exactly one place:
//! `accepted + inherited = written + rejected + dropped + spooled + waiting in memory`.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Report;
use super::spool::{Left, Spool, Waiting};

/// Batches are closed at this share of the buffer: dropping one loses no more.
const BATCHES_IN_BUFFER: usize = 8;

/// From this share of the buffer on nothing waits by choice.
const CROWDED_FROM: usize = 4;

/// Largest batch, bytes. What compresses in a few milliseconds.
const BATCH_BYTES: usize = 1 << 20;

/// Points that are sent together.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) lines: String,
    pub(super) points: u64,
}

impl Batch {
    fn append(&mut self, next: &Self) {
        self.lines.push_str(&next.lines);
        self.points += next.points;
    }
}

/// The queue between the profiling and the delivery.
///
/// Of its locks, the spool's is taken first. Whoever gives points never takes it: it is
/// held while the disk works.
#[derive(Debug)]
pub(super) struct Outbox {
    spool: Option<Mutex<Spool>>,
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
    /// Of all batches in memory, the one that is being sent included.
    bytes: usize,
    sending: Option<Sending>,
    report: Report,
}

/// The batch that is being sent.
#[derive(Debug)]
struct Sending {
    batch: Arc<Batch>,
    /// What it is in the spool, in order; none if it is in memory alone.
    parts: Vec<Part>,
}

/// A batch of the spool that is sent, perhaps with others.
#[derive(Clone, Copy, Debug)]
struct Part {
    number: u64,
    points: u64,
}

/// What became of a batch that was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) written: u64,
    pub(super) rejected: u64,
}

/// What came of putting away.
#[derive(Debug, Default)]
pub(super) struct PutAway {
    /// Points that were dropped from the spool, as it is full.
    pub(super) dropped: u64,
    /// Whether something was put there.
    pub(super) any: bool,
    /// Why something was not.
    pub(super) trouble: Option<io::Error>,
}

impl Outbox {
    pub(super) fn new(
        batch_points: usize,
        buffer_bytes: usize,
        spool: Option<(Spool, Left)>,
    ) -> Self {
        let (spool, left) = spool.unzip();
        let left: Left = left.unwrap_or_default();
        let report = Report {
            inherited: left.points,
            spooled: left.points,
            damaged: left.damaged,
            ..Report::default()
        };
        Self {
            spool: spool.map(Mutex::new),
            state: Mutex::new(State {
                report,
                ..State::default()
            }),
            full_batch: Notify::new(),
            batch_points: batch_points as u64,
            batch_bytes: (buffer_bytes / BATCHES_IN_BUFFER).clamp(1, BATCH_BYTES),
            buffer_bytes,
        }
    }

    /// Puts in a point; drops the oldest ones if there is no room. Never waits.
    /// Returns whether this is the first time that points are dropped from memory.
    pub(super) fn push(&self, line: &str) -> bool {
        let mut state = self.state();
        state.report.accepted += 1;
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

    /// Takes the oldest closed batches for sending, as many as make one of the usual size:
    /// of each second of the server's absence there is one. Settle it or put it back. Waits
    /// for the disk, if points [wait there](Self::on_disk).
    pub(super) fn take(&self) -> Option<Arc<Batch>> {
        let mut spool = self.spool();
        let found = spool
            .as_deref_mut()
            .and_then(|spool| self.on_disk_first(spool));
        let (batch, parts) = match found {
            Some(found) => found,
            None => (self.in_memory_first()?, Vec::new()),
        };
        let batch = Arc::new(batch);
        let sent = Arc::clone(&batch);
        self.state().sending = Some(Sending { batch, parts });
        Some(sent)
    }

    fn on_disk_first(&self, spool: &mut Spool) -> Option<(Batch, Vec<Part>)> {
        let (mut batch, mut parts) = (Batch::default(), Vec::new());
        while self.has_room(&batch) {
            match spool.waiting(parts.len()) {
                None => break,
                Some(Waiting::Batch(number, next)) => {
                    if !parts.is_empty() && !self.fit(&batch, &next) {
                        break;
                    }
                    let points = next.points;
                    batch.append(&next);
                    parts.push(Part { number, points });
                }
                Some(Waiting::Lost(points)) => {
                    let mut state = self.state();
                    state.report.damaged += 1;
                    state.report.dropped += points;
                    state.report.spooled = spool.points();
                }
            }
        }
        (!parts.is_empty()).then_some((batch, parts))
    }

    fn in_memory_first(&self) -> Option<Batch> {
        let mut state = self.state();
        let mut batch = state.closed.pop_front()?;
        while let Some(next) = state.closed.pop_front_if(|next| self.fit(&batch, next)) {
            batch.append(&next);
        }
        Some(batch)
    }

    const fn has_room(&self, batch: &Batch) -> bool {
        batch.points < self.batch_points && batch.lines.len() < self.batch_bytes
    }

    const fn fit(&self, batch: &Batch, next: &Batch) -> bool {
        batch.points + next.points <= self.batch_points
            && batch.lines.len() + next.lines.len() <= self.batch_bytes
    }

    /// The batch could not be sent now; it is the oldest again.
    pub(super) fn put_back(&self) {
        let mut state = self.state();
        if let Some(Sending { batch, parts }) = state.sending.take()
            && parts.is_empty()
        {
            state.closed.push_front(Arc::unwrap_or_clone(batch));
        }
    }

    /// An attempt to send failed.
    pub(super) fn failed(&self) {
        self.state().report.errors += 1;
    }

    /// The server has answered for all of the batch. Waits for the disk, if the batch
    /// is there.
    pub(super) fn settle(&self, settled: Settled) {
        let mut spool = self.spool();
        let mut state = self.state();
        let Some(sending) = state.sending.take() else {
            return;
        };
        match spool.as_deref_mut() {
            Some(spool) if !sending.parts.is_empty() => {
                for part in sending.parts {
                    if !spool.done(part.number) {
                        // Counted when it made room for others, just before it arrived.
                        state.report.dropped -= part.points;
                    }
                }
                state.report.spooled = spool.points();
            }
            _ => state.bytes -= sending.batch.lines.len(),
        }
        state.report.written += settled.written;
        state.report.rejected += settled.rejected;
    }

    /// Puts all closed batches into the spool, if there is one, the one that is being
    /// sent included. Waits for the disk. What does not fit there stays in memory.
    pub(super) fn put_away(&self) -> PutAway {
        let mut put = PutAway::default();
        let Some(mut spool) = self.spool() else {
            return put;
        };
        let sending = self.state().in_memory_alone();
        if let Some(batch) = sending
            && let Some(number) = self.append(&mut spool, &batch, &mut put)
            && let Some(sending) = &mut self.state().sending
        {
            let points = batch.points;
            sending.parts = vec![Part { number, points }];
        }
        while put.trouble.is_none() {
            let Some(batch) = self.state().closed.pop_front() else {
                break;
            };
            if self.append(&mut spool, &batch, &mut put).is_none() {
                self.state().closed.push_front(batch);
            }
        }
        if let Err(error) = spool.sync() {
            // They are there, only perhaps not after a power failure.
            put.trouble.get_or_insert(error);
        }
        put
    }

    fn append(&self, spool: &mut Spool, batch: &Batch, put: &mut PutAway) -> Option<u64> {
        let appended = spool.append(batch);
        let mut state = self.state();
        state.report.dropped += appended.dropped;
        state.report.spooled = spool.points();
        put.dropped += appended.dropped;
        match appended.number {
            Ok(number) => {
                state.bytes -= batch.lines.len();
                put.any = true;
                Some(number)
            }
            Err(error) => {
                put.trouble = Some(error);
                None
            }
        }
    }

    /// The end: what still waits in memory goes into the spool, or is given up.
    pub(super) fn close_books(&self) {
        self.close_batch();
        self.put_away();
        let mut state = self.state();
        let waiting: u64 = state.closed.drain(..).map(|batch| batch.points).sum();
        let sending = state.in_memory_alone().map_or(0, |batch| batch.points);
        state.report.dropped += waiting + sending;
        state.sending = None;
        state.bytes = 0;
    }

    /// Whether nothing waits, not even on disk.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.state();
        state.closed.is_empty() && state.open.points == 0 && state.report.spooled == 0
    }

    /// Whether so much waits in memory that it had better not wait any longer.
    pub(super) fn is_crowded(&self) -> bool {
        self.state().bytes > self.buffer_bytes / CROWDED_FROM
    }

    /// Whether there is a spool.
    pub(super) const fn has_spool(&self) -> bool {
        self.spool.is_some()
    }

    /// Whether points wait on disk, or the batch that is being sent lies there.
    pub(super) fn on_disk(&self) -> bool {
        let state = self.state();
        let sending = state.sending.as_ref();
        state.report.spooled > 0 || sending.is_some_and(|sending| !sending.parts.is_empty())
    }

    /// The counters as they stand.
    pub(super) fn report(&self) -> Report {
        self.state().report
    }

    // Whoever panicked while holding a lock left numbers, not broken pointers.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spool(&self) -> Option<MutexGuard<'_, Spool>> {
        let spool = self.spool.as_ref()?;
        Some(spool.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn close_batch(&mut self) {
        if self.open.points > 0 {
            let batch = std::mem::take(&mut self.open);
            self.closed.push_back(batch);
        }
    }

    fn in_memory_alone(&self) -> Option<Arc<Batch>> {
        let sending = self.sending.as_ref();
        let sending = sending.filter(|sending| sending.parts.is_empty())?;
        Some(Arc::clone(&sending.batch))
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
mod tests;
