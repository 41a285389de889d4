//! What the server answers: from buffers to the request in front.

use core::ops::ControlFlow;

use super::reading::{forget_line, reset};
use super::{Loop, finish};
use crate::event::{FLAG_INCOMPLETE, FLAG_MALFORMED};
use crate::pairing::conn::{Conn, SlotState};
use crate::pairing::env::Env;
use crate::pairing::scan::Phase;
use crate::stats::Counter;

/// A write while other requests wait: Apache may answer several in one `writev`,
/// each head at the start of a buffer of its own.
#[inline(always)]
pub(super) fn write_several<E: Env>(env: &mut E, conn: &mut Conn, bytes: u64) {
    conn.cursor.left = bytes;
    conn.cursor.buffer = 0;
    env.repeat(conn, Loop::Answers);
    let left = conn.cursor.left;
    if left > 0 {
        write_piece(env, conn, None, left);
    }
}

/// The next buffer of such a write.
#[inline(always)]
pub(super) fn answer<E: Env>(env: &mut E, conn: &mut Conn) -> ControlFlow<()> {
    let Some((start, length)) = env.buffer_start(conn.cursor.buffer) else {
        return ControlFlow::Break(());
    };
    conn.cursor.buffer += 1;
    let here = length.min(conn.cursor.left);
    conn.cursor.left -= here;
    if here > 0 {
        write_piece(env, conn, status_of(start), here);
    }
    if conn.cursor.left == 0 {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// `bytes` of an answer; `status` where they begin with a status line.
#[inline(always)]
pub(super) fn write_piece<E: Env>(env: &mut E, conn: &mut Conn, status: Option<u16>, bytes: u64) {
    if let Some(status) = status {
        // With none waiting, a status line after a status line is content, unless
        // the request's own framing was misjudged and a request missed.
        let misjudged = !conn.scan.is_between_requests() && !conn.ahead;
        if conn.answered && (conn.has_waiting() || misjudged) {
            finish(env, conn);
        }
        let is_final = status == 101 || !(100..=199).contains(&status);
        if conn.cur.state != SlotState::Ready && (is_final || !conn.late) {
            adopt(env, conn);
        }
        if !conn.answered && is_final {
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
            SlotState::Empty if !conn.known_from_start() && !conn.late => {
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
    let known_from_start = conn.known_from_start();
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
    conn.scan.phase = Phase::Unsynced;
    env.count(Counter::Seen);
    if conn.late {
        env.count(Counter::MapFull);
        slot.state = SlotState::Skipped;
        return;
    }
    slot.state = SlotState::Ready;
    slot.header.flags |= FLAG_MALFORMED;
    if !known_from_start {
        slot.header.flags |= FLAG_INCOMPLETE;
    }
}

/// The status, if the bytes are the start of a status line (RFC 9112 section 4).
#[inline(always)]
pub(super) fn status_of(start: [u64; 2]) -> Option<u16> {
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
