//! Bounded waiting for a condition: the only synchronisation in these tests.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// For anything that a loaded two-core machine does "at once".
pub const PATIENCE: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(2);

/// Waits until `condition` holds, at most [`PATIENCE`].
pub fn until(what: &str, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let value = value(what, || Ok(condition()?.then_some(())));
    value.map(drop)
}

/// Waits until `attempt` yields a value, at most [`PATIENCE`].
pub fn value<T>(what: &str, mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(value) = attempt()? {
            return Ok(value);
        }
        if started.elapsed() > PATIENCE {
            bail!("waited {PATIENCE:?} in vain for: {what}");
        }
        std::thread::sleep(POLL);
    }
}
