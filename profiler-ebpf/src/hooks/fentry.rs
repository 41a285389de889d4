//! Back end `fentry`: the ends of the functions that do a socket's reads and writes,
//! kernel 5.5 and later.
//!
//! Each is called through a pointer in `struct proto_ops`, so that the compiler cannot
//! inline it. `sock_recvmsg` and `sock_sendmsg`, one step further out, can be: a hook
//! there would miss calls without a word. These see what `sock` sees; like there, what
//! does not touch a socket costs nothing more.

use aya_ebpf::macros::fexit;
use aya_ebpf::programs::FExitContext;
use profiler_common::config::Hung;

use super::{MSG_PEEK, undisturbed};
use crate::config::setting;
use crate::maps::Place;
use crate::tasks::{self, Current, Task};
use crate::traffic::{self, Call, Io};

// int inet_recvmsg(struct socket *sock, struct msghdr *msg, size_t size, int flags)
//                                                              net/ipv4/af_inet.c
#[fexit(function = "inet_recvmsg")]
pub fn inet_recv(ctx: FExitContext) -> i32 {
    received(&ctx, Place::Received, traffic::received);
    0
}

// As inet_recvmsg.                                             net/ipv6/af_inet6.c
#[fexit(function = "inet6_recvmsg")]
pub fn inet6_recv(ctx: FExitContext) -> i32 {
    received(&ctx, Place::Received6, traffic::received);
    0
}

// As inet_recvmsg.                                             net/unix/af_unix.c
#[fexit(function = "unix_stream_recvmsg")]
pub fn unix_recv(ctx: FExitContext) -> i32 {
    received(&ctx, Place::ReceivedUnix, traffic::received_unix);
    0
}

// int inet_sendmsg(struct socket *sock, struct msghdr *msg, size_t size)
//                                                              net/ipv4/af_inet.c
#[fexit(function = "inet_sendmsg")]
pub fn inet_send(ctx: FExitContext) -> i32 {
    sent(&ctx, 3, Place::Sent, traffic::sent);
    0
}

// As inet_sendmsg.                                             net/ipv6/af_inet6.c
#[fexit(function = "inet6_sendmsg")]
pub fn inet6_send(ctx: FExitContext) -> i32 {
    sent(&ctx, 3, Place::Sent6, traffic::sent);
    0
}

// As inet_sendmsg.                                             net/unix/af_unix.c
#[fexit(function = "unix_stream_sendmsg")]
pub fn unix_send(ctx: FExitContext) -> i32 {
    sent(&ctx, 3, Place::SentUnix, traffic::sent_unix);
    0
}

// ssize_t inet_sendpage(struct socket *sock, struct page *page, int offset,
//                       size_t size, int flags)     net/ipv4/af_inet.c, until 6.4
//
// How files are sent; later they go through the functions above.
#[fexit(function = "inet_sendpage")]
pub fn inet_sendpage(ctx: FExitContext) -> i32 {
    sent(&ctx, 5, Place::SentFile, traffic::sent);
    0
}

#[inline(always)]
fn received(
    ctx: &FExitContext,
    place: Place,
    hand_on: impl Fn(Current, &mut Task, Io) -> Option<()>,
) -> Option<()> {
    let (current, task) = tasks::current()?;
    let flags: i32 = ctx.arg(3);
    if flags & MSG_PEEK != 0 {
        return None;
    }
    let io = io(ctx, place, ctx.arg(4));
    undisturbed(Hung::Function, || hand_on(current, task, io))
}

/// The return value lies behind as many `arguments`.
#[inline(always)]
fn sent(
    ctx: &FExitContext,
    arguments: usize,
    place: Place,
    hand_on: impl Fn(Current, &mut Task, Io) -> Option<()>,
) -> Option<()> {
    let (current, task) = tasks::current()?;
    let io = io(ctx, place, ctx.arg(arguments));
    undisturbed(Hung::Function, || hand_on(current, task, io))
}

#[inline(always)]
fn io(ctx: &FExitContext, place: Place, ret: i32) -> Io {
    let socket: *const u8 = ctx.arg(0);
    // SAFETY: a typed argument; the verifier knows the offset, which is constant, and
    // checks the load against the kernel's own `struct socket`.
    let sock = unsafe {
        let member = socket.add(setting!(socket_sk) as usize);
        member.cast::<u64>().read_volatile()
    };
    log!(ctx, "socket {:x}: {}", sock, ret);
    Io {
        place,
        sock,
        ret: i64::from(ret),
        // A call that could not write all shows as one more, with EAGAIN.
        short: false,
        call: Call::IN_REGISTERS,
    }
}
