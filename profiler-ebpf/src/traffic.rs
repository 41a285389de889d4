//! What every back end hands its reads and writes to.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use profiler_common::pairing::conn::Conn;
use profiler_common::pairing::env::Env as _;
use profiler_common::pairing::machine;
use profiler_common::stats::Counter;

use crate::conns;
use crate::maps::{OPS, Place, count};
use crate::op::Op;
use crate::user::Buffers;

/// A read on a socket returned `ret`.
#[inline(always)]
pub fn received(sock: u64, task: u64, ret: i64, buffers: Buffers) -> Option<()> {
    let op = operation(Place::Traffic, sock, task, ret, buffers)?;
    let known = conns::find(sock);
    if ret <= 0 {
        // SAFETY: a valid map value that only this socket's operations touch.
        machine::on_empty_read(op, unsafe { &mut *known? }, ret);
        return None;
    }
    let conn = match known {
        Some(conn) => conn,
        None => first_read(op)?,
    };
    if buffers.is_opaque() {
        count(Place::Traffic, Counter::OpaqueIo);
    }
    // SAFETY: as above.
    machine::on_data(op, unsafe { &mut *conn }, ret as u32);
    None
}

/// A write on a socket returned `ret`; `short` if less than was asked for.
#[inline(always)]
pub fn sent(sock: u64, task: u64, ret: i64, short: bool, buffers: Buffers) -> Option<()> {
    let op = operation(Place::Traffic, sock, task, ret, buffers)?;
    let conn = match conns::find(sock) {
        Some(conn) => conn,
        // Only a connection from before the attach, or one that found no room, is
        // written to before it is read, unless the server is the client here.
        None if ret > 0 && conns::is_tcp(sock) && conns::is_served(sock) => {
            conns::open_or_stand_in(sock)?
        }
        None => return None,
    };
    // SAFETY: a valid map value that only this socket's operations touch.
    machine::on_write(op, unsafe { &mut *conn }, ret, short);
    None
}

/// The server shut down or closed the socket, or the kernel gives it up.
#[inline(always)]
pub fn closed(place: Place, sock: u64) -> Option<()> {
    let conn = conns::find(sock)?;
    let op = operation(place, sock, 0, 0, Buffers::OPAQUE)?;
    // SAFETY: a valid map value that only this socket's operations touch.
    machine::on_close(op, unsafe { &mut *conn });
    Some(())
}

#[inline(always)]
fn operation(
    place: Place,
    sock: u64,
    task: u64,
    ret: i64,
    buffers: Buffers,
) -> Option<&'static mut Op> {
    // SAFETY: this CPU's own value, and no other program uses this place of it.
    let op = unsafe { &mut *OPS.get_ptr_mut(place as u32)? };
    op.place = place;
    op.sock = sock;
    // SAFETY: the helper takes nothing.
    op.now = unsafe { bpf_ktime_get_ns() };
    op.task = task;
    op.buffers = buffers;
    op.len = ret as u32;
    op.window_start = 0;
    op.window_end = 0;
    Some(op)
}

/// The first read on a socket that is not in the map: is it a server's?
#[inline(always)]
fn first_read(op: &mut Op) -> Option<*mut Conn> {
    if !conns::is_tcp(op.sock) {
        return None;
    }
    if !conns::is_served(op.sock) && !begins_like_request(op.word(0).bits) {
        return None;
    }
    conns::open_or_stand_in(op.sock)
}

/// On other ports (a listener that was opened after the attach), only what begins
/// like a request counts, which the answers that a client reads do not.
#[inline(always)]
fn begins_like_request(bits: u64) -> bool {
    const ANSWER: u64 = u64::from_le_bytes(*b"HTTP/\0\0\0");
    (bits as u8).is_ascii_alphabetic() && bits & 0xff_ffff_ffff != ANSWER
}
