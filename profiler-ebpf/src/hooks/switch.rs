//! Where threads spend their time: on a CPU, or waiting and for what.
//!
//! It runs at every switch of every thread on the machine, so that a thread that
//! serves no requests must cost next to nothing: one look-up each way.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use profiler_common::account::Wait;

use crate::config::setting;
use crate::{threads, waiting};

// TP_PROTO(bool preempt, struct task_struct *prev, struct task_struct *next,
//          unsigned int prev_state)                include/trace/events/sched.h
#[btf_tracepoint(function = "sched_switch")]
pub fn sched_switch(ctx: BtfTracePointContext) -> i32 {
    // The current thread is still the one that leaves.
    let previous = bpf_get_current_pid_tgid() as u32;
    let next: *const u8 = ctx.arg(2);
    // SAFETY: a tracepoint's typed argument; the verifier knows the offset, which
    // is constant, and checks the load against the kernel's own type.
    let next: u32 = unsafe { *next.add(setting!(task_pid) as usize).cast() };
    // Threads 0 are the CPUs' idle loops.
    if previous != 0 {
        leaves(&ctx, previous);
    }
    if next != 0
        && let Some(thread) = threads::find(next)
    {
        // SAFETY: the helper takes nothing.
        thread.is_back(unsafe { bpf_ktime_get_ns() });
    }
    0
}

#[inline(always)]
fn leaves(ctx: &BtfTracePointContext, tid: u32) -> Option<()> {
    let thread = threads::find(tid)?;
    let preempted: u64 = ctx.arg(0);
    let state: u32 = ctx.arg(3);
    let why = if preempted & 0xff != 0 || state == 0 {
        Wait::Runqueue
    } else if thread.serving == 0 {
        Wait::Other
    } else {
        waiting::reason(thread, state)
    };
    // SAFETY: the helper takes nothing.
    thread.leaves_cpu(unsafe { bpf_ktime_get_ns() }, threads::run_delay(), why);
    None
}
