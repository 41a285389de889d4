//! What waits to be sent: one lane for metrics, one for spans, so that neither holds up
//! the other.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::message::Message;

/// A message, and how much is in it.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) message: Message,
    /// Points or spans.
    pub(super) count: u64,
}

/// What became of all. Points or spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Those that the receiver has taken.
    pub sent: u64,
    /// Those given up: too many waited, or the end came first.
    pub lost: u64,
    /// Those that the receiver refused.
    pub rejected: u64,
    /// Attempts that failed.
    pub errors: u64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Parcel>,
    /// How much is in what was taken and not yet settled.
    under_way: u64,
    closed: bool,
    report: Report,
}

/// A lane.
pub(super) struct Lane {
    state: Mutex<State>,
    changed: Notify,
    places: usize,
    /// What is given up for something newer is in it as well, and not lost.
    cumulative: bool,
}

impl Lane {
    pub(super) fn new(places: usize, cumulative: bool) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            places,
            cumulative,
        }
    }

    /// Puts it at the end; what waited longest makes room.
    pub(super) fn push(&self, parcel: Parcel) {
        self.with(|state| {
            while state.waiting.len() >= self.places {
                let gone = state.waiting.pop_front().map_or(0, |parcel| parcel.count);
                state.report.lost += if self.cumulative { 0 } else { gone };
            }
            state.waiting.push_back(parcel);
        });
        self.changed.notify_one();
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.with(|state| state.closed = true);
        self.changed.notify_one();
    }

    /// The first that waits, once there is one; `None` when none will come.
    pub(super) async fn next(&self) -> Option<Parcel> {
        loop {
            let (next, closed) = self.with(|state| {
                let next = state.waiting.pop_front();
                state.under_way = next.as_ref().map_or(0, |parcel| parcel.count);
                (next, state.closed)
            });
            if next.is_some() || closed {
                return next;
            }
            self.changed.notified().await;
        }
    }

    /// Takes back what could not be sent; what waits by now may be newer.
    pub(super) fn put_back(&self, parcel: Parcel) {
        self.with(|state| {
            state.under_way = 0;
            if state.waiting.len() < self.places {
                state.waiting.push_front(parcel);
            } else if !self.cumulative {
                state.report.lost += parcel.count;
            }
        });
    }

    /// Counts what became of the one that was taken.
    pub(super) fn settle(&self, add: impl FnOnce(&mut Report)) {
        self.with(|state| {
            state.under_way = 0;
            add(&mut state.report);
        });
    }

    /// Gives up on all that waits or is under way.
    pub(super) fn abandon(&self) -> Report {
        self.with(|state| {
            let left = state.waiting.drain(..).map(|parcel| parcel.count);
            state.report.lost += left.sum::<u64>() + std::mem::take(&mut state.under_way);
            state.report
        })
    }

    fn with<T>(&self, what: impl FnOnce(&mut State) -> T) -> T {
        // Nothing in there panics.
        what(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(count: u64) -> Parcel {
        Parcel {
            message: Message::Metrics(<_>::default()),
            count,
        }
    }

    #[tokio::test]
    async fn the_oldest_makes_room_and_is_counted() {
        // The last is never settled.
        for (cumulative, lost) in [(false, 1 + 2 + 4), (true, 4)] {
            let lane = Lane::new(2, cumulative);
            (1..=3).for_each(|count| lane.push(parcel(count)));
            let taken = lane.next().await.unwrap();
            assert_eq!(taken.count, 2);
            lane.push(parcel(4));
            lane.put_back(taken);
            assert_eq!(lane.next().await.unwrap().count, 3);
            lane.close();
            assert_eq!(lane.next().await.unwrap().count, 4);
            assert_eq!(lane.abandon().lost, lost);
            assert!(lane.next().await.is_none());
        }
    }
}
