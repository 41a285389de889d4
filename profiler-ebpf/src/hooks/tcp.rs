//! A connection's beginning and end, whatever the back end.
//!
//! Where the kernel preempts programs, each is attached twice, and whatever was left out
//! of one the other does: nothing comes of doing it again.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use profiler_common::config::Hung;

use super::{exec, undisturbed};
use crate::maps::Place;
use crate::{conns, traffic};

// include/net/tcp_states.h
const TCP_ESTABLISHED: i32 = 1;
const TCP_SYN_RECV: i32 = 3;
const TCP_FIN_WAIT1: i32 = 4;
const TCP_CLOSE: i32 = 7;
const TCP_CLOSE_WAIT: i32 = 8;
const TCP_LAST_ACK: i32 = 9;
const TCP_LISTEN: i32 = 10;

// TP_PROTO(const struct sock *sk, const int oldstate, const int newstate)
//                                                  include/trace/events/sock.h
#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn tcp_state(ctx: BtfTracePointContext) -> i32 {
    undisturbed(Hung::Tracepoint, || state(&ctx, Place::State));
    0
}

#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn tcp_state_again(ctx: BtfTracePointContext) -> i32 {
    undisturbed(Hung::Tracepoint, || state(&ctx, Place::StateAgain));
    0
}

#[inline(always)]
fn state(ctx: &BtfTracePointContext, place: Place) -> Option<()> {
    let sock: *const u8 = ctx.arg(0);
    let sock = sock as u64;
    let old: i32 = ctx.arg(1);
    let new: i32 = ctx.arg(2);
    log!(ctx, "socket state: {} to {}", old, new);
    match new {
        TCP_ESTABLISHED if old == TCP_SYN_RECV => {
            if conns::is_tcp(sock) && conns::is_served(sock) {
                // SAFETY: the helper takes nothing.
                conns::open(sock, unsafe { bpf_ktime_get_ns() });
            }
            None
        }
        // The server's own shutdown or close, often by a thread that serves others:
        // Apache's listener closes kept connections when all of its threads are busy,
        // and throws away what comes meanwhile (`ap_start_lingering_close`).
        TCP_FIN_WAIT1 | TCP_LAST_ACK => {
            let conn = conns::find(sock)?;
            // SAFETY: a valid map value; the flag is written nowhere else.
            unsafe { (*conn).shut = true };
            traffic::closed(place, sock)
        }
        TCP_LISTEN => exec::listens(place, sock),
        TCP_CLOSE_WAIT => {
            let conn = conns::find(sock)?;
            // SAFETY: a valid map value; the flag is written nowhere else but by
            // the read that would find out the same.
            unsafe { (*conn).peer_closed = true };
            None
        }
        // From a state in which the server had not closed: a reset.
        TCP_CLOSE if old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT => {
            let conn = conns::find(sock)?;
            // SAFETY: as above.
            unsafe { (*conn).peer_reset = true };
            None
        }
        _ => None,
    }
}

// TP_PROTO(struct sock *sk)                        include/trace/events/tcp.h
#[btf_tracepoint(function = "tcp_destroy_sock")]
pub fn tcp_destroy(ctx: BtfTracePointContext) -> i32 {
    destroy(&ctx, Place::Destroy);
    0
}

#[btf_tracepoint(function = "tcp_destroy_sock")]
pub fn tcp_destroy_again(ctx: BtfTracePointContext) -> i32 {
    destroy(&ctx, Place::DestroyAgain);
    0
}

#[inline(always)]
fn destroy(ctx: &BtfTracePointContext, place: Place) {
    let sock: *const u8 = ctx.arg(0);
    let sock = sock as u64;
    undisturbed(Hung::Tracepoint, || traffic::gone(place, sock));
}
