//! Where aggregation windows begin and end: at multiples of the interval on the
//! wall clock, so that those of several hosts coincide.

use std::time::Duration;

/// The open window; times are nanoseconds since the epoch.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: u64,
    start: u64,
    end: u64,
}

impl Schedule {
    /// The first window: from `now` to the next multiple of `interval`.
    pub(super) fn new(now: u64, interval: Duration) -> Self {
        // An hour at most (the command line sees to it), a nanosecond at least.
        let interval = (interval.as_nanos() as u64).max(1);
        Self {
            interval,
            start: now,
            end: next_multiple(now, interval),
        }
    }

    /// How long until the open window ends. At most an interval: the wall clock
    /// may be set back while we wait.
    pub(super) fn wait(&self, now: u64) -> Duration {
        Duration::from_nanos(self.end.saturating_sub(now).min(self.interval))
    }

    /// Ends the open window and opens the next: begin and end of the former. One
    /// that was kept waiting ends at the last multiple before `now`.
    pub(super) fn advance(&mut self, now: u64) -> (u64, u64) {
        let was_set_back = now.saturating_add(self.interval) < self.end;
        let ended = if was_set_back {
            (self.start.min(now), now)
        } else {
            (self.start, self.end.max(now - now % self.interval))
        };
        self.start = ended.1;
        self.end = next_multiple(ended.1, self.interval);
        ended
    }

    /// The open window, cut short at `now`.
    pub(super) fn close(&self, now: u64) -> (u64, u64) {
        (self.start.min(now), now)
    }
}

fn next_multiple(now: u64, interval: u64) -> u64 {
    now - now % interval + interval
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(now: u64) -> Schedule {
        Schedule::new(now, Duration::from_nanos(10))
    }

    #[test]
    fn windows_end_at_multiples_and_leave_no_gap() {
        let mut schedule = schedule(13);
        assert_eq!(schedule.wait(13), Duration::from_nanos(7));
        assert_eq!(schedule.advance(21), (13, 20));
        assert_eq!(schedule.advance(30), (20, 30));
        assert_eq!(schedule.close(34), (30, 34));
    }

    #[test]
    fn a_timer_may_fire_early_or_late() {
        let mut schedule = schedule(13);
        assert_eq!(schedule.advance(19), (13, 20), "early");
        assert_eq!(schedule.wait(19), Duration::from_nanos(10));
        assert_eq!(schedule.advance(57), (20, 50), "late");
        assert_eq!(schedule.close(57), (50, 57));
    }

    #[test]
    fn the_clock_may_be_set() {
        let mut schedule = schedule(1_000);
        assert_eq!(schedule.wait(5), Duration::from_nanos(10));
        assert_eq!(schedule.advance(15), (15, 15), "back");
        assert_eq!(schedule.advance(20), (15, 20));
        assert_eq!(schedule.advance(5_000), (20, 5_000), "forward");
    }
}
