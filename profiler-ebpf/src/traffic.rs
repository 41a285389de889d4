//! What every back end hands its reads and writes to.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use profiler_common::pairing::conn::Conn;
use profiler_common::pairing::env::Env as _;
use profiler_common::pairing::machine::{self, EAGAIN};
use profiler_common::pairing::swar;
use profiler_common::stats::Counter;

use crate::arch::Syscall;
use crate::maps::{OPS, Place, THREADS, count};
use crate::op::Op;
use crate::{conns, daemon, threads};

/// Who reads or writes.
#[derive(Clone, Copy)]
pub struct Task {
    /// As `bpf_get_current_pid_tgid` gives it.
    pub id: u64,
    /// What kind of server it belongs to: of the `SERVER_` constants.
    pub server: u32,
}

/// A read or write that has returned.
#[derive(Clone, Copy)]
pub struct Io {
    /// Address of the `struct sock`.
    pub sock: u64,
    /// Bytes, or a negative errno.
    pub ret: i64,
    /// The call that made it.
    pub call: Syscall,
}

/// A read on a UNIX socket.
#[inline(always)]
pub fn received_unix(task: Task, io: Io) -> Option<()> {
    if io.ret == EAGAIN {
        return None;
    }
    // Of Apache's many reads only the last one matters.
    let handover = daemon::find(io.sock);
    let may_begin = io.ret == i64::from(daemon::LENGTH_BYTES);
    if handover.is_none() && !may_begin && io.ret > 0 {
        return None;
    }
    let op = operation(Place::Traffic, task, io)?;
    let handover = match handover {
        None if may_begin => Some(daemon::begin_early(op)?),
        found => found,
    };
    match handover {
        Some(handover) => daemon::daemon_received(op, handover, io.ret),
        None => daemon::read_to_end(op),
    }
}

/// A write on a UNIX socket.
#[inline(always)]
pub fn sent_unix(task: Task, io: Io) -> Option<()> {
    let op = operation(Place::Traffic, task, io)?;
    match daemon::find(io.sock) {
        Some(handover) => daemon::daemon_sent(op, handover, io.ret),
        None => daemon::apache_sent(op, io.ret),
    }
}

/// The current thread ends.
#[inline(always)]
pub fn ended(task: u64) -> Option<()> {
    let thread = threads::find(task as u32)?;
    let task = Task {
        id: task,
        server: 0,
    };
    let op = operation(Place::Traffic, task, Io::end(thread.serving))?;
    if thread.serving != 0 {
        daemon::abandoned(op, thread.serving);
    }
    daemon::forget_loose(op, thread);
    let _ = THREADS.remove(op.task as u32);
    None
}

/// A read on a TCP socket.
#[inline(always)]
pub fn received(task: Task, io: Io) -> Option<()> {
    let op = operation(Place::Traffic, task, io)?;
    let known = conns::find(io.sock);
    if io.ret <= 0 {
        // SAFETY: a valid map value that only this socket's operations touch.
        let conn = unsafe { &mut *known? };
        threads::book(op, conn, conn.answered);
        machine::on_empty_read(op, conn, io.ret);
        threads::assign(op, conn);
        return None;
    }
    let conn = match known {
        Some(conn) => conn,
        None => first_read(op)?,
    };
    if op.buffers.is_opaque() {
        count(Place::Traffic, Counter::OpaqueIo);
    }
    // SAFETY: as above.
    let conn = unsafe { &mut *conn };
    threads::book(op, conn, conn.answered);
    machine::on_data(op, conn, io.ret as u32);
    threads::assign(op, conn);
    None
}

/// A write on a TCP socket; `short` if less than was asked for.
#[inline(always)]
pub fn sent(task: Task, io: Io, short: bool) -> Option<()> {
    let op = operation(Place::Traffic, task, io)?;
    let sock = io.sock;
    let conn = match conns::find(sock) {
        Some(conn) => conn,
        // Only a connection from before the attach, or one that found no room, is
        // written to before it is read, unless the server is the client here.
        None if io.ret > 0 && conns::is_tcp(sock) && conns::is_served(sock) => {
            conns::open_or_stand_in(sock)?
        }
        None => {
            threads::find(op.task as u32)?.speaks_to(sock);
            return None;
        }
    };
    // SAFETY: a valid map value that only this socket's operations touch.
    let conn = unsafe { &mut *conn };
    threads::book(op, conn, false);
    machine::on_write(op, conn, io.ret, short);
    threads::assign(op, conn);
    None
}

/// The server shut down or closed the socket, or the kernel gives it up.
#[inline(always)]
pub fn closed(place: Place, sock: u64) -> Option<()> {
    let conn = conns::find(sock)?;
    let task = Task {
        // An interrupt may bring this too; then whatever it interrupted does not
        // serve this socket.
        id: bpf_get_current_pid_tgid(),
        server: 0,
    };
    let op = operation(place, task, Io::end(sock))?;
    // SAFETY: a valid map value that only this socket's operations touch.
    let conn = unsafe { &mut *conn };
    threads::book(op, conn, false);
    machine::on_close(op, conn);
    threads::assign(op, conn);
    Some(())
}

impl Io {
    /// None: the socket's or the thread's end.
    const fn end(sock: u64) -> Self {
        Self {
            sock,
            ret: 0,
            call: Syscall::NONE,
        }
    }
}

#[inline(always)]
fn operation(place: Place, task: Task, io: Io) -> Option<&'static mut Op> {
    // SAFETY: this CPU's own value, and no other program uses this place of it.
    let op = unsafe { &mut *OPS.get_ptr_mut(place as u32)? };
    op.place = place;
    op.sock = io.sock;
    // SAFETY: the helper takes nothing.
    op.now = unsafe { bpf_ktime_get_ns() };
    op.task = task.id;
    op.server = task.server;
    op.descriptor = io.call.descriptor;
    op.buffers = io.call.buffers;
    op.len = io.ret as u32;
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
    if !conns::is_served(op.sock) && (is_upstream(op) || !begins_like_request(op.word(0).bits)) {
        return None;
    }
    conns::open_or_stand_in(op.sock)
}

/// Whether the thread spoke first.
#[inline(always)]
fn is_upstream(op: &Op) -> bool {
    threads::find(op.task as u32).is_some_and(|thread| thread.peer_sock == op.sock)
}

/// On other ports (a listener that was opened after the attach), only what begins
/// like a request counts: a word, and a space behind it. Neither the answers that an
/// HTTP client reads do, nor those of most databases.
#[inline(always)]
fn begins_like_request(bits: u64) -> bool {
    const ANSWER: u64 = u64::from_le_bytes(*b"HTTP/\0\0\0");
    let end = swar::first(swar::below(bits, 0x21));
    (bits as u8).is_ascii_alphabetic()
        && bits & 0xff_ffff_ffff != ANSWER
        && (end == 8 || swar::byte(bits, end) == b' ')
}
