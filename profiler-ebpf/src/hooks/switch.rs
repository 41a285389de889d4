//! Where threads spend their time: on a CPU, or waiting and for what.
//!
//! It runs at every switch of every thread on the machine, so that a thread that
//! serves no requests must cost next to nothing. That a thread is back need not be
//! seen: the kernel's own account tells when it next looks.

use aya_ebpf::bindings::task_struct;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use profiler_common::account::Wait;

use crate::threads::{Kernel, Offset};
use crate::{tasks, waiting};

// TP_PROTO(bool preempt, struct task_struct *prev, struct task_struct *next,
//          unsigned int prev_state)                include/trace/events/sched.h
#[btf_tracepoint(function = "sched_switch")]
pub fn sched_switch(ctx: BtfTracePointContext) -> i32 {
    try_switch(&ctx);
    0
}

#[inline(always)]
fn try_switch(ctx: &BtfTracePointContext) -> Option<()> {
    let previous: *mut task_struct = ctx.arg(1);
    let offset = Offset::refresh(previous.cast())?;
    let thread = &mut tasks::of(previous)?.thread;
    let preempted: u64 = ctx.arg(0);
    let state = state(ctx, previous);
    let why = if preempted & 0xff != 0 || state == 0 {
        Wait::Runqueue
    } else if thread.serving == 0 {
        thread.dozes(Kernel::cpu(previous.cast()));
        return None;
    } else {
        waiting::reason(thread, state)
    };
    thread.leaves_cpu(Kernel::leaving(previous.cast(), offset), why);
    None
}

/// The state in which it leaves.
#[cfg(not(feature = "old-kernels"))]
#[inline(always)]
fn state(ctx: &BtfTracePointContext, _previous: *mut task_struct) -> u32 {
    ctx.arg(3)
}

/// Before 5.18 only the thread itself tells.
#[cfg(feature = "old-kernels")]
#[inline(always)]
fn state(_ctx: &BtfTracePointContext, previous: *mut task_struct) -> u32 {
    let offset = crate::config::setting!(task_state);
    crate::kernel::member(previous as u64, offset).unwrap_or(0)
}
