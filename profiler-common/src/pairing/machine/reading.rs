//! What a client sends: from the scanner's events to slots.

use core::ops::ControlFlow;

use crate::event::FLAG_MALFORMED;
use crate::pairing::conn::{Conn, Slot, SlotState};
use crate::pairing::env::{Env, Word};
use crate::pairing::scan::{Cursor, Event, Phase};
use crate::stats::Counter;

/// One step through the data.
#[inline(always)]
pub(super) fn advance<E: Env>(env: &mut E, conn: &mut Conn) -> ControlFlow<()> {
    let pos = conn.cursor.pos;
    if pos >= conn.cursor.end {
        return ControlFlow::Break(());
    }
    let bytes = if conn.scan.needs_bytes() {
        let bytes = env.word(pos);
        if bytes.len == 0 {
            unreadable(env, conn);
            return ControlFlow::Break(());
        }
        bytes
    } else {
        Word { bits: 0, len: 0 }
    };
    match conn.scan.step(bytes, &mut conn.cursor) {
        Event::None => {}
        Event::Begin => begin(env, conn),
        Event::Method => {
            let Cursor {
                token, token_end, ..
            } = conn.cursor;
            env.append_method(conn.reading(), token, token_end - token);
            conn.cursor.token = conn.cursor.pos;
        }
        Event::Path => {
            let Cursor {
                token, token_end, ..
            } = conn.cursor;
            if !conn.untracked {
                env.append_path(conn.reading(), token, token_end - token);
            }
        }
        Event::Line => {
            line(env, conn);
            if conn.scan.version == 9 {
                conn.reading().header.head_ns = env.now();
                end(conn);
            }
        }
        Event::Head => conn.reading().header.head_ns = env.now(),
        Event::HeadEnd => {
            conn.reading().header.head_ns = env.now();
            end(conn);
        }
        Event::End => end(conn),
        Event::Bad => {
            bad(env, conn);
            return ControlFlow::Break(());
        }
    }
    ControlFlow::Continue(())
}

/// A request begins: in `cur` if nothing is owed an answer, else in `next`.
#[inline(always)]
fn begin<E: Env>(env: &mut E, conn: &mut Conn) {
    if conn.ahead {
        queue_next(env, conn);
    } else if conn.cur.state != SlotState::Empty {
        conn.ahead = true;
    }
    conn.cursor.start = conn.cursor.pos;
    let seq = conn.next_seq;
    conn.next_seq = seq.wrapping_add(1);
    reset(env, conn.reading(), seq, SlotState::Partial);
    if seq == 0 {
        let (established_ns, attended_ns) = (conn.established_ns, conn.attended_ns);
        let header = &mut conn.reading().header;
        header.established_ns = established_ns;
        header.attended_ns = attended_ns;
    }
}

/// `next` is completely read: it joins the queue, in order.
#[inline(always)]
fn queue_next<E: Env>(env: &mut E, conn: &mut Conn) {
    if conn.untracked {
        // Already counted, and nobody would take it out again.
        return;
    }
    if conn.gap == 0 && env.push(conn.queue_tail, &conn.next) {
        conn.queue_tail = conn.queue_tail.wrapping_add(1);
    } else {
        conn.gap += 1;
        env.discard(&mut conn.next);
        env.count(Counter::PipelineFull);
    }
}

#[inline(always)]
pub(super) fn reset<E: Env>(env: &mut E, slot: &mut Slot, seq: u32, state: SlotState) {
    env.clear(slot);
    slot.header.first_byte_ns = env.now();
    (slot.header.pid, slot.header.tid) = env.task();
    slot.header.server = env.server();
    slot.far_end = 0;
    slot.seq = seq;
    slot.state = state;
    slot.long_path = false;
}

/// The request line is complete: from here on the request is owed a record.
#[inline(always)]
fn line<E: Env>(env: &mut E, conn: &mut Conn) {
    let untracked = conn.untracked;
    let version = conn.scan.version;
    let slot = conn.reading();
    slot.header.line_ns = env.now();
    slot.header.version = version;
    if untracked {
        // Nobody will remember it: its answer tells that it was there.
        slot.state = SlotState::Skipped;
        return;
    }
    slot.state = SlotState::Ready;
    env.count(Counter::Seen);
}

/// The request is completely read.
#[inline(always)]
fn end(conn: &mut Conn) {
    let Cursor { pos, start, .. } = conn.cursor;
    conn.reading().header.request_bytes += u64::from(pos - start);
    conn.cursor.start = pos;
}

/// The bytes are no request, or a body that cannot be followed.
#[inline(always)]
pub(super) fn bad<E: Env>(env: &mut E, conn: &mut Conn) {
    let line_was_read = conn.scan.phase == Phase::Version;
    let slot = lose_track(env, conn);
    if slot.state == SlotState::Partial {
        slot.state = SlotState::Malformed;
        slot.header.line_ns = env.now();
        if !line_was_read {
            forget_line(env, slot);
        }
        slot.header.flags |= FLAG_MALFORMED;
        env.count(Counter::NonHttp);
    }
}

/// Nothing is followed until the next answer; what this read still holds goes to
/// the request under way.
#[inline(always)]
fn lose_track<'a, E: Env>(env: &mut E, conn: &'a mut Conn) -> &'a mut Slot {
    if conn.scan.phase == Phase::Start {
        begin(env, conn);
    }
    conn.scan.phase = Phase::Unsynced;
    let Cursor { start, end, .. } = conn.cursor;
    let slot = conn.reading();
    slot.header.request_bytes += u64::from(end - start);
    slot
}

/// What was kept of the line is not to be relied on.
#[inline(always)]
pub(super) fn forget_line<E: Env>(env: &mut E, slot: &mut Slot) {
    env.discard(slot);
    slot.header.method_len = 0;
    slot.header.path_len = 0;
    slot.header.flags = 0;
}

/// The server's own bytes are out of reach (`io_uring`, a page that is not there):
/// a request is in them, but which cannot be told.
#[inline(always)]
fn unreadable<E: Env>(env: &mut E, conn: &mut Conn) {
    let slot = lose_track(env, conn);
    if slot.state == SlotState::Partial {
        slot.state = SlotState::Skipped;
        env.discard(slot);
        env.count(Counter::Seen);
        env.count(Counter::Unparsed);
    }
}
