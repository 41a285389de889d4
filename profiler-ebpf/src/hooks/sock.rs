//! Back end `sock`: the socket layer's own tracepoints, kernel 6.3 and later.
//!
//! They fire for every socket read and write, and for nothing else: what does
//! not touch a socket costs nothing more.
//!
//! Each has two programs, of which one is attached. From Linux 7 on the kernel preempts
//! those that it hands the tracepoint's own arguments, and leaves out what happens
//! meanwhile; those that get its record it does not
//! (docs/journal/2026-11-21-preempted-programs.md).
//!
//! No function is called on the way: 6.12 allows 512 bytes of stack for all that call
//! each other.

use aya_ebpf::EbpfContext;
use aya_ebpf::macros::{btf_tracepoint, tracepoint};
use aya_ebpf::programs::{BtfTracePointContext, TracePointContext};
use profiler_common::config::sock_common;
use profiler_common::event::{AF_INET, AF_INET6, AF_UNIX};

use super::MSG_PEEK;
use crate::maps::Place;
use crate::tasks;
use crate::traffic::{self, Call, Io};

// TP_PROTO(struct sock *sk, int ret, int flags)    include/trace/events/sock.h
#[btf_tracepoint(function = "sock_recv_length")]
#[inline(always)]
pub fn sock_recv(ctx: BtfTracePointContext) -> i32 {
    received(&ctx);
    0
}

// As sock_recv_length.
#[btf_tracepoint(function = "sock_send_length")]
#[inline(always)]
pub fn sock_send(ctx: BtfTracePointContext) -> i32 {
    sent(&ctx);
    0
}

#[tracepoint]
#[inline(always)]
pub fn sock_recv_record(ctx: TracePointContext) -> u32 {
    received(&ctx);
    0
}

#[tracepoint]
#[inline(always)]
pub fn sock_send_record(ctx: TracePointContext) -> u32 {
    sent(&ctx);
    0
}

#[inline(always)]
fn received(told: &impl Told) -> Option<()> {
    let (current, task) = tasks::current()?;
    if told.flags() & MSG_PEEK != 0 {
        return None;
    }
    let io = io(told, Place::Received);
    match told.family() {
        AF_INET | AF_INET6 => traffic::received(current, task, io),
        AF_UNIX => traffic::received_unix(current, task, io),
        _ => None,
    }
}

#[inline(always)]
fn sent(told: &impl Told) -> Option<()> {
    let (current, task) = tasks::current()?;
    let io = io(told, Place::Sent);
    match told.family() {
        AF_INET | AF_INET6 => traffic::sent(current, task, io),
        AF_UNIX => traffic::sent_unix(current, task, io),
        _ => None,
    }
}

#[inline(always)]
fn io(told: &impl Told, place: Place) -> Io {
    log!(told, "socket {:x}: {}", told.sock() as u64, told.ret());
    Io {
        place,
        sock: told.sock() as u64,
        ret: i64::from(told.ret()),
        // A call that could not write all shows as one more, with EAGAIN.
        short: false,
        call: Call::IN_REGISTERS,
    }
}

/// What the tracepoint tells of a read or write.
trait Told: EbpfContext {
    fn sock(&self) -> *const u16;
    fn family(&self) -> u16;
    fn ret(&self) -> i32;
    fn flags(&self) -> i32;
}

impl Told for BtfTracePointContext {
    #[inline(always)]
    fn sock(&self) -> *const u16 {
        self.arg(0)
    }

    #[inline(always)]
    fn family(&self) -> u16 {
        // SAFETY: a tracepoint's typed argument; the verifier checks the load
        // against the kernel's own `struct sock`.
        unsafe { *self.sock().add(sock_common::FAMILY / 2) }
    }

    #[inline(always)]
    fn ret(&self) -> i32 {
        self.arg(1)
    }

    #[inline(always)]
    fn flags(&self) -> i32 {
        self.arg(2)
    }
}

/// The record: events/sock/sock_recv_length/format in tracefs.
impl Told for TracePointContext {
    #[inline(always)]
    fn sock(&self) -> *const u16 {
        field(self, 8)
    }

    #[inline(always)]
    fn family(&self) -> u16 {
        field(self, 16)
    }

    #[inline(always)]
    fn ret(&self) -> i32 {
        field(self, 20)
    }

    #[inline(always)]
    fn flags(&self) -> i32 {
        field(self, 24)
    }
}

#[inline(always)]
fn field<T: Copy>(ctx: &TracePointContext, offset: usize) -> T {
    // SAFETY: the kernel checks at the attach that the record is that long.
    unsafe { ctx.as_ptr().byte_add(offset).cast::<T>().read_volatile() }
}
