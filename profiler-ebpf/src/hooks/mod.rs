//! The hooks: thin programs, one file a topic.
//!
//! `sock` and `syscall` are the two back ends, of which one is attached; `sched`
//! and `tcp` are attached with either.

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
