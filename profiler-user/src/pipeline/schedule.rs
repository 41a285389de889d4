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

    /// Length of a window.
    pub(super) const fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    /// How long until the open window ends; no time if the wall clock was set back, as
    /// that end may be hours away. It is asked anew whenever anything happens.
    pub(super) fn wait(&self, now: u64) -> Duration {
        if self.was_set_back(now) {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.end.saturating_sub(now))
    }

    /// Ends the open window and opens the next: begin and end of the former. One
    /// that was kept waiting ends at the last multiple before `now`.
    pub(super) fn advance(&mut self, now: u64) -> (u64, u64) {
        let ended = if self.was_set_back(now) {
            (now, now)
        } else {
            (self.start, self.end.max(now - now % self.interval))
        };
        self.start = ended.1;
        self.end = next_multiple(ended.1, self.interval);
        ended
    }

    /// Whether the clock is more than an interval before the open window. Nearer is no
    /// sign of it: a window may be closed a little early.
    fn was_set_back(&self, now: u64) -> bool {
        now.saturating_add(self.interval) < self.start
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
        assert_eq!(schedule.wait(19), Duration::from_nanos(11));
        assert_eq!(schedule.advance(57), (20, 50), "late");
        assert_eq!(schedule.close(57), (50, 57));
    }

    #[test]
    fn the_clock_may_be_set() {
        let mut schedule = schedule(1_000);
        // At once: whoever asks is interrupted and asks again before an interval is over.
        assert_eq!(schedule.wait(5), Duration::ZERO);
        assert_eq!(schedule.advance(5), (5, 5), "back");
        assert_eq!(schedule.wait(6), Duration::from_nanos(4));
        assert_eq!(schedule.advance(10), (5, 10));
        assert_eq!(schedule.wait(9), Duration::from_nanos(11), "back a little");
        assert_eq!(schedule.advance(20), (10, 20));
        assert_eq!(schedule.advance(5_000), (20, 5_000), "forward");
    }
}
