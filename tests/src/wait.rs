//! Bounded waiting for a condition: the only synchronisation in these tests.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::emulated::patiently;

/// For anything that a loaded two-core machine does "at once".
const PATIENCE: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(2);

/// How long anything is waited for.
#[must_use]
pub fn patience() -> Duration {
    patiently(PATIENCE)
}

/// Waits until `condition` holds, at most [`patience`].
pub fn until(what: &str, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let value = value(what, || Ok(condition()?.then_some(())));
    value.map(drop)
}

/// Waits until `attempt` yields a value, at most [`patience`].
pub fn value<T>(what: &str, mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let (started, patience) = (Instant::now(), patience());
    loop {
        if let Some(value) = attempt()? {
            return Ok(value);
        }
        if started.elapsed() > patience {
            bail!("waited {patience:?} in vain for: {what}");
        }
        std::thread::sleep(POLL);
    }
}
