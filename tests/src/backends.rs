//! Every end-to-end test runs once for each hook back end.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use anyhow::{Context, Result};

use crate::emulated::emulated;
use crate::skip;

/// A hook back end that every kernel under test must offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `tp_btf` on the socket calls.
    Sock,
    /// Syscall tracepoints.
    Syscall,
}

impl Backend {
    /// Its name for `--hooks`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sock => "sock",
            Self::Syscall => "syscall",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names the back end (`sock` or `syscall`) that this machine cannot run.
pub const SKIP: &str = "WSGIPROBE_SKIP_BACKEND";

/// Held shared by every test, and exclusively by those that need idle cores.
static CORES: RwLock<()> = RwLock::new(());

/// As [`run`], with no other test running: for what is measured in microseconds.
/// On emulated processors those mean nothing.
pub fn run_alone(backend: Backend, test: fn(Backend) -> Result<()>) -> Result<()> {
    if emulated() {
        skip::say("it measures microseconds, and processors are emulated");
        return Ok(());
    }
    alone(|| unless_skipped(backend, test))
}

/// With no other test running, and no back end.
pub fn alone(test: impl FnOnce() -> Result<()>) -> Result<()> {
    // What a failed test leaves behind is no reason not to go on.
    let _cores = CORES.write().unwrap_or_else(PoisonError::into_inner);
    test()
}

/// Runs one test with one back end. A back end that does not work is a failure,
/// unless the environment says beforehand that it cannot.
pub fn run(backend: Backend, test: fn(Backend) -> Result<()>) -> Result<()> {
    let _cores = CORES.read().unwrap_or_else(PoisonError::into_inner);
    unless_skipped(backend, test)
}

fn unless_skipped(backend: Backend, test: fn(Backend) -> Result<()>) -> Result<()> {
    if std::env::var(SKIP).is_ok_and(|named| named == backend.name()) {
        skip::say(&format!(
            "{SKIP} says that this machine cannot run {backend}"
        ));
        return Ok(());
    }
    test(backend).with_context(|| format!("with --hooks {backend}"))
}

/// Makes of each function `fn subject(Backend) -> Result<()>` the two tests
/// `subject::sock` and `subject::syscall`; after `alone:` with no other beside it.
#[macro_export]
macro_rules! on_each_backend {
    (alone: $($subject:ident),+ $(,)?) => {
        $($crate::on_each_backend!(@by run_alone, $subject);)+
    };
    ($($subject:ident),+ $(,)?) => {
        $($crate::on_each_backend!(@by run, $subject);)+
    };
    (@by $run:ident, $subject:ident) => {
        mod $subject {
            use $crate::backends::{Backend, $run};

            #[test]
            fn sock() -> anyhow::Result<()> {
                $run(Backend::Sock, super::$subject)
            }

            #[test]
            fn syscall() -> anyhow::Result<()> {
                $run(Backend::Syscall, super::$subject)
            }
        }
    };
}
