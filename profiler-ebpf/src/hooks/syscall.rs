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
use crate::tasks::Started;
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

#[tracepoint]
pub fn syscall_exit(ctx: TracePointContext) -> u32 {
    try_exit(&ctx);
    0
}

#[inline(always)]
fn try_exit(ctx: &TracePointContext) -> Option<()> {
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
    let number = u64::from(read::<u32>(ctx, NUMBER)?);
    let ret: i64 = read(ctx, RETURN)?;
    log!(ctx, "call {} on {:x}: {}", number, sock, ret);
    let io = Io {
        place: Place::Received,
        sock,
        ret,
        short: ret >= 0 && (ret as u64) < wanted,
        call: Call::kept(call),
    };
    undisturbed(Hung::Tracepoint, || match (is_unix != 0, arch::sends(number)) {
        (true, true) => traffic::sent_unix(current, task, io),
        (true, false) => traffic::received_unix(current, task, io),
        (false, true) => traffic::sent(current, task, io),
        (false, false) => traffic::received(current, task, io),
    })
}

#[inline(always)]
fn read<T>(ctx: &TracePointContext, offset: usize) -> Option<T> {
    // SAFETY: the helper checks the address.
    unsafe { ctx.read_at(offset) }.ok()
}
