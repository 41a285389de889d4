//! Follows processes: a child of a watched process is watched before it runs its
//! first instruction. `exec` keeps the thread group, so it needs no hook.

use aya_ebpf::bindings::BPF_ANY;
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_probe_read_kernel};
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use profiler_common::stats::Counter;

use super::watched_task;
use crate::config::setting;
use crate::maps::{Place, WATCHED, count};
use crate::traffic;

// TP_PROTO(struct task_struct *parent, struct task_struct *child)
//                                                  include/trace/events/sched.h
#[btf_tracepoint(function = "sched_process_fork")]
pub fn process_fork(ctx: BtfTracePointContext) -> i32 {
    try_fork(&ctx);
    0
}

#[inline(always)]
fn try_fork(ctx: &BtfTracePointContext) -> Option<()> {
    let task = watched_task()?;
    let parent = (task.id >> 32) as u32;
    let child: *const u8 = ctx.arg(1);
    let address = (child as u64 + u64::from(setting!(task_tgid))) as *const u32;
    // SAFETY: the helper checks the address.
    let child = unsafe { bpf_probe_read_kernel(address) }.ok()?;
    // A new thread has its creator's thread group.
    if child != parent
        && WATCHED
            .insert(child, task.server, u64::from(BPF_ANY))
            .is_err()
    {
        count(Place::Traffic, Counter::ProcessFull);
    }
    Some(())
}

// TP_PROTO(struct task_struct *p, ...)             include/trace/events/sched.h
#[btf_tracepoint(function = "sched_process_exit")]
pub fn process_exit(_ctx: BtfTracePointContext) -> i32 {
    let task = bpf_get_current_pid_tgid();
    let (group, thread) = ((task >> 32) as u32, task as u32);
    traffic::ended(task);
    if group == thread {
        // Not there if it was not watched.
        let _ = WATCHED.remove(group);
    }
    0
}
