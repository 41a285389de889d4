//! Pairs requests with responses and decides when one is over.
//!
//! The hooks call one `on_` function an operation; all of them work on one
//! connection's [`Conn`] and reach everything else through [`Env`].

use core::ops::ControlFlow;

use super::conn::{Conn, Slot, SlotState};
use super::env::{Env, Word};
use super::scan::{Cursor, Event, Phase};
use crate::event::{FLAG_INCOMPLETE, FLAG_MALFORMED, Outcome};
use crate::limits::{MAX_BUFFERS, MAX_STEPS, MAX_WAITING};
use crate::stats::Counter;

/// `EAGAIN` (include/uapi/asm-generic/errno-base.h).
const EAGAIN: i64 = -11;
/// `ECONNRESET` (include/uapi/asm-generic/errno.h).
const ECONNRESET: i64 = -104;

/// What the steps of one operation share: nothing that changes, see [`Cursor`].
struct Work<'a, E> {
    env: &'a mut E,
    conn: &'a mut Conn,
}

/// A read brought `len` bytes.
#[inline(always)]
pub fn on_data<E: Env>(env: &mut E, conn: &mut Conn, len: u32) {
    if conn.over {
        return;
    }
    settle(env, conn);
    if conn.scan.phase == Phase::Unsynced {
        // Whatever it is, it came with the request that was lost track of.
        conn.reading().header.request_bytes += u64::from(len);
        return;
    }
    conn.cursor = Cursor {
        end: len,
        ..Cursor::default()
    };
    let mut work = Work { env, conn };
    if !E::repeat(MAX_STEPS, &mut work, advance) {
        bad(work.env, work.conn);
    }
    let Work { env, conn } = work;
    if conn.scan.is_between_requests() {
        return;
    }
    let phase = conn.scan.phase;
    let untracked = conn.untracked;
    let Cursor { token, start, .. } = conn.cursor;
    let slot = conn.reading();
    slot.header.request_bytes += u64::from(len - start);
    match phase {
        Phase::Method => env.append_method(slot, token, len - token),
        Phase::Path if !untracked => env.append_path(slot, token, len - token),
        _ => {}
    }
}

/// A read brought nothing: `ret` is 0 or a negative errno.
#[inline(always)]
pub fn on_empty_read<E: Env>(env: &mut E, conn: &mut Conn, ret: i64) {
    if conn.over {
        return;
    }
    settle(env, conn);
    match ret {
        0 => conn.peer_closed = true,
        ECONNRESET => conn.peer_reset = true,
        _ => {}
    }
}

/// A write returned `ret`: bytes taken, or a negative errno. `short` says that the
/// caller is known to have wanted to write more.
#[inline(always)]
pub fn on_write<E: Env>(env: &mut E, conn: &mut Conn, ret: i64, short: bool) {
    if conn.over {
        return;
    }
    if ret <= 0 {
        if ret == EAGAIN {
            conn.blocked = true;
        } else if ret < 0 && conn.cur.state != SlotState::Empty {
            conn.write_failed = true;
            conn.cur.header.last_write_ns = env.now();
        }
        return;
    }
    conn.blocked = short;
    if conn.has_waiting() {
        write_several(env, conn, ret as u64);
    } else {
        let status = env.buffer_start(0).and_then(|(start, _)| status_of(start));
        write_piece(env, conn, status, ret as u64);
    }
    if conn.answered && outcome(conn) == Outcome::Upgraded {
        // Requests that were read behind it get no answer any more.
        on_close(env, conn);
        return;
    }
    conn.chunk_open = env.leaves_chunk_open();
    if conn.asked {
        settle(env, conn);
    }
}

/// The server shut down its side, or the connection is gone.
#[inline(always)]
pub fn on_close<E: Env>(env: &mut E, conn: &mut Conn) {
    if conn.over {
        return;
    }
    let mut work = Work { env, conn };
    E::repeat(MAX_WAITING, &mut work, |work: &mut Work<'_, E>| {
        if work.conn.cur.state == SlotState::Empty {
            return ControlFlow::Break(());
        }
        finish(work.env, work.conn);
        ControlFlow::Continue(())
    });
    work.conn.over = true;
}

/// Finishes the request in front if its answer is complete: called whenever the
/// server reads, since it reads on only when it is done. Apache also looks for the
/// next request just before it flushes the end of a chunked response.
#[inline(always)]
fn settle<E: Env>(env: &mut E, conn: &mut Conn) {
    let body_read = conn.ahead || conn.scan.is_between_requests();
    if !conn.answered || conn.blocked || !body_read {
        return;
    }
    if conn.chunk_open {
        conn.asked = true;
    } else {
        finish(env, conn);
    }
}

/// One step through the data.
#[inline(always)]
fn advance<E: Env>(work: &mut Work<'_, E>) -> ControlFlow<()> {
    let Work { env, conn } = work;
    let pos = conn.cursor.pos;
    if pos >= conn.cursor.end {
        return ControlFlow::Break(());
    }
    let bytes = if conn.scan.needs_bytes() {
        let bytes = env.word(pos);
        if bytes.len == 0 {
            unreadable(*env, conn);
            return ControlFlow::Break(());
        }
        bytes
    } else {
        Word { bits: 0, len: 0 }
    };
    match conn.scan.step(bytes, &mut conn.cursor) {
        Event::None => {}
        Event::Begin => begin(*env, conn),
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
            line(*env, conn);
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
            bad(*env, conn);
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
fn reset<E: Env>(env: &mut E, slot: &mut Slot, seq: u32, state: SlotState) {
    env.clear(slot);
    slot.header.first_byte_ns = env.now();
    (slot.header.pid, slot.header.tid) = env.task();
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
    slot.state = SlotState::Ready;
    env.count(Counter::Seen);
    if untracked {
        env.count(Counter::MapFull);
        slot.state = SlotState::Skipped;
    }
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
fn bad<E: Env>(env: &mut E, conn: &mut Conn) {
    let line_was_read = conn.scan.phase == Phase::Version;
    if conn.scan.phase == Phase::Start {
        begin(env, conn);
    }
    conn.scan.phase = Phase::Unsynced;
    let Cursor { start, end, .. } = conn.cursor;
    let slot = conn.reading();
    slot.header.request_bytes += u64::from(end - start);
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

/// What was kept of the line is not to be relied on.
#[inline(always)]
fn forget_line<E: Env>(env: &mut E, slot: &mut Slot) {
    env.discard(slot);
    slot.header.method_len = 0;
    slot.header.path_len = 0;
    slot.header.flags = 0;
}

/// The server's own bytes are out of reach (`io_uring`, a page that is not there):
/// a request is in them, but which cannot be told.
#[inline(always)]
fn unreadable<E: Env>(env: &mut E, conn: &mut Conn) {
    if conn.scan.phase == Phase::Start {
        begin(env, conn);
    }
    conn.scan.phase = Phase::Unsynced;
    let Cursor { start, end, .. } = conn.cursor;
    let slot = conn.reading();
    slot.header.request_bytes += u64::from(end - start);
    if slot.state == SlotState::Partial {
        slot.state = SlotState::Skipped;
        env.discard(slot);
        env.count(Counter::Seen);
        env.count(Counter::Unparsed);
    }
}

/// A write while other requests wait: Apache may answer several in one `writev`,
/// each head at the start of a buffer of its own.
#[inline(always)]
fn write_several<E: Env>(env: &mut E, conn: &mut Conn, bytes: u64) {
    conn.cursor.left = bytes;
    conn.cursor.buffer = 0;
    let mut work = Work { env, conn };
    E::repeat(MAX_BUFFERS, &mut work, |work: &mut Work<'_, E>| {
        let Work { env, conn } = work;
        let Some((start, length)) = env.buffer_start(conn.cursor.buffer) else {
            return ControlFlow::Break(());
        };
        conn.cursor.buffer += 1;
        let here = length.min(conn.cursor.left);
        conn.cursor.left -= here;
        if here > 0 {
            write_piece(*env, conn, status_of(start), here);
        }
        if conn.cursor.left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let left = work.conn.cursor.left;
    if left > 0 {
        write_piece(work.env, work.conn, None, left);
    }
}

/// `bytes` of an answer; `status` where they begin with a status line.
#[inline(always)]
fn write_piece<E: Env>(env: &mut E, conn: &mut Conn, status: Option<u16>, bytes: u64) {
    if let Some(status) = status {
        // With none waiting, a status line after a status line is content, unless
        // the request's own framing was misjudged and a request missed.
        let misjudged = !conn.scan.is_between_requests() && !conn.ahead;
        if conn.answered && (conn.has_waiting() || misjudged) {
            finish(env, conn);
        }
        if conn.cur.state != SlotState::Ready {
            adopt(env, conn);
        }
        if !conn.answered && (status == 101 || !(100..=199).contains(&status)) {
            conn.answered = true;
            conn.cur.header.status = status;
            conn.cur.header.first_write_ns = env.now();
        }
    } else if !conn.answered {
        match conn.cur.state {
            // The rest of an interim response.
            SlotState::Ready | SlotState::Skipped if conn.cur.header.response_bytes > 0 => {}
            // HTTP/0.9, or bytes out of reach.
            SlotState::Ready | SlotState::Skipped => {
                conn.answered = true;
                conn.cur.header.first_write_ns = env.now();
            }
            SlotState::Empty if conn.established_ns == 0 => {
                let seq = conn.next_seq;
                reset(env, &mut conn.cur, seq, SlotState::Tail);
                conn.scan.phase = Phase::Unsynced;
                conn.answered = true;
            }
            _ => return,
        }
    }
    let header = &mut conn.cur.header;
    header.response_bytes += bytes;
    header.last_write_ns = env.now();
    (header.pid, header.tid) = env.task();
}

/// The server answers something that was no complete request line: now it is
/// known to have been a request.
#[inline(always)]
fn adopt<E: Env>(env: &mut E, conn: &mut Conn) {
    let known_from_start = conn.established_ns != 0;
    let slot = &mut conn.cur;
    match slot.state {
        SlotState::Ready | SlotState::Skipped | SlotState::Tail => return,
        SlotState::Empty => {
            let seq = conn.next_seq;
            reset(env, slot, seq, SlotState::Empty);
        }
        SlotState::Partial => forget_line(env, slot),
        SlotState::Malformed => {}
    }
    slot.state = SlotState::Ready;
    slot.header.flags |= FLAG_MALFORMED;
    if !known_from_start {
        slot.header.flags |= FLAG_INCOMPLETE;
    }
    conn.scan.phase = Phase::Unsynced;
    env.count(Counter::Seen);
    if conn.untracked {
        env.count(Counter::MapFull);
        slot.state = SlotState::Skipped;
    }
}

/// Reports the request in front and lets the next one take its place.
#[inline(always)]
fn finish<E: Env>(env: &mut E, conn: &mut Conn) {
    let outcome = outcome(conn);
    let slot = &mut conn.cur;
    match slot.state {
        SlotState::Ready => {
            let header = &mut slot.header;
            header.outcome = outcome as u8;
            header.client_addr = conn.ends.client_addr;
            header.server_addr = conn.ends.server_addr;
            header.client_port = conn.ends.client_port;
            header.server_port = conn.ends.server_port;
            header.family = conn.ends.family;
            env.emit(slot);
        }
        SlotState::Tail => {
            env.count(Counter::Seen);
            env.count(Counter::StartedBeforeAttach);
        }
        SlotState::Partial => {
            env.count(Counter::PartialLine);
            env.discard(slot);
        }
        SlotState::Malformed => env.discard(slot),
        SlotState::Empty | SlotState::Skipped => {}
    }
    slot.state = SlotState::Empty;
    let ended_ns = slot.header.last_write_ns;
    if conn.answered && conn.scan.phase == Phase::Unsynced && !conn.ahead {
        conn.scan.phase = Phase::Start;
    }
    conn.answered = false;
    conn.chunk_open = false;
    conn.asked = false;
    promote(env, conn, ended_ns);
}

/// The oldest request that waits takes the front. Its time begins when the
/// server turned to it, which is when the answer before it was out.
#[inline(always)]
fn promote<E: Env>(env: &mut E, conn: &mut Conn, ended_ns: u64) {
    if conn.queue_head != conn.queue_tail {
        let place = conn.queue_head;
        conn.queue_head = place.wrapping_add(1);
        if !env.pop(place, &mut conn.cur) {
            env.count(Counter::PipelineFull);
            skip(env, conn);
        }
    } else if conn.gap > 0 {
        conn.gap -= 1;
        skip(env, conn);
    } else if conn.ahead {
        env.copy(&conn.next, &mut conn.cur);
        conn.next.state = SlotState::Empty;
        conn.ahead = false;
    } else {
        return;
    }
    let header = &mut conn.cur.header;
    if header.line_ns != 0 && header.line_ns < ended_ns {
        header.line_ns = ended_ns;
        if header.head_ns != 0 && header.head_ns < ended_ns {
            header.head_ns = ended_ns;
        }
    }
}

/// In front is a request of which nothing is known.
#[inline(always)]
fn skip<E: Env>(env: &mut E, conn: &mut Conn) {
    env.clear(&mut conn.cur);
    conn.cur.state = SlotState::Skipped;
}

#[inline(always)]
fn outcome(conn: &Conn) -> Outcome {
    const CONNECT: u64 = u64::from_le_bytes(*b"CONNECT\0");
    let header = &conn.cur.header;
    let start = header.method.first_chunk().copied();
    let connect = header.method_len == 7 && start.map(u64::from_le_bytes) == Some(CONNECT);
    match header.status {
        101 => Outcome::Upgraded,
        200..=299 if connect => Outcome::Upgraded,
        408 => Outcome::Timeout,
        _ if conn.write_failed || conn.peer_reset => Outcome::ClientClosed,
        0 if !conn.answered && conn.peer_closed => Outcome::ClientClosed,
        0 if !conn.answered => Outcome::ServerClosed,
        _ => Outcome::Ok,
    }
}

/// The status, if the bytes are the start of a status line (RFC 9112 section 4).
#[inline(always)]
fn status_of(start: [u64; 2]) -> Option<u16> {
    const PREFIX: u64 = u64::from_le_bytes(*b"HTTP/1.\0");
    let [version, rest] = start;
    if version << 8 != PREFIX << 8 {
        return None;
    }
    let digit = |index: u32| ((rest >> (index * 8)) as u8).wrapping_sub(b'0');
    let (hundreds, tens, ones) = (digit(1), digit(2), digit(3));
    if rest as u8 != b' ' || hundreds > 9 || tens > 9 || ones > 9 {
        return None;
    }
    Some(u16::from(hundreds) * 100 + u16::from(tens) * 10 + u16::from(ones))
}
