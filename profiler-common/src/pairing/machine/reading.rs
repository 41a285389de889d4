//! What a client sends: from the scanner's events to slots.

use core::ops::ControlFlow;

use crate::event::FLAG_MALFORMED;
use crate::pairing::conn::{Conn, Slot, SlotState};
use crate::pairing::env::Env;
use crate::pairing::scan::{Cursor, Event, Phase};
use crate::stats::Counter;

/// Words of a path that are copied out of the view; longer ones are copied anew.
const SHORT_PATH: u32 = 8;

/// One step through the data: as much as the view holds, up to the end of a request
/// or to a header line that matters.
#[inline(always)]
pub(super) fn advance<E: Env>(env: &mut E, conn: &mut Conn) -> ControlFlow<()> {
    if conn.scan.needs_bytes() && !env.reach(conn.cursor.pos) {
        unreadable(env, conn);
        return ControlFlow::Break(());
    }
    let mut event = Event::None;
    let mut behind_line = true;
    if conn.scan.is_before_fields() {
        event = request_line(env, conn);
        behind_line = event == Event::Line && conn.cursor.pos < env.view().end;
    }
    if behind_line {
        event = conn.scan.step_behind_line(env.view(), &mut conn.cursor);
    }
    match event {
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
        _ => {}
    }
    if conn.cursor.pos >= conn.cursor.end {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// The request line, as far as the view holds it; [`Event::Line`] once header lines
/// follow.
#[inline(always)]
fn request_line<E: Env>(env: &mut E, conn: &mut Conn) -> Event {
    if conn.scan.phase == Phase::Start {
        match conn.scan.start(env.view(), &mut conn.cursor) {
            Event::Begin => begin(env, conn),
            other => return other,
        }
    }
    if conn.scan.phase == Phase::Method {
        match conn.scan.method(env.view(), &mut conn.cursor) {
            Event::Method => method(env, conn),
            other => return other,
        }
    }
    if conn.scan.phase == Phase::Path {
        match conn.scan.path(env.view(), &mut conn.cursor) {
            Event::Path => path(env, conn),
            other => return other,
        }
    }
    if conn.scan.phase == Phase::Query {
        conn.scan.query(env.view(), &mut conn.cursor);
    }
    if conn.scan.phase == Phase::Version {
        match conn.scan.version(env.view(), &mut conn.cursor) {
            Event::Line => line(env, conn),
            other => return other,
        }
        if conn.scan.phase == Phase::Start {
            // HTTP/0.9: no header lines follow.
            conn.reading().header.head_ns = env.now();
            end(conn);
            return Event::None;
        }
        return Event::Line;
    }
    Event::None
}

#[inline(always)]
fn method<E: Env>(env: &mut E, conn: &mut Conn) {
    let Cursor {
        token, token_end, ..
    } = conn.cursor;
    conn.cursor.token = conn.cursor.pos;
    let len = token_end - token;
    let view = env.view();
    let bits = view.eight(token);
    let in_view = token >= view.start;
    let slot = conn.reading();
    if in_view && len < 8 && slot.header.method_len == 0 {
        let bits = bits & !(u64::MAX << (len * 8));
        slot.header.method[..8].copy_from_slice(&bits.to_le_bytes());
        slot.header.method_len = len as u8;
    } else {
        env.append_method(slot, token, len);
    }
}

#[inline(always)]
fn path<E: Env>(env: &mut E, conn: &mut Conn) {
    let Cursor {
        token, token_end, ..
    } = conn.cursor;
    if conn.untracked {
        return;
    }
    let len = token_end - token;
    let view = env.view();
    let in_view = token >= view.start;
    let slot = conn.reading();
    if !in_view || len > SHORT_PATH * 8 || slot.header.path_len != 0 {
        env.append_path(slot, token, len);
        return;
    }
    let (words, _) = slot.path.as_chunks_mut::<8>();
    for (index, word) in (0..SHORT_PATH).zip(words) {
        if index * 8 >= len {
            break;
        }
        // What comes with the last word is behind the path's end.
        *word = view.eight(token + index * 8).to_le_bytes();
    }
    slot.header.path_len = len as u16;
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
    slot.header.origin = env.origin();
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
