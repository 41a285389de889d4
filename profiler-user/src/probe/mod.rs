//! The kernel programs from user space's side: load, attach, watch, count.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use profiler_common::stats::Counter;

/// A way to hook socket reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackEnd {
    /// `tp_btf/sock_{send,recv}_length`, kernel 6.3 and later.
    Sock,
    /// Syscall tracepoints, everywhere.
    Syscall,
}

impl BackEnd {
    /// Its name on the command line and in the summary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sock => "sock",
            Self::Syscall => "syscall",
        }
    }
}

/// What to load.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The back end; `None` takes the first that works.
    pub hooks: Option<BackEnd>,
    /// Connections tracked at a time.
    pub max_connections: u32,
    /// Ring buffer, bytes: a power of two, at least a page.
    pub ring_bytes: u32,
}

/// Why the probe cannot run. Each maps to an exit status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel or the privileges do not allow it (exit 3).
    #[error("{0}")]
    Refused(String),
    /// Something failed that should have worked (exit 1).
    #[error("{0}")]
    Failed(String),
}

/// What the kernel side has cost since it was attached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Program runs (`run_cnt`); `None` where the kernel keeps no statistics.
    pub runs: Option<u64>,
    /// Nanoseconds inside programs (`run_time_ns`).
    pub nanoseconds: Option<u64>,
}

/// The loaded and attached programs. Dropping it detaches them.
pub struct Probe;

impl Probe {
    /// Loads and attaches the programs. Nothing is watched yet.
    pub fn attach(_settings: &Settings) -> Result<Self, Error> {
        todo!()
    }
    /// The back end in use.
    #[must_use]
    pub fn back_end(&self) -> BackEnd {
        todo!()
    }
    /// Why this back end: a line for each that was considered.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        todo!()
    }
    /// How long load and attach took.
    #[must_use]
    pub fn attach_time(&self) -> Duration {
        todo!()
    }
    /// Watches a process; its children are then followed in the kernel.
    pub fn watch(&mut self, _pid: u32) -> Result<(), Error> {
        todo!()
    }
    /// Thread groups that the kernel watches now.
    #[must_use]
    pub fn watched(&self) -> Vec<u32> {
        todo!()
    }
    /// Hands over every finished record (never blocks).
    pub fn drain(&mut self, _record: impl FnMut(&[u8])) {
        todo!()
    }
    /// The kernel's counters, in the order of [`Counter::ALL`].
    #[must_use]
    pub fn counters(&self) -> Vec<(Counter, u64)> {
        todo!()
    }
    /// Takes the hooks out; records already made can still be drained.
    pub fn detach(&mut self) {
        todo!()
    }
    /// Requests read and not yet finished. Exact once detached.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        todo!()
    }
    /// The kernel side's own cost.
    #[must_use]
    pub fn cost(&self) -> Cost {
        todo!()
    }
}

/// Readable when there are records to drain.
impl AsFd for Probe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        todo!()
    }
}
