//! When it is this host's turn to deliver.
//!
//! Windows end at the same moment on every host. If all of them delivered then, a store of
//! many hosts would have its whole load in one moment of each interval, and nothing in
//! between. So each host waits for a constant part of it, which its name decides.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ring::digest::{SHA256, digest};
use tokio::time::Instant;

/// A host asked to come back later does so up to this part later.
const LATER_BY: f64 = 0.25;

/// How long that host waits: the same in each run, and evenly spread over `within` for
/// many hosts.
#[must_use]
pub fn phase(host: &str, within: Duration) -> Duration {
    // Names of hosts differ in few digits: only a good hash spreads those.
    let hash = digest(&SHA256, host.as_bytes());
    let first = hash
        .as_ref()
        .first_chunk()
        .map_or(0, |it| u64::from_be_bytes(*it));
    within.mul_f64(first as f64 / 2_f64.powi(64))
}

/// As long as a server has asked for, and up to a quarter more by chance: it may have asked
/// many at once.
pub(super) fn later(asked: Duration) -> Duration {
    asked.mul_f64(fastrand::f64().mul_add(LATER_BY, 1.0))
}

/// Keeps the time from the end of a window to this host's turn.
#[derive(Debug, Default)]
pub(super) struct Turn {
    phase: Duration,
    /// Of the oldest window that has not been let go. A later one does not put it off.
    due: Mutex<Option<Instant>>,
}

impl Turn {
    pub(super) fn new(phase: Duration) -> Self {
        let due = Mutex::default();
        Self { phase, due }
    }

    /// A window ends now: say so before its points are given to anybody.
    pub(super) fn window_ended(&self) {
        self.due()
            .get_or_insert_with(|| Instant::now() + self.phase);
    }

    /// Until when to wait; `None` if there is no reason to, or no longer.
    pub(super) fn waits_until(&self) -> Option<Instant> {
        let mut due = self.due();
        *due = due.filter(|due| *due > Instant::now());
        *due
    }

    fn due(&self) -> MutexGuard<'_, Option<Instant>> {
        // Nothing in there panics.
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    #[test]
    fn hosts_are_spread_evenly() {
        let mut tenths = [0_u32; 10];
        for n in 0..1_000 {
            let phase = phase(&format!("ip-10-0-{}-{}", n / 250, n % 250), WITHIN);
            assert!(phase < WITHIN);
            tenths[phase.as_secs() as usize] += 1;
        }
        // Chi squared of nine degrees of freedom: even hosts are above 27.9 once in 1000.
        let squares: f64 = tenths
            .iter()
            .map(|it| (f64::from(*it) - 100.0).powi(2))
            .sum();
        assert!(squares / 100.0 < 27.9, "{tenths:?}");
    }

    #[test]
    fn a_host_has_its_own_place() {
        assert_eq!(phase("node-1", WITHIN), phase("node-1", WITHIN));
        assert_ne!(phase("node-1", WITHIN), phase("node-2", WITHIN));
        assert_eq!(phase("node-1", Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn nobody_comes_back_before_being_asked_to() {
        let times: Vec<_> = (0..100).map(|_| later(WITHIN)).collect();
        let most = WITHIN.mul_f64(1.0 + LATER_BY);
        assert!(times.iter().all(|time| (WITHIN..=most).contains(time)));
        assert!(
            times.iter().any(|time| *time != times[0]),
            "all at once again"
        );
    }

    #[test]
    fn a_later_window_does_not_put_it_off() {
        let turn = Turn::new(WITHIN);
        assert_eq!(turn.waits_until(), None, "no window yet");
        let before = Instant::now();
        turn.window_ended();
        let due = turn.waits_until().unwrap();
        assert!(due >= before + WITHIN && due <= Instant::now() + WITHIN);
        turn.window_ended();
        assert_eq!(turn.waits_until(), Some(due));
    }

    #[test]
    fn the_next_window_waits_again() {
        let turn = Turn::new(Duration::from_millis(20));
        for _ in 0..2 {
            turn.window_ended();
            assert!(turn.waits_until().is_some());
            std::thread::sleep(Duration::from_millis(25));
            assert_eq!(turn.waits_until(), None);
        }
        let at_once = Turn::default();
        at_once.window_ended();
        assert_eq!(at_once.waits_until(), None);
    }
}
