//! Back end `fentry`: the ends of the functions that do a socket's reads and writes,
//! kernel 5.5 and later.
//!
//! Each is called through a pointer in `struct proto_ops`, so that the compiler cannot
//! inline it. `sock_recvmsg` and `sock_sendmsg`, one step further out, can be: a hook
//! there would miss calls without a word. These see what `sock` sees; like there, what
//! does not touch a socket costs nothing more.

use aya_ebpf::macros::fexit;
use aya_ebpf::programs::FExitContext;

use super::MSG_PEEK;
use crate::config::setting;
use crate::tasks::{Current, Task};
use crate::traffic::{EAGAIN, Io};
use crate::{arch, tasks, traffic};

// int inet_recvmsg(struct socket *sock, struct msghdr *msg, size_t size, int flags)
//                                                              net/ipv4/af_inet.c
#[fexit(function = "inet_recvmsg")]
pub fn inet_recv(ctx: FExitContext) -> i32 {
    received(&ctx, |current, task, io| received_tcp(current, task, io));
    0
}

// As inet_recvmsg.                                             net/ipv6/af_inet6.c
#[fexit(function = "inet6_recvmsg")]
pub fn inet6_recv(ctx: FExitContext) -> i32 {
    received(&ctx, |current, task, io| received_tcp(current, task, io));
    0
}

// As inet_recvmsg.                                             net/unix/af_unix.c
#[fexit(function = "unix_stream_recvmsg")]
pub fn unix_recv(ctx: FExitContext) -> i32 {
    received(&ctx, |current, task, io| received_unix(current, task, io));
    0
}

// int inet_sendmsg(struct socket *sock, struct msghdr *msg, size_t size)
//                                                              net/ipv4/af_inet.c
#[fexit(function = "inet_sendmsg")]
pub fn inet_send(ctx: FExitContext) -> i32 {
    sent(&ctx, 3, |current, task, io| sent_tcp(current, task, io));
    0
}

// As inet_sendmsg.                                             net/ipv6/af_inet6.c
#[fexit(function = "inet6_sendmsg")]
pub fn inet6_send(ctx: FExitContext) -> i32 {
    sent(&ctx, 3, |current, task, io| sent_tcp(current, task, io));
    0
}

// As inet_sendmsg.                                             net/unix/af_unix.c
#[fexit(function = "unix_stream_sendmsg")]
pub fn unix_send(ctx: FExitContext) -> i32 {
    sent(&ctx, 3, |current, task, io| sent_unix(current, task, io));
    0
}

// ssize_t inet_sendpage(struct socket *sock, struct page *page, int offset,
//                       size_t size, int flags)     net/ipv4/af_inet.c, until 6.4
//
// How files are sent; later they go through the functions above.
#[fexit(function = "inet_sendpage")]
pub fn inet_sendpage(ctx: FExitContext) -> i32 {
    sent(&ctx, 5, |current, task, io| sent_tcp(current, task, io));
    0
}

#[inline(always)]
fn received(
    ctx: &FExitContext,
    hand_on: impl FnOnce(Current, &mut Task, Io) -> Option<()>,
) -> Option<()> {
    let (current, task) = tasks::current()?;
    let flags: i32 = ctx.arg(3);
    if flags & MSG_PEEK != 0 {
        return None;
    }
    hand_on(current, task, io(ctx, ctx.arg(4)))
}

/// The return value lies behind as many `arguments`.
#[inline(always)]
fn sent(
    ctx: &FExitContext,
    arguments: usize,
    hand_on: impl FnOnce(Current, &mut Task, Io) -> Option<()>,
) -> Option<()> {
    let (current, task) = tasks::current()?;
    hand_on(current, task, io(ctx, ctx.arg(arguments)))
}

#[inline(always)]
fn received_tcp(current: Current, task: &mut Task, io: Io) -> Option<()> {
    traffic::received(current, task, io, || arch::current_syscall(current))
}

#[inline(always)]
fn received_unix(current: Current, task: &mut Task, io: Io) -> Option<()> {
    if io.ret == EAGAIN {
        return None;
    }
    traffic::received_unix(current, task, io, || arch::current_syscall(current))
}

#[inline(always)]
fn sent_tcp(current: Current, task: &mut Task, io: Io) -> Option<()> {
    // A call that could not write all shows as one more, with EAGAIN.
    traffic::sent(current, task, io, false, || arch::current_syscall(current))
}

#[inline(always)]
fn sent_unix(current: Current, task: &mut Task, io: Io) -> Option<()> {
    traffic::sent_unix(current, task, io, || arch::current_syscall(current))
}

#[inline(always)]
fn io(ctx: &FExitContext, ret: i32) -> Io {
    let socket: *const u8 = ctx.arg(0);
    // SAFETY: a typed argument; the verifier knows the offset, which is constant, and
    // checks the load against the kernel's own `struct socket`.
    let sock = unsafe {
        let member = socket.add(setting!(socket_sk) as usize);
        member.cast::<u64>().read_volatile()
    };
    log!(ctx, "{:x}: {}", sock, ret);
    Io {
        sock,
        ret: i64::from(ret),
    }
}
