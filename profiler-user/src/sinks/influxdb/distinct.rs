//! Times that never collide.
//!
//! InfluxDB keeps one point per series and nanosecond: a second one replaces it
//! without a word. Two requests of one process can well end in the same
//! nanosecond of the clock, so the later one is moved to the next free one.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

/// Points remembered. At 10 000 requests/s these are the last 6 s: more than a
/// record is late by. 65 536 of them take about 4 MB.
const REMEMBERED: usize = 1 << 16;

/// Gives out times, each once per series.
#[derive(Debug)]
pub(super) struct Distinct {
    /// What was given out -> the next candidate.
    taken: HashMap<Slot, u64>,
    /// The same, oldest first.
    order: VecDeque<Slot>,
    /// No time at or before this is given out any more: it may have been
    /// forgotten that it was taken.
    floor: u64,
    capacity: usize,
    hasher: RandomState,
}

/// A series (as a hash: if two share one, a point moves by a nanosecond for
/// nothing) and a time.
type Slot = (u64, u64);

impl Distinct {
    pub(super) fn new() -> Self {
        Self::with_capacity(REMEMBERED)
    }

    fn with_capacity(capacity: usize) -> Self {
        Self {
            taken: HashMap::new(),
            order: VecDeque::new(),
            floor: 0,
            capacity,
            hasher: RandomState::new(),
        }
    }

    /// The first free time of `series` at or after `wanted`: nanoseconds.
    pub(super) fn time(&mut self, series: &str, wanted: u64) -> u64 {
        let series = self.hasher.hash_one(series);
        let wanted = wanted.max(self.floor + 1);
        let mut time = wanted;
        while let Some(next) = self.taken.get(&(series, time)) {
            time = *next;
        }
        // Shorten the way for the next one, as in a union-find: many requests of one
        // nanosecond would else walk past each other again and again.
        let mut passed = wanted;
        while let Some(next) = self.taken.get_mut(&(series, passed)) {
            passed = std::mem::replace(next, time + 1);
        }
        self.taken.insert((series, time), time + 1);
        self.order.push_back((series, time));
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.taken.remove(&oldest);
            self.floor = self.floor.max(oldest.1);
        }
        time
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_nanosecond_is_given_once() {
        let mut distinct = Distinct::new();
        assert_eq!(distinct.time("a", 100), 100);
        assert_eq!(distinct.time("a", 100), 101);
        assert_eq!(distinct.time("a", 101), 102);
        assert_eq!(distinct.time("a", 100), 103);
        assert_eq!(distinct.time("b", 100), 100);
        assert_eq!(distinct.time("a", 99), 99);
    }

    #[test]
    fn many_of_one_nanosecond_do_not_stall() {
        let mut distinct = Distinct::new();
        for n in 0..300_000 {
            assert_eq!(distinct.time("a", 5), 5 + n);
        }
        assert_eq!(distinct.taken.len(), REMEMBERED);
    }

    proptest! {
        #[test]
        fn never_twice_whatever_comes(wanted in prop::collection::vec((0_u8..3, 1_u64..60), 1..400)) {
            let mut distinct = Distinct::with_capacity(16);
            let mut given = HashSet::new();
            for (series, wanted) in wanted {
                let time = distinct.time(&series.to_string(), wanted);
                prop_assert!(time >= wanted);
                prop_assert!(given.insert((series, time)));
                prop_assert!(distinct.taken.len() <= 17 && distinct.order.len() <= 16);
            }
        }
    }
}
