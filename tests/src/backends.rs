//! Every end-to-end test runs once for each hook back end.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::accuracy::measured;
use crate::emulated::emulated;
use crate::{probe, skip};

/// A hook back end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `tp_btf` on the socket calls.
    Sock,
    /// `fexit` on the kernel's own socket functions.
    Fentry,
    /// Syscall tracepoints.
    Syscall,
}

impl Backend {
    /// Its name for `--hooks`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sock => "sock",
            Self::Fentry => "fentry",
            Self::Syscall => "syscall",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Lists the back ends, with commas between them, that this machine may lack.
pub const SKIP: &str = "WSGIPROBE_SKIP_BACKEND";

/// Held shared by every test, and exclusively by those that need idle cores.
static CORES: RwLock<()> = RwLock::new(());

/// As [`run`], with no other test running: for what is measured in microseconds, which mean
/// nothing on emulated processors, or concerns all servers of the machine.
pub fn run_alone(backend: Backend, test: fn(Backend) -> Result<()>) -> Result<()> {
    if emulated() {
        skip::say("it wants the machine to itself, and processors are emulated");
        return Ok(());
    }
    alone(|| unless_skipped(backend, test))
}

/// With no other test running, and no back end.
pub fn alone(test: impl Fn() -> Result<()>) -> Result<()> {
    // What a failed test leaves behind is no reason not to go on.
    let _cores = CORES.write().unwrap_or_else(PoisonError::into_inner);
    measured(test)
}

/// For a test that is not run by this module: while it holds this, none runs that wants the
/// machine to itself.
pub fn beside_others() -> RwLockReadGuard<'static, ()> {
    CORES.read().unwrap_or_else(PoisonError::into_inner)
}

/// Runs one test with one back end. A back end that does not work is a failure, unless
/// the environment says beforehand that it may be missing, and the kernel refuses it.
pub fn run(backend: Backend, test: fn(Backend) -> Result<()>) -> Result<()> {
    let _cores = beside_others();
    measured(|| unless_skipped(backend, test))
}

/// Once with that back end, if it is not one that may be missing.
pub fn unless_skipped(backend: Backend, test: fn(Backend) -> Result<()>) -> Result<()> {
    if let Some(why) = refusal(backend)? {
        let why = why.lines().next().unwrap_or_default();
        skip::say(&format!(
            "{SKIP} names {backend}, and the kernel refuses it: {why}"
        ));
        return Ok(());
    }
    test(backend).with_context(|| format!("with --hooks {backend}"))
}

/// Why the kernel refuses a back end that the environment says may be missing.
fn refusal(backend: Backend) -> Result<Option<String>> {
    let announced = std::env::var(SKIP)
        .is_ok_and(|list| list.split(',').any(|named| named.trim() == backend.name()));
    if !announced {
        return Ok(None);
    }
    let report = host()?;
    let trial = report.back_end(backend)?;
    Ok((!trial.usable).then(|| trial.reason.clone().unwrap_or_default()))
}

/// What `wsgiprobe check` says of this machine, asked once.
fn host() -> Result<&'static Host> {
    static HOST: Mutex<Option<&'static Host>> = Mutex::new(None);
    let mut known = HOST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(host) = *known {
        return Ok(host);
    }
    let host = Box::leak(Box::new(Host::check()?));
    for trial in host.back_ends.iter().filter(|trial| !trial.usable) {
        let why = trial.reason.as_deref().unwrap_or_default();
        // Not captured by the test runner, unlike what a test prints.
        let _ = writeln!(io::stderr(), "wsgiprobe check: no {}: {why}", trial.name);
    }
    *known = Some(host);
    Ok(host)
}

/// `wsgiprobe check --json`, as far as tests read it.
#[derive(Debug, Deserialize)]
pub struct Host {
    /// The kernel's release.
    pub kernel: String,
    /// Each back end, tried.
    pub back_ends: Vec<Trial>,
}

/// What became of one back end.
#[derive(Debug, Deserialize)]
pub struct Trial {
    /// Its name.
    pub name: String,
    /// Whether it was loaded and attached.
    pub usable: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Programs that were loaded for it.
    pub programs: Vec<Program>,
}

/// A program.
#[derive(Debug, Deserialize)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// What the verifier went through; `None` where the kernel does not say.
    pub instructions_processed: Option<u64>,
}

impl Host {
    /// Asks the wsgiprobe under test.
    pub fn check() -> Result<Self> {
        let said = probe::run(["check", "--json"])?;
        serde_json::from_slice(&said.stdout).with_context(|| {
            let why = String::from_utf8_lossy(&said.stderr);
            format!("wsgiprobe check ended with {}: {why}", said.status)
        })
    }

    /// What became of that back end.
    pub fn back_end(&self, backend: Backend) -> Result<&Trial> {
        let mut all = self.back_ends.iter();
        all.find(|trial| trial.name == backend.name())
            .with_context(|| format!("check says nothing of {backend}"))
    }
}

/// Makes of each function `fn subject(Backend) -> Result<()>` the tests `subject::sock`,
/// `subject::fentry` and `subject::syscall`; after `alone:` with no other beside it.
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
            fn fentry() -> anyhow::Result<()> {
                $run(Backend::Fentry, super::$subject)
            }

            #[test]
            fn syscall() -> anyhow::Result<()> {
                $run(Backend::Syscall, super::$subject)
            }
        }
    };
}
