//! The numbers of a route: of the whole run, of the last seconds, and their history.

use super::history::{History, Point};
use crate::aggregate::Stats;
use crate::model::Request;
use crate::tui::samples;

/// Where the run is: nanoseconds of windows so far, which no clock can set back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    /// Begin of the last window.
    pub begin: u64,
    /// Its end.
    pub end: u64,
    /// Length of a slot of the history.
    pub slot: u64,
    /// Length of an epoch.
    pub epoch: u64,
}

impl Moment {
    fn epoch(&self) -> u64 {
        self.begin / self.epoch.max(1)
    }

    /// The slot that the last window is in.
    pub fn slot(&self) -> u64 {
        self.begin / self.slot.max(1)
    }

    /// Seconds that are [recent](Figures::recent).
    pub fn recent_seconds(&self) -> f64 {
        let begin = self.epoch().saturating_sub(1) * self.epoch;
        self.end.saturating_sub(begin) as f64 / 1e9
    }

    /// Seconds of the run.
    pub fn seconds(&self) -> f64 {
        self.end as f64 / 1e9
    }
}

/// The numbers of a route, or of all.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Of the whole run.
    pub run: Stats,
    /// Of the epoch of this number, and of the one before.
    current: Stats,
    before: Stats,
    epoch: u64,
    /// The last two minutes.
    pub history: History,
    /// The slowest of the run, the slowest first.
    pub slowest: Vec<Request>,
}

impl Figures {
    /// Adds what finished in the last window.
    pub(super) fn add(&mut self, stats: &Stats, moment: &Moment) {
        self.turn(moment);
        self.run.merge(stats);
        self.current.merge(stats);
        self.history.add(Point {
            slot: moment.slot(),
            count: stats.count,
            p99: stats.p99().unwrap_or(0),
        });
    }

    /// Adds slow requests.
    pub(super) fn keep(&mut self, slowest: &[Request]) {
        for request in slowest {
            samples::keep(&mut self.slowest, request);
        }
    }

    /// What finished in this epoch and in the one before.
    pub fn recent(&self, moment: &Moment) -> Stats {
        let mut recent = Stats::new();
        match moment.epoch().checked_sub(self.epoch) {
            Some(0) => {
                recent.merge(&self.before);
                recent.merge(&self.current);
            }
            Some(1) => recent.merge(&self.current),
            _ => {}
        }
        recent
    }

    fn turn(&mut self, moment: &Moment) {
        let epoch = moment.epoch();
        if epoch == self.epoch {
            return;
        }
        let current = std::mem::take(&mut self.current);
        self.before = if epoch == self.epoch + 1 {
            current
        } else {
            Stats::new()
        };
        self.epoch = epoch;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::sample;

    fn moment(second: u64) -> Moment {
        Moment {
            begin: second * 1_000_000_000,
            end: (second + 1) * 1_000_000_000,
            slot: 1_000_000_000,
            epoch: 5_000_000_000,
        }
    }

    #[test]
    fn recent_is_this_epoch_and_the_one_before() {
        let mut one = Stats::new();
        one.record(&sample::request("/"));
        let mut figures = Figures::default();
        let mut counts = Vec::new();
        for second in 0..12 {
            figures.add(&one, &moment(second));
            let at = moment(second);
            let recent = figures.recent(&at).count;
            assert_eq!(recent, at.recent_seconds() as u64, "one a second");
            counts.push(recent);
        }
        assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 6, 7]);
        assert_eq!(figures.run.count, 12);
        // Nothing comes any more.
        assert_eq!(figures.recent(&moment(14)).count, 7);
        assert_eq!(figures.recent(&moment(15)).count, 2);
        assert_eq!(figures.recent(&moment(20)).count, 0);
        figures.add(&one, &moment(20));
        assert_eq!(figures.recent(&moment(20)).count, 1);
    }
}
