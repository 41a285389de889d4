//! Apache and mod_wsgi's daemons, joined: a UNIX socket and its peer.
//!
//! ```text
//! Apache's thread ── own_end ═══ far_end ── daemon's thread
//!    serves conn                    key of HANDOVERS
//! ```

use aya_ebpf::bindings::BPF_ANY;
use profiler_common::account::Thread;
use profiler_common::handover::Handover;
use profiler_common::limits::PATH_INLINE;
use profiler_common::pairing::conn::Slot;
use profiler_common::pairing::env::Env as _;
use profiler_common::stats::Counter;

use crate::kernel::unix_peer;
use crate::maps::{HANDOVERS, PARKED, TAKEN, count};
use crate::op::{Op, copy_slot};
use crate::threads::{self, run_delay};
use crate::{conns, environ};

/// A read came to the end: of a daemon's answer, for Apache's thread.
#[inline(always)]
pub fn read_to_end(op: &Op) -> Option<()> {
    let thread = threads::find(op.task as u32)?;
    if thread.own_end == op.sock {
        find(thread.far_end)?.eof_ns = op.now;
        thread.forget_daemon();
    } else if thread.serving == op.sock {
        // A daemon's thread; Apache had done with the request first.
        thread.release(op.now);
    }
    None
}

/// A write on a UNIX socket that is no daemon's end.
#[inline(always)]
pub fn apache_sent(op: &mut Op, ret: i64) -> Option<()> {
    let thread = threads::find(op.task as u32)?;
    if ret <= 0 || thread.serving == 0 || thread.own_end == op.sock {
        return None;
    }
    if environ::is_environ(op) && hand_over(op, thread.serving).is_some() {
        thread.own_end = op.sock;
        thread.far_end = unix_peer(op.sock)?;
        thread.own_fd = op.descriptor;
    } else {
        thread.speaks_to(op.sock);
    }
    None
}

/// Apache hands the request of `conn` to whoever reads at the other end.
#[inline(always)]
fn hand_over(op: &mut Op, conn: u64) -> Option<()> {
    let conn = conns::find(conn)?;
    let far_end = unix_peer(op.sock)?;
    // SAFETY: a valid map value that only the current thread's operations touch.
    let conn = unsafe { &mut *conn };
    let names = environ::names(op);
    if HANDOVERS
        .insert(far_end, Handover::EMPTY, u64::from(BPF_ANY))
        .is_err()
    {
        count(op.place, Counter::HandoverFull);
        return None;
    }
    if conn.cur.far_end != 0 {
        // A daemon that rejected it; this is the next try.
        let _ = HANDOVERS.remove(conn.cur.far_end);
    }
    conn.cur.far_end = far_end;
    let header = &mut conn.cur.header;
    if header.handed_ns == 0 {
        header.handed_ns = op.now;
    }
    header.names = names;
    Some(())
}

/// A read by a daemon's thread on its end.
#[inline(always)]
pub fn daemon_received(op: &mut Op, handover: &mut Handover, ret: i64) -> Option<()> {
    let thread = threads::find_or_add(op)?;
    if thread.serving == op.sock {
        book(op, thread, handover);
    } else {
        if thread.serving != 0 {
            // It was never seen to end the one before.
            abandoned(op, thread.serving);
        }
        thread.take(op.now, run_delay(), op.sock, 0);
        thread.serving_fd = op.descriptor;
        handover.taken_ns = thread.taken_ns;
        handover.pid = (op.task >> 32) as u32;
        handover.tid = op.task as u32;
    }
    handover.daemon_read(op.now, ret);
    close_if_done(op, thread, handover)
}

/// A write by a daemon's thread on its end.
#[inline(always)]
pub fn daemon_sent(op: &mut Op, handover: &mut Handover, ret: i64) -> Option<()> {
    let thread = threads::find(op.task as u32)?;
    book(op, thread, handover);
    if ret > 0 {
        let start = op.buffer_start(0)?.0;
        handover.daemon_wrote(op.now, start);
    } else {
        handover.daemon_failed(op.now, ret);
    }
    close_if_done(op, thread, handover)
}

#[inline(always)]
fn book(op: &Op, thread: &mut Thread, handover: &mut Handover) {
    thread.book(op.now, run_delay(), false, &mut handover.spent);
    handover.upstream = thread.upstream;
}

#[inline(always)]
fn close_if_done(op: &mut Op, thread: &mut Thread, handover: &Handover) -> Option<()> {
    if handover.done_ns != 0 {
        thread.release(op.now);
        unpark(op, op.sock, handover);
    }
    None
}

/// A daemon's thread has turned away from a request, or ended: it was over when the
/// thread was last seen at it.
#[inline(always)]
pub fn abandoned(op: &mut Op, far_end: u64) {
    if let Some(handover) = find(far_end)
        && handover.done_ns == 0
    {
        handover.done_ns = handover.seen_ns;
        unpark(op, far_end, handover);
    }
}

/// What to do with a finished request that was handed over.
pub enum Next {
    /// Report it.
    Emit,
    /// Nothing: its daemon is still at work, and will.
    Wait,
}

/// Apache is done with a request: takes the daemon's part into its record, or leaves
/// the record to the daemon if that still works for a client that has gone.
#[inline(always)]
pub fn join(slot: &mut Slot) -> Next {
    let far_end = slot.far_end;
    let Some(handover) = find(far_end) else {
        return Next::Emit;
    };
    if !handover.is_over() && handover.read_ns != 0 && !slot.long_path {
        let parked = PARKED.insert(far_end, &*slot, u64::from(BPF_ANY)).is_ok();
        // The daemon may have been done meanwhile and found nothing: whoever
        // removes the entry reports it.
        if parked && (!handover.is_over() || PARKED.remove(far_end).is_err()) {
            return Next::Wait;
        }
    }
    handover.report(&mut slot.header);
    let _ = HANDOVERS.remove(far_end);
    Next::Emit
}

/// The daemon is done: reports the request if Apache left it here.
#[inline(always)]
fn unpark(op: &mut Op, far_end: u64, handover: &Handover) -> Option<()> {
    let parked = PARKED.get_ptr(far_end)?;
    let slot = TAKEN.get_ptr_mut(0)?;
    copy_slot(parked, slot);
    if PARKED.remove(far_end).is_err() {
        return None;
    }
    // SAFETY: this CPU's own value, used until the hook returns.
    let slot = unsafe { &mut *slot };
    handover.report(&mut slot.header);
    let _ = HANDOVERS.remove(far_end);
    slot.far_end = 0;
    debug_assert!(usize::from(slot.header.path_len) <= PATH_INLINE);
    op.emit(slot);
    None
}

/// The request that was handed over through that end.
#[inline(always)]
pub fn find(far_end: u64) -> Option<&'static mut Handover> {
    let handover = HANDOVERS.get_ptr_mut(far_end)?;
    // SAFETY: a valid map value, written by one thread but for `eof_ns`.
    Some(unsafe { &mut *handover })
}
