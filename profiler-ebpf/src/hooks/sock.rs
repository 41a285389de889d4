//! Back end `sock`: the socket layer's own tracepoints, kernel 6.3 and later.
//!
//! They fire for every socket read and write, and for nothing else: what does
//! not touch a socket costs nothing more.
//!
//! No function is called on the way: 6.12 allows 512 bytes of stack for all that call
//! each other.

use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use profiler_common::config::{Hung, sock_common};
use profiler_common::event::{AF_INET, AF_INET6, AF_UNIX};

use super::MSG_PEEK;
use crate::maps::Place;
use crate::traffic::{self, Call, Io};
use crate::{preemption, tasks};

// TP_PROTO(struct sock *sk, int ret, int flags)    include/trace/events/sock.h
#[btf_tracepoint(function = "sock_recv_length")]
#[inline(always)]
pub fn sock_recv(ctx: BtfTracePointContext) -> i32 {
    try_recv(&ctx);
    0
}

#[inline(always)]
fn try_recv(ctx: &BtfTracePointContext) -> Option<()> {
    let (current, task) = tasks::current()?;
    let flags: i32 = ctx.arg(2);
    if flags & MSG_PEEK != 0 {
        return None;
    }
    let (family, io) = io(ctx, Place::Received);
    preemption::off(Hung::Tracepoint);
    let done = match family {
        AF_INET | AF_INET6 => traffic::received(current, task, io),
        AF_UNIX => traffic::received_unix(current, task, io),
        _ => None,
    };
    preemption::on(Hung::Tracepoint);
    done
}

// TP_PROTO(struct sock *sk, int ret, int flags)    include/trace/events/sock.h
#[btf_tracepoint(function = "sock_send_length")]
#[inline(always)]
pub fn sock_send(ctx: BtfTracePointContext) -> i32 {
    try_send(&ctx);
    0
}

#[inline(always)]
fn try_send(ctx: &BtfTracePointContext) -> Option<()> {
    let (current, task) = tasks::current()?;
    let (family, io) = io(ctx, Place::Sent);
    preemption::off(Hung::Tracepoint);
    let done = match family {
        AF_INET | AF_INET6 => traffic::sent(current, task, io),
        AF_UNIX => traffic::sent_unix(current, task, io),
        _ => None,
    };
    preemption::on(Hung::Tracepoint);
    done
}

/// The socket's address family, and what was done.
#[inline(always)]
fn io(ctx: &BtfTracePointContext, place: Place) -> (u16, Io) {
    let sock: *const u16 = ctx.arg(0);
    let ret: i32 = ctx.arg(1);
    log!(ctx, "socket {:x}: {}", sock as u64, ret);
    let io = Io {
        place,
        sock: sock as u64,
        ret: i64::from(ret),
        // A call that could not write all shows as one more, with EAGAIN.
        short: false,
        call: Call::IN_REGISTERS,
    };
    // SAFETY: a tracepoint's typed argument; the verifier checks the load
    // against the kernel's own `struct sock`.
    (unsafe { *sock.add(sock_common::FAMILY / 2) }, io)
}
