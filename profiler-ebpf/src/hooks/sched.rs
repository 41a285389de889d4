//! Follows processes: a child of a watched process is watched before it runs its
//! first instruction. `exec` keeps the thread group: what else it does is in `hooks::exec`.
//!
//! Attached twice where the kernel preempts programs, as in `hooks::tcp`.

use aya_ebpf::bindings::{BPF_ANY, task_struct};
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use profiler_common::config::Hung;
use profiler_common::stats::Counter;

use super::{undisturbed, watched};
use crate::maps::{Place, WATCHED, count};
use crate::{tasks, traffic};

// TP_PROTO(struct task_struct *parent, struct task_struct *child)
//                                                  include/trace/events/sched.h
#[btf_tracepoint(function = "sched_process_fork")]
pub fn process_fork(ctx: BtfTracePointContext) -> i32 {
    fork(&ctx, Place::Fork);
    0
}

#[btf_tracepoint(function = "sched_process_fork")]
pub fn process_fork_again(ctx: BtfTracePointContext) -> i32 {
    fork(&ctx, Place::ForkAgain);
    0
}

#[inline(always)]
fn fork(ctx: &BtfTracePointContext, place: Place) -> Option<()> {
    let parent = (bpf_get_current_pid_tgid() >> 32) as u32;
    let whose = watched(parent)?;
    let child: *mut task_struct = ctx.arg(1);
    let id = tasks::id(child)?;
    let group = (id >> 32) as u32;
    // A new thread has its creator's thread group.
    if group != parent && WATCHED.insert(group, whose, u64::from(BPF_ANY)).is_err() {
        count(place, Counter::ProcessFull);
        return None;
    }
    tasks::add(place, child, id, whose);
    Some(())
}

// TP_PROTO(struct task_struct *p, ...)             include/trace/events/sched.h
#[btf_tracepoint(function = "sched_process_exit")]
pub fn process_exit(_ctx: BtfTracePointContext) -> i32 {
    exit(Place::Exit);
    0
}

#[btf_tracepoint(function = "sched_process_exit")]
pub fn process_exit_again(_ctx: BtfTracePointContext) -> i32 {
    exit(Place::ExitAgain);
    0
}

#[inline(always)]
fn exit(place: Place) {
    if let Some((_, task)) = tasks::current() {
        undisturbed(Hung::Tracepoint, || traffic::ended(place, &mut task.thread));
        tasks::forget();
    }
    let id = bpf_get_current_pid_tgid();
    let (group, thread) = ((id >> 32) as u32, id as u32);
    if group == thread {
        // Not there if it was not watched.
        let _ = WATCHED.remove(group);
    }
}
