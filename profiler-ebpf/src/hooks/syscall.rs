//! Back end `syscall`: system call tracepoints, which every kernel has.
//!
//! The socket is looked up from the descriptor at entry, so that both back ends
//! have the same key: a descriptor that is closed, reused, duplicated or passed
//! on needs no care.

use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use profiler_common::event::AF_UNIX;

use super::MSG_PEEK;
use crate::arch::{self, Syscall};
use crate::kernel::socket_of;
use crate::maps::Call;
use crate::tasks::Task;
use crate::traffic::{EAGAIN, Io};
use crate::{conns, tasks, traffic};

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
    task.call = Call {
        sock,
        is_unix: u64::from(is_unix),
        wanted,
        call: Syscall::of(number, descriptor as u32, second, third),
    };
    Some(())
}

/// Reads and writes have a program each: both in one need more stack than there is on
/// kernels that round each function's up to 32 bytes.
#[tracepoint]
pub fn syscall_recv(ctx: TracePointContext) -> u32 {
    try_recv(&ctx);
    0
}

#[inline(always)]
fn try_recv(ctx: &TracePointContext) -> Option<()> {
    let (current, task) = tasks::current()?;
    let (call, io) = finished(ctx, task)?;
    let by = || call.call;
    match call.is_unix {
        0 => traffic::received(current, task, io, by),
        _ if io.ret == EAGAIN => None,
        _ => traffic::received_unix(current, task, io, by),
    }
}

#[tracepoint]
pub fn syscall_send(ctx: TracePointContext) -> u32 {
    try_send(&ctx);
    0
}

#[inline(always)]
fn try_send(ctx: &TracePointContext) -> Option<()> {
    let (current, task) = tasks::current()?;
    let (call, io) = finished(ctx, task)?;
    let by = || call.call;
    if call.is_unix != 0 {
        return traffic::sent_unix(current, task, io, by);
    }
    let short = io.ret >= 0 && (io.ret as u64) < call.wanted;
    traffic::sent(current, task, io, short, by)
}

/// The call that ends here, and what came of it.
#[inline(always)]
fn finished(ctx: &TracePointContext, task: &mut Task) -> Option<(Call, Io)> {
    let call = task.call;
    if call.sock == 0 {
        return None;
    }
    task.call.sock = 0;
    let ret: i64 = read(ctx, RETURN)?;
    log!(ctx, "call on {:x}: {}", call.sock, ret);
    let sock = call.sock;
    Some((call, Io { sock, ret }))
}

#[inline(always)]
fn read<T>(ctx: &TracePointContext, offset: usize) -> Option<T> {
    // SAFETY: the helper checks the address.
    unsafe { ctx.read_at(offset) }.ok()
}
