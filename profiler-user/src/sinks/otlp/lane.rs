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
    /// Of which push it was part.
    push: u64,
}

impl Parcel {
    pub(super) fn new(message: Message, count: u64) -> Self {
        Self {
            message,
            count,
            push: 0,
        }
    }
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
    /// Number of the last push.
    pushes: u64,
    closed: bool,
    report: Report,
}

/// A lane.
pub(super) struct Lane {
    state: Mutex<State>,
    changed: Notify,
    /// How much may wait; `None`: all of the last push, which says all that those before did.
    places: Option<usize>,
}

impl Lane {
    /// One in which so many may wait.
    pub(super) fn new(places: usize) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            places: Some(places),
        }
    }

    /// One whose last push is all that matters.
    pub(super) fn cumulative() -> Self {
        Self {
            places: None,
            ..Self::new(0)
        }
    }

    /// Puts them at the end; what waited longest makes room.
    pub(super) fn push(&self, parcels: impl IntoIterator<Item = Parcel>) {
        self.with(|state| {
            state.pushes += 1;
            if self.places.is_none() {
                state.waiting.clear();
            }
            for mut parcel in parcels {
                parcel.push = state.pushes;
                while self
                    .places
                    .is_some_and(|places| state.waiting.len() >= places)
                {
                    state.report.lost += state.waiting.pop_front().map_or(0, |gone| gone.count);
                }
                state.waiting.push_back(parcel);
            }
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
            match self.places {
                None if parcel.push == state.pushes => state.waiting.push_front(parcel),
                None => {}
                Some(places) if state.waiting.len() < places => state.waiting.push_front(parcel),
                Some(_) => state.report.lost += parcel.count,
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
        Parcel::new(Message::Metrics(<_>::default()), count)
    }

    #[tokio::test]
    async fn the_oldest_makes_room_and_is_counted() {
        let lane = Lane::new(2);
        (1..=3).for_each(|count| lane.push([parcel(count)]));
        let taken = lane.next().await.unwrap();
        assert_eq!(taken.count, 2);
        lane.push([parcel(4)]);
        lane.put_back(taken);
        assert_eq!(lane.next().await.unwrap().count, 3);
        lane.close();
        assert_eq!(lane.next().await.unwrap().count, 4);
        // The last is never settled.
        assert_eq!(lane.abandon().lost, 1 + 2 + 4);
        assert!(lane.next().await.is_none());
    }

    #[tokio::test]
    async fn of_sums_the_newest_are_all() {
        let lane = Lane::cumulative();
        lane.push([parcel(1), parcel(2)]);
        let taken = lane.next().await.unwrap();
        assert_eq!(taken.count, 1);
        lane.put_back(taken);
        let taken = lane.next().await.unwrap();
        assert_eq!(taken.count, 1);
        lane.push([parcel(3), parcel(4)]);
        lane.put_back(taken);
        assert_eq!(lane.next().await.unwrap().count, 3);
        lane.close();
        assert_eq!(lane.next().await.unwrap().count, 4);
        assert_eq!(lane.abandon().lost, 4);
    }
}
