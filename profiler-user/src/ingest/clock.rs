//! The kernel's clock to the wall's.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// How far the wall clock was ahead of the monotonic one.
pub struct Clock {
    /// Nanoseconds.
    ahead: i64,
}

impl Clock {
    /// Compares the clocks. Of a few readings the one that took least time counts:
    /// an interruption between the two would shift every time stamp.
    pub fn now() -> Self {
        let readings = (0..5).map(|_| {
            let before = nanoseconds(clock_gettime(ClockId::Monotonic));
            let wall = nanoseconds(clock_gettime(ClockId::Realtime));
            let after = nanoseconds(clock_gettime(ClockId::Monotonic));
            (after - before, wall - i64::midpoint(before, after))
        });
        let ahead = readings.min().map_or(0, |(_, ahead)| ahead);
        Self { ahead }
    }

    /// Nanoseconds since the epoch at a monotonic time.
    pub fn wall(&self, monotonic_ns: u64) -> u64 {
        monotonic_ns.saturating_add_signed(self.ahead)
    }
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn agrees_with_the_wall_clock() {
        let monotonic = nanoseconds(clock_gettime(ClockId::Monotonic)) as u64;
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970");
        let ours = Clock::now().wall(monotonic);
        let apart = ours.abs_diff(wall.as_nanos() as u64);
        // Loose: the readings are not taken at the same instant.
        assert!(apart < 1_000_000_000, "{apart} ns apart");
    }
}
