//! The last two minutes of a route, a point a second.

use std::collections::VecDeque;

/// Points kept.
pub const POINTS: u64 = 120;

/// Thousandths in one.
const MILLI: u64 = 1_000;

/// A stretch of time with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its number.
    pub slot: u64,
    /// Requests that finished in it.
    pub count: u64,
    /// The 99th percentile of their durations, nanoseconds; of the windows in it the
    /// highest.
    pub p99: u64,
}

/// At most [`POINTS`] of them, in order; none for stretches without requests.
#[derive(Clone, Debug, Default)]
pub struct History(VecDeque<Point>);

impl History {
    /// Adds what finished in a slot; slots never go back.
    pub fn add(&mut self, point: Point) {
        match self.0.back_mut() {
            Some(last) if last.slot >= point.slot => {
                last.count += point.count;
                last.p99 = last.p99.max(point.p99);
            }
            _ => self.0.push_back(point),
        }
        let first = point.slot.saturating_sub(POINTS - 1);
        while self.0.front().is_some_and(|point| point.slot < first) {
            self.0.pop_front();
        }
    }

    /// The slots up to `now` in no more than `width` cells, oldest first: `None` where
    /// nothing finished. Cells begin at multiples of their length, so that a point
    /// stays in its cell as time goes by.
    pub fn cells(&self, now: u64, width: usize, fold: Fold) -> Vec<Option<u64>> {
        let each = POINTS.div_ceil((width as u64).max(1));
        let last = now / each;
        let cells = POINTS / each;
        let mut values = vec![None; cells as usize];
        for point in &self.0 {
            let back = last.checked_sub(point.slot / each);
            let place = back.and_then(|back| cells.checked_sub(back + 1));
            let Some(place) = place else { continue };
            let value = &mut values[place as usize];
            *value = Some(match fold {
                Fold::Highest => value.unwrap_or(0).max(point.p99),
                Fold::Requests => value.unwrap_or(0) + point.count,
            });
        }
        if fold == Fold::Requests {
            // The last cell is not over: its mean would else seem to fall.
            let lengths = (0..cells).rev().map(|back| match back {
                0 => now % each + 1,
                _ => each,
            });
            for (value, length) in values.iter_mut().zip(lengths) {
                *value = value.map(|count| count.saturating_mul(MILLI) / length);
            }
        }
        values
    }
}

/// What the points of a cell make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// The highest 99th percentile.
    Highest,
    /// Requests a slot on average, in thousandths.
    Requests,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(slot: u64, count: u64, p99: u64) -> Point {
        Point { slot, count, p99 }
    }

    #[test]
    fn is_bounded_and_folds_what_comes_twice() {
        let mut history = History::default();
        for slot in 0..1_000 {
            history.add(point(slot, 1, slot));
            history.add(point(slot, 1, 1));
        }
        assert_eq!(history.0.len() as u64, POINTS);
        assert_eq!(history.0.back(), Some(&point(999, 2, 999)));
        history.add(point(5, 1, 1));
        assert_eq!(history.0.back(), Some(&point(999, 3, 999)), "never back");
    }

    #[test]
    fn a_point_stays_in_its_cell() {
        let mut history = History::default();
        history.add(point(59, 4, 7));
        history.add(point(61, 2, 9));
        let at = |now| history.cells(now, 20, Fold::Highest);
        assert_eq!(at(61).len(), 20);
        assert_eq!(at(61)[18..], [Some(7), Some(9)]);
        for now in 61..66 {
            assert_eq!(at(now), at(61));
        }
        assert_eq!(at(66)[17..], [Some(7), Some(9), None]);
        assert!(at(1_000).iter().all(Option::is_none));
        let requests = |now| history.cells(now, 60, Fold::Requests)[58..].to_vec();
        assert_eq!(
            requests(61),
            [Some(2_000), Some(1_000)],
            "4 and 2 in two slots"
        );
        history.add(point(62, 2, 1));
        let requests = |now| history.cells(now, 60, Fold::Requests)[58..].to_vec();
        assert_eq!(requests(62), [Some(1_000), Some(2_000)], "2 in one");
        assert_eq!(requests(63), [Some(1_000), Some(1_000)]);
        assert_eq!(history.cells(0, 0, Fold::Requests).len(), 1);
        for width in 1..300 {
            assert!(history.cells(61, width, Fold::Requests).len() <= width);
        }
    }
}
