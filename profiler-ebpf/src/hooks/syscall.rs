//! Back end `syscall`: system call tracepoints, which every kernel has.
//!
//! The socket is looked up from the descriptor at entry, so that both back ends
//! have the same key: a descriptor that is closed, reused, duplicated or passed
//! on needs no care.
//!
//! From Linux 7 on, the kernel preempts programs at the tracepoints of single calls, and
//! leaves out what happens meanwhile. There these hang on the tracepoints of all calls,
//! where it does not (docs/journal/2026-11-21-preempted-programs.md).

use aya_ebpf::EbpfContext as _;
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use profiler_common::event::AF_UNIX;

use super::MSG_PEEK;
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
    enter(&ctx);
    0
}

#[inline(always)]
fn enter(ctx: &TracePointContext) -> Option<()> {
    let number = number(ctx);
    if !arch::reads(number) && !arch::writes(number) {
        return None;
    }
    let (_, task) = tasks::current()?;
    let [first, second, third] = [0, 8, 16].map(|offset| at::<u64>(ctx, ARGUMENTS + offset));
    let fourth = || {
        // SAFETY: the helper checks the address. Not all of the calls have one, and a load
        // of it would keep the program from those.
        unsafe { ctx.read_at::<u64>(ARGUMENTS + 24) }.unwrap_or(0)
    };
    let flags = match arch::flags_argument(number) {
        Some(arch::Argument::Third) => third,
        Some(arch::Argument::Fourth) => fourth(),
        None => 0,
    };
    if flags & MSG_PEEK as u64 != 0 {
        return None;
    }
    let descriptor = arch::descriptor(number, first, third);
    let sock = socket_of(descriptor)?;
    let family = conns::family(sock);
    let is_unix = family == AF_UNIX;
    if !is_unix && !conns::is_tcp_of(family, sock) {
        return None;
    }
    let wanted = if arch::has_count(number) { fourth() } else { 0 };
    task.started = Started {
        sock,
        is_unix: u64::from(is_unix),
        wanted,
        call: Syscall::of(number, descriptor, second, third),
    };
    Some(())
}

/// Reads and writes have a program each, and no function is called on the way: more
/// needs more stack than there is on kernels that round each function's up to 32 bytes.
#[tracepoint]
#[inline(always)]
pub fn syscall_recv(ctx: TracePointContext) -> u32 {
    received(&ctx);
    0
}

#[inline(always)]
fn received(ctx: &TracePointContext) -> Option<()> {
    if !arch::reads(number(ctx)) {
        return None;
    }
    let (current, task, io, is_unix) = ended(ctx, Place::Received)?;
    if is_unix {
        traffic::received_unix(current, task, io)
    } else {
        traffic::received(current, task, io)
    }
}

#[tracepoint]
#[inline(always)]
pub fn syscall_send(ctx: TracePointContext) -> u32 {
    sent(&ctx);
    0
}

#[inline(always)]
fn sent(ctx: &TracePointContext) -> Option<()> {
    if !arch::writes(number(ctx)) {
        return None;
    }
    let (current, task, io, is_unix) = ended(ctx, Place::Sent)?;
    if is_unix {
        traffic::sent_unix(current, task, io)
    } else {
        traffic::sent(current, task, io)
    }
}

/// The call that ends here, if it is one on a socket, and whether that is a UNIX one.
#[inline(always)]
fn ended(ctx: &TracePointContext, place: Place) -> Option<(Current, &'static mut Task, Io, bool)> {
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
    let ret: i64 = at(ctx, RETURN);
    log!(ctx, "call on {:x}: {}", sock, ret);
    let io = Io {
        place,
        sock,
        ret,
        short: ret >= 0 && (ret as u64) < wanted,
        call: Call::kept(call),
    };
    Some((current, task, io, is_unix != 0))
}

#[inline(always)]
fn number(ctx: &TracePointContext) -> u64 {
    u64::from(at::<u32>(ctx, NUMBER))
}

/// A word of the context, which every call of ours has that much of.
#[inline(always)]
fn at<T: Copy>(ctx: &TracePointContext, offset: usize) -> T {
    // SAFETY: the verifier checks the load, the kernel at the attach its place.
    unsafe { ctx.as_ptr().byte_add(offset).cast::<T>().read_volatile() }
}
