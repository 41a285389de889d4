//! Ctrl-C and SIGTERM: servers and loads are ended before this process ends. The
//! project's jobs, in xtask, include this file by its path.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// How often a wait looks up.
const TICK: Duration = Duration::from_millis(10);

/// Somebody wants it to end.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Set once somebody wants it to end; by default nobody does.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Catches the signals from here on.
    pub fn install() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag)).context("catching signals")?;
        }
        Ok(Self(flag))
    }

    /// One that nobody sets.
    #[cfg(test)]
    pub fn never() -> Self {
        Self(Arc::default())
    }

    /// Whether it is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Fails with [`Interrupted`] if it is set.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_set() {
            Err(Interrupted)
        } else {
            Ok(())
        }
    }

    /// Waits until something is there; fails when it is set, or when it has taken too
    /// long.
    pub fn wait_for<T>(
        &self,
        what: &str,
        at_most: Duration,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let began = Instant::now();
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            self.check()?;
            if began.elapsed() > at_most {
                bail!("{what}: not within {} s", at_most.as_secs());
            }
            thread::sleep(TICK);
        }
    }

    /// Sleeps until then; fails at once when it is set.
    pub fn sleep_until(&self, then: Instant) -> Result<(), Interrupted> {
        loop {
            self.check()?;
            match then.checked_duration_since(Instant::now()) {
                None => return Ok(()),
                Some(left) => thread::sleep(left.min(TICK)),
            }
        }
    }
}
