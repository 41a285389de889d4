//! Pairs requests with responses and decides when one is over.
//!
//! The hooks call one `on_` function an operation; all of them work on one
//! connection's [`Conn`] and reach everything else through [`Env`].
//!
//! - `loops`: what is repeated.
//! - `reading`: what a client sends.
//! - `writing`: what the server answers.

mod loops;
mod reading;
mod writing;

use super::conn::{Conn, SlotState};
use super::env::Env;
use super::scan::{Cursor, Phase};
use crate::event::Outcome;
use crate::stats::Counter;
pub use loops::Loop;
use reading::bad;
use writing::{status_of, write_piece, write_several};

/// `EAGAIN` (include/uapi/asm-generic/errno-base.h).
pub const EAGAIN: i64 = -11;
/// `ECONNRESET` (include/uapi/asm-generic/errno.h).
const ECONNRESET: i64 = -104;

/// A read brought `len` bytes.
#[inline(always)]
pub fn on_data<E: Env>(env: &mut E, conn: &mut Conn, len: u32) {
    if conn.over {
        return;
    }
    attend(env, conn);
    settle(env, conn);
    if conn.shut {
        return;
    }
    if conn.scan.phase == Phase::Unsynced {
        // Whatever it is, it came with the request that was lost track of.
        conn.reading().header.request_bytes += u64::from(len);
        return;
    }
    conn.cursor = Cursor {
        end: len,
        ..Cursor::default()
    };
    if len > 0 && !env.repeat(conn, Loop::Read) {
        bad(env, conn);
    }
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
    attend(env, conn);
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
    env.repeat(conn, Loop::Close);
    conn.over = true;
}

/// The server tries to read: it has turned to the connection.
#[inline(always)]
fn attend<E: Env>(env: &E, conn: &mut Conn) {
    if conn.attended_ns == 0 {
        conn.attended_ns = env.now();
    }
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
    conn.cur.far_end = 0;
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
