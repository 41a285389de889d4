//! Apache and mod_wsgi's daemons, joined: a UNIX socket and its peer.
//!
//! ```text
//! Apache's thread ── own_end ═══ far_end ── daemon's thread
//!    serves conn                    key of HANDOVERS
//! ```
//!
//! An address names a socket only while that lives, and sockets are reused at once.
//! So an entry goes when either side is through with the socket, while it is still
//! open: Apache when it reads the end, the daemon when it does.

use aya_ebpf::bindings::BPF_NOEXIST;
use profiler_common::account::Thread;
use profiler_common::event::SERVER_OTHER;
use profiler_common::handover::Handover;
use profiler_common::limits::PATH_INLINE;
use profiler_common::pairing::conn::Slot;
use profiler_common::pairing::env::Env as _;
use profiler_common::stats::Counter;

use crate::environ::Hints;
use crate::kernel::{full_barrier, unix_peer};
use crate::maps::{Full, HANDOVERS, PARKED, TAKEN, copy_slot, count, set_full, was_full};
use crate::op::Op;
use crate::tasks::Current;
use crate::{conns, environ, threads};

/// With how many bytes a handover begins: the length of the environ.
pub const LENGTH_BYTES: u32 = 8;

/// With how many bytes Apache ends the request's body (`0\r\n\r\n`), which is all that
/// it writes behind the environ of a request without one.
pub const END_OF_BODY: i64 = 5;

/// Whether the daemon has the request that the thread serves. Where not, it may be that
/// the daemon rejected it: then Apache closes the socket without reading to its end, and
/// the next one may have the same address.
#[inline(always)]
pub fn has_it(thread: &Thread) -> bool {
    find(thread.far_end).is_some_and(|handover| handover.conn == thread.serving)
}

/// Apache's thread read the end of the daemon's answer.
#[inline(always)]
pub fn read_to_end(op: &Op, thread: &mut Thread) -> Option<()> {
    let far_end = thread.far_end;
    thread.forget_daemon();
    let handover = find(far_end)?;
    handover.eof_ns = op.now;
    // Of a request that is parked the daemon still has to find it.
    if deliver(handover, far_end) || handover.read_ns == 0 {
        let _ = HANDOVERS.remove(far_end);
    }
    None
}

/// A write on a UNIX socket that is no daemon's end, by a thread that serves a request.
#[inline(always)]
pub fn apache_sent(op: &mut Op, thread: &mut Thread, hints: &mut Hints) {
    let handed = match environ::names(op, hints) {
        Some(names) => hand_over(op, thread.serving, names),
        None => None,
    };
    if let Some(far_end) = handed {
        thread.own_end = op.sock;
        thread.far_end = far_end;
        thread.own_fd = op.descriptor;
    } else if thread.own_end != op.sock {
        thread.speaks_to(op.sock);
    }
}

/// Apache hands the request of `conn` to whoever reads at the other end, which it
/// gives.
#[inline(always)]
fn hand_over(op: &Op, conn_key: u64, names: u64) -> Option<u64> {
    let conn = conns::find(conn_key)?;
    let far_end = unix_peer(op.sock)?;
    // SAFETY: a valid map value that only the current thread's operations touch.
    let conn = unsafe { &mut *conn };
    let handover = Handover {
        conn: conn_key,
        seq: conn.cur.seq,
        ..Handover::EMPTY
    };
    let header = &mut conn.cur.header;
    if header.handed_ns == 0 {
        header.handed_ns = op.now;
    }
    header.names = names;
    // First: the daemon may be done any moment.
    conn.cur.far_end = far_end;
    if HANDOVERS
        .insert(far_end, handover, u64::from(BPF_NOEXIST))
        .is_err()
    {
        let Some(begun) = find(far_end) else {
            count(op.place, Counter::HandoverFull);
            set_full(Full::Handovers);
            conn.cur.far_end = 0;
            return None;
        };
        // The daemon was quicker.
        begun.conn = conn_key;
        begun.seq = conn.cur.seq;
    }
    Some(far_end)
}

/// Puts a daemon's part into the record of the request, if that is under way. The
/// handover is to be removed after that: until it is gone, the other side finds and
/// reports it too.
#[inline(always)]
fn deliver(handover: &Handover, far_end: u64) -> bool {
    let Some(conn) = conns::find(handover.conn) else {
        return false;
    };
    // SAFETY: a valid map value; the thread that serves it does not touch what is
    // written here before it is done with the request.
    let slot = unsafe { &mut (*conn).cur };
    if slot.far_end != far_end || slot.seq != handover.seq {
        return false;
    }
    handover.report(&mut slot.header);
    slot.far_end = 0;
    true
}

/// A read of eight bytes from a UNIX socket, by a thread that has nothing to do: it may
/// be a daemon's that got its request before Apache's system call returned.
#[inline(always)]
pub fn begin_early(thread: &Thread, sock: u64) -> Option<&'static mut Handover> {
    if thread.server == u32::from(SERVER_OTHER) || thread.serving != 0 {
        return None;
    }
    let _ = HANDOVERS.insert(sock, Handover::EMPTY, u64::from(BPF_NOEXIST));
    find(sock)
}

/// A read by a daemon's thread on its end.
#[inline(always)]
pub fn daemon_received(
    op: &mut Op,
    current: Current,
    thread: &mut Thread,
    handover: &mut Handover,
    ret: i64,
) -> Option<()> {
    if thread.serving != op.sock {
        if thread.serving != 0 {
            // It was never seen to end the one before.
            abandoned(op, thread.serving);
        }
        thread.take(threads::moment(op, current), op.sock, 0);
        thread.serving_fd = op.descriptor;
        forget_loose(thread);
        if handover.conn == 0 {
            thread.loose = op.sock;
        }
        handover.taken_ns = thread.taken_ns;
        handover.pid = thread.pid();
        handover.tid = thread.tid();
    }
    handover.daemon_read(op.now, ret);
    // What it reads behind its answer is the last that is seen of it before Apache
    // may have read the end.
    if handover.has_answered() {
        book(op, current, thread, handover);
    }
    close_if_done(op, thread, handover)
}

/// A write by a daemon's thread on its end.
#[inline(always)]
pub fn daemon_sent(
    op: &mut Op,
    current: Current,
    thread: &mut Thread,
    handover: &mut Handover,
    ret: i64,
) -> Option<()> {
    book(op, current, thread, handover);
    if ret > 0 {
        // Of an answer only the beginning matters.
        let start = if handover.wants_start() {
            op.buffer_start(0)?.0
        } else {
            [0; 2]
        };
        handover.daemon_wrote(op.now, start);
    } else {
        handover.daemon_failed(op.now, ret);
    }
    close_if_done(op, thread, handover)
}

/// What the thread began to serve early was nobody's request.
#[inline(always)]
pub fn forget_loose(thread: &mut Thread) {
    if thread.loose != 0
        && let Some(handover) = find(thread.loose)
        && handover.conn == 0
        // The address may be another socket's by now.
        && handover.tid == thread.tid()
    {
        let _ = HANDOVERS.remove(thread.loose);
    }
    thread.loose = 0;
}

#[inline(always)]
fn book(op: &Op, current: Current, thread: &mut Thread, handover: &mut Handover) {
    thread.book(threads::moment(op, current), false, &mut handover.spent);
    handover.upstream = thread.upstream;
}

#[inline(always)]
fn close_if_done(op: &mut Op, thread: &mut Thread, handover: &Handover) -> Option<()> {
    if handover.done_ns != 0 {
        thread.release(op.now);
        let far_end = op.sock;
        close(op, far_end, handover);
    }
    None
}

/// The daemon is done: its part goes to the request, which Apache may have left here.
#[inline(always)]
fn close(op: &mut Op, far_end: u64, handover: &Handover) {
    // Apache leaves it there, and then looks whether the daemon is done: one of the two
    // has to see what the other wrote.
    full_barrier(&mut op.fence);
    if unpark(op, far_end, handover).is_some() {
        return;
    }
    if handover.conn != 0 {
        deliver(handover, far_end);
    } else if !was_full(Full::Handovers) {
        return;
    }
    // What nobody will claim, too: its address will be another socket's.
    let _ = HANDOVERS.remove(far_end);
}

/// A daemon's thread has turned away from a request, or ended: it was over when the
/// thread was last seen at it.
#[inline(always)]
pub fn abandoned(op: &mut Op, far_end: u64) {
    if let Some(handover) = find(far_end)
        && handover.done_ns == 0
        // The address may be another socket's by now.
        && handover.tid == op.task as u32
    {
        handover.done_ns = handover.seen_ns;
        close(op, far_end, handover);
    }
}

/// What to do with a finished request that was handed over.
pub enum Next {
    /// Report it.
    Emit,
    /// Nothing: its daemon is still at work, and will.
    Wait,
}

/// Apache is done with a request before it read the end of its answer: leaves the
/// record to the daemon if that is still at work.
#[inline(always)]
pub fn join(op: &mut Op, slot: &mut Slot) -> Next {
    let far_end = slot.far_end;
    let Some(handover) = of_request(op, slot, far_end) else {
        return Next::Emit;
    };
    if handover.read_ns != 0 && !slot.long_path {
        let copied: &Slot = slot;
        if PARKED
            .insert(far_end, copied, u64::from(BPF_NOEXIST))
            .is_ok()
        {
            // The daemon may have been done meanwhile and found nothing. If so the entry
            // may be gone by now, and what was found above another request's.
            full_barrier(&mut op.fence);
            let still = of_request(op, slot, far_end);
            let done = still.as_ref().is_none_or(|handover| handover.done_ns != 0);
            // Whoever removes it reports it.
            if !done || PARKED.remove(far_end).is_err() {
                return Next::Wait;
            }
            if let Some(handover) = still {
                handover.report(&mut slot.header);
                let _ = HANDOVERS.remove(far_end);
            }
            return Next::Emit;
        }
        count(op.place, Counter::ParkedFull);
    }
    handover.report(&mut slot.header);
    let _ = HANDOVERS.remove(far_end);
    Next::Emit
}

/// The handover of that request, if it is there.
#[inline(always)]
fn of_request(op: &Op, slot: &Slot, far_end: u64) -> Option<&'static mut Handover> {
    let handover = find(far_end)?;
    (handover.conn == op.sock && handover.seq == slot.seq).then_some(handover)
}

/// Reports the request if Apache left it here.
#[inline(always)]
fn unpark(op: &mut Op, far_end: u64, handover: &Handover) -> Option<()> {
    let parked = PARKED.get_ptr(far_end)?;
    let slot = TAKEN.get_ptr_mut(op.place as u32)?;
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
    Some(())
}

/// The request that was handed over through that end.
#[inline(always)]
pub fn find(far_end: u64) -> Option<&'static mut Handover> {
    let handover = HANDOVERS.get_ptr_mut(far_end)?;
    // SAFETY: a valid map value, written by one thread but for `eof_ns`.
    Some(unsafe { &mut *handover })
}
