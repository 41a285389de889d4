//! Bounds of times: a test that only they fail measures again.
//!
//! A figure that is wrong is wrong each time. One that was measured while the host stood
//! still is not, and on a shared host that happens in one of some hundred tests. Nothing
//! else is tried twice: a request that is missing fails the test at once.

use std::fmt::Display;

use anyhow::{Error, Result};
use thiserror::Error;

use crate::skip;

/// How often a test may measure.
const TAKES: usize = 3;

/// A figure is further off than it may be.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Inaccurate(String);

impl Inaccurate {
    /// With what was measured, and what was allowed.
    #[must_use]
    pub fn new(what: impl Display) -> Self {
        Self(what.to_string())
    }

    /// Whether that is all that is wrong.
    #[must_use]
    pub fn is_all(error: &Error) -> bool {
        error.is::<Self>()
    }
}

/// As `ensure!`, for a bound of something measured that a disturbed host exceeds.
#[macro_export]
macro_rules! accurate {
    ($holds:expr, $($what:tt)+) => {
        let holds: bool = $holds;
        if !holds {
            return Err($crate::accuracy::Inaccurate::new(format_args!($($what)+)).into());
        }
    };
}

/// Runs a test, and again if it fails by nothing but [`Inaccurate`]: it does so three
/// times, or not at all. Each time is told, `again TEST: WHY`, past the test runner.
pub fn measured(test: impl Fn() -> Result<()>) -> Result<()> {
    takes(test, |error| {
        skip::tell("again", &format!("{error:#}").replace('\n', "; "));
    })
}

fn takes(test: impl Fn() -> Result<()>, tell: impl Fn(&Error)) -> Result<()> {
    for _ in 1..TAKES {
        match test() {
            Err(error) if Inaccurate::is_all(&error) => tell(&error),
            ended => return ended,
        }
    }
    test()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use anyhow::{Context as _, bail};

    use super::*;

    /// How often a test is run that is off so many times, and what becomes of it.
    fn off(off: usize) -> (usize, bool) {
        let count = Cell::new(0);
        let test = || {
            count.set(count.get() + 1);
            let check = || -> Result<()> {
                accurate!(count.get() > off, "{} is off", count.get());
                Ok(())
            };
            check().context("while it was measured")
        };
        let ended = takes(test, |_| {});
        (count.get(), ended.is_ok())
    }

    #[test]
    fn what_is_off_each_time_fails() {
        assert_eq!(off(0), (1, true));
        assert_eq!(off(2), (3, true));
        assert_eq!(off(3), (3, false));
    }

    #[test]
    fn what_is_missing_fails_at_once() {
        let count = Cell::new(0);
        let test = || {
            count.set(count.get() + 1);
            bail!("a request is missing")
        };
        let ended = takes(test, |_| {});
        assert_eq!((count.get(), ended.is_ok()), (1, false));
    }
}
