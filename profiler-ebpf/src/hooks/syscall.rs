//! Back end `syscall`: system call tracepoints, which every kernel has.
//!
//! The socket is looked up from the descriptor at entry, so that both back ends
//! have the same key: a descriptor that is closed, reused, duplicated or passed
//! on needs no care.

use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use profiler_common::config::Hung;
use profiler_common::event::AF_UNIX;

use super::{MSG_PEEK, undisturbed};
use crate::arch::{self, Syscall};
use crate::kernel::socket_of;
use crate::maps::Place;
use crate::tasks::{Current, Started, Task};
use crate::traffic::{self, Call, Io};
use crate::{conns, tasks};

/// Offsets in `struct syscall_trace_enter` and `syscall_trace_exit`
/// (kernel/trace/trace.h): the common header is 8 bytes, the number follows.
const NUMBER: usize = 8;
const ARGUMENTS: usize = 16;
const RETURN: usize = 16;

#[tracepoint]
pub fn syscall_enter(ctx: TracePointContext) -> u32 {
    try_enter(&ctx);
    0
}

#[inline(always)]
fn try_enter(ctx: &TracePointContext) -> Option<()> {
    let (_, task) = tasks::current()?;
    let number = u64::from(read::<u32>(ctx, NUMBER)?);
    if let Some(index) = arch::flags_argument(number)
        && read::<u64>(ctx, ARGUMENTS + index * 8)? & MSG_PEEK as u64 != 0
    {
        return None;
    }
    let descriptor: u64 = read(ctx, ARGUMENTS + arch::descriptor_argument(number) * 8)?;
    let sock = socket_of(descriptor as u32)?;
    let is_unix = conns::family(sock) == AF_UNIX;
    if !is_unix && !conns::is_tcp(sock) {
        return None;
    }
    let (second, third) = (read(ctx, ARGUMENTS + 8)?, read(ctx, ARGUMENTS + 16)?);
    let wanted = match arch::count_argument(number) {
        Some(index) => read(ctx, ARGUMENTS + index * 8)?,
        None => 0,
    };
    task.started = Started {
        sock,
        is_unix: u64::from(is_unix),
        wanted,
        call: Syscall::of(number, descriptor as u32, second, third),
    };
    Some(())
}

/// Reads and writes have a program each: both in one need more stack than there is on
/// kernels that round each function's up to 32 bytes. (`inline`: into the function that
/// the macro makes, which would take 32 more.)
#[tracepoint]
#[inline(always)]
pub fn syscall_recv(ctx: TracePointContext) -> u32 {
    try_end(
        &ctx,
        Place::Received,
        |current, task, io, is_unix| match is_unix {
            true => traffic::received_unix(current, task, io),
            false => traffic::received(current, task, io),
        },
    );
    0
}

#[tracepoint]
#[inline(always)]
pub fn syscall_send(ctx: TracePointContext) -> u32 {
    try_end(
        &ctx,
        Place::Sent,
        |current, task, io, is_unix| match is_unix {
            true => traffic::sent_unix(current, task, io),
            false => traffic::sent(current, task, io),
        },
    );
    0
}

#[inline(always)]
fn try_end(
    ctx: &TracePointContext,
    place: Place,
    hand_on: impl FnOnce(Current, &mut Task, Io, bool) -> Option<()>,
) -> Option<()> {
    let (current, task) = tasks::current()?;
    let Started {
        sock,
        is_unix,
        wanted,
        call,
    } = task.started;
    if sock == 0 {
        return None;
    }
    task.started.sock = 0;
    let ret: i64 = read(ctx, RETURN)?;
    log!(ctx, "call on {:x}: {}", sock, ret);
    let io = Io {
        place,
        sock,
        ret,
        short: ret >= 0 && (ret as u64) < wanted,
        call: Call::kept(call),
    };
    undisturbed(Hung::Tracepoint, || {
        hand_on(current, task, io, is_unix != 0)
    })
}

#[inline(always)]
fn read<T>(ctx: &TracePointContext, offset: usize) -> Option<T> {
    // SAFETY: the helper checks the address.
    unsafe { ctx.read_at(offset) }.ok()
}
