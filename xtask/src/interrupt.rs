//! Ctrl-C and SIGTERM: a job ends its servers before it ends itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

/// How often a wait looks up.
const TICK: Duration = Duration::from_millis(20);

/// Set once somebody wants the job to end.
#[derive(Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Catches the signals from here on.
    pub fn install() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag)).context("catching signals")?;
        }
        Ok(Self(flag))
    }

    /// One that nobody sets.
    #[cfg(test)]
    pub fn never() -> Self {
        Self(Arc::default())
    }

    /// Fails if the job is to end.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        Ok(())
    }

    /// Waits until something is there; fails when the job is to end, or when
    /// it has taken too long.
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

    /// Sleeps until then; fails at once when the job is to end.
    pub fn sleep_until(&self, then: Instant) -> Result<()> {
        loop {
            self.check()?;
            match then.checked_duration_since(Instant::now()) {
                None => return Ok(()),
                Some(left) => thread::sleep(left.min(TICK)),
            }
        }
    }
}
