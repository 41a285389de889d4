//! Back end `syscall`: system call tracepoints, which every kernel has.
//!
//! The socket is looked up from the descriptor at entry, so that both back ends
//! have the same key: a descriptor that is closed, reused, duplicated or passed
//! on needs no care.

use aya_ebpf::bindings::BPF_ANY;
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use profiler_common::event::AF_UNIX;
use profiler_common::stats::Counter;

use super::watched_task;
use crate::arch::{self, Syscall};
use crate::kernel::socket_of;
use crate::maps::{CALLS, Call, Place, count};
use crate::traffic::Io;
use crate::{conns, traffic};

/// `MSG_PEEK` (include/linux/socket.h).
const MSG_PEEK: u64 = 2;

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
    let task = watched_task()?;
    let number = u64::from(read::<u32>(ctx, NUMBER)?);
    if let Some(index) = arch::flags_argument(number)
        && read::<u64>(ctx, ARGUMENTS + index * 8)? & MSG_PEEK != 0
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
    let call = Call {
        sock,
        is_unix: u64::from(is_unix),
        wanted,
        call: Syscall::of(number, descriptor as u32, second, third),
    };
    if CALLS.insert(task.id, call, u64::from(BPF_ANY)).is_err() {
        count(Place::Traffic, Counter::CallFull);
    }
    Some(())
}

#[tracepoint]
pub fn syscall_exit(ctx: TracePointContext) -> u32 {
    try_exit(&ctx);
    0
}

#[inline(always)]
fn try_exit(ctx: &TracePointContext) -> Option<()> {
    let task = watched_task()?;
    // SAFETY: a valid map value of this thread, copied before it is removed.
    let call = unsafe { *CALLS.get_ptr(task.id)? };
    let _ = CALLS.remove(task.id);
    let number = u64::from(read::<u32>(ctx, NUMBER)?);
    let ret: i64 = read(ctx, RETURN)?;
    log!(ctx, "call {} on {:x}: {}", number, call.sock, ret);
    let sends = arch::sends(number);
    let io = Io {
        sock: call.sock,
        ret,
        call: call.call,
    };
    match (call.is_unix != 0, sends) {
        (true, true) => traffic::sent_unix(task, io),
        (true, false) => traffic::received_unix(task, io),
        (false, true) => {
            let short = ret >= 0 && (ret as u64) < call.wanted;
            traffic::sent(task, io, short)
        }
        (false, false) => traffic::received(task, io),
    }
}

#[inline(always)]
fn read<T>(ctx: &TracePointContext, offset: usize) -> Option<T> {
    // SAFETY: the helper checks the address.
    unsafe { ctx.read_at(offset) }.ok()
}
