//! The hooks: thin programs, one file a topic.
//!
//! `sock` and `syscall` are the two back ends, of which one is attached; `sched`
//! and `tcp` are attached with either.

/// A line for aya-log, in builds with the feature `log` only.
macro_rules! log {
    ($ctx:expr, $($arg:tt)+) => {
        #[cfg(feature = "log")]
        aya_log_ebpf::debug!($ctx, $($arg)+);
    };
}

mod sched;
mod sock;
mod syscall;
mod tcp;

use aya_ebpf::helpers::bpf_get_current_pid_tgid;

use crate::maps::WATCHED;

/// The current thread, if its process is watched.
#[inline(always)]
fn watched_task() -> Option<u64> {
    let task = bpf_get_current_pid_tgid();
    WATCHED.get_ptr((task >> 32) as u32).map(|_| task)
}
