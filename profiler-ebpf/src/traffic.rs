//! What every back end hands its reads and writes to.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use profiler_common::account::Thread;
use profiler_common::pairing::conn::Conn;
use profiler_common::pairing::env::Env as _;
use profiler_common::pairing::machine::{self, EAGAIN};
use profiler_common::pairing::swar;
use profiler_common::stats::Counter;

use crate::arch::Syscall;
use crate::maps::{OPS, Place, count};
use crate::op::Op;
use crate::tasks::{Current, Task};
use crate::{arch, conns, daemon, tasks, threads};

/// A read or write that has returned.
#[derive(Clone, Copy)]
pub struct Io {
    /// The program that tells of it.
    pub place: Place,
    /// Address of the `struct sock`.
    pub sock: u64,
    /// Bytes, or a negative errno.
    pub ret: i64,
    /// Fewer than were to be written.
    pub short: bool,
    /// The call that made it.
    pub call: Call,
}

/// Where a system call is known from. No `enum`: the kernel refuses the type information
/// that the compiler makes of one with a value.
#[derive(Clone, Copy)]
pub struct Call {
    /// Whether it was kept; else it is in the thread's registers, which are read only if
    /// need be.
    kept: bool,
    call: Syscall,
}

impl Call {
    pub const IN_REGISTERS: Self = Self {
        kept: false,
        call: Syscall::NONE,
    };

    #[inline(always)]
    pub const fn kept(call: Syscall) -> Self {
        Self { kept: true, call }
    }
}

impl Io {
    #[inline(always)]
    fn syscall(&self, current: Current) -> Syscall {
        if self.call.kept {
            self.call.call
        } else {
            arch::current_syscall(current)
        }
    }
}

/// A read on a UNIX socket.
#[inline(always)]
pub fn received_unix(current: Current, task: &mut Task, io: Io) -> Option<()> {
    let thread = &mut task.thread;
    if thread.own_end == io.sock {
        thread.at_daemon = 1;
        // Of Apache's many reads only the last one matters.
        if io.ret <= 0 && io.ret != EAGAIN {
            let op = operation(io.place, thread, io.sock)?;
            daemon::read_to_end(op, thread);
        }
        return None;
    }
    thread.at_daemon = 0;
    if io.ret == EAGAIN {
        return None;
    }
    if thread.serving == io.sock {
        let op = operation(io.place, thread, io.sock)?;
        return match daemon::find(io.sock) {
            Some(handover) => daemon::daemon_received(op, current, thread, handover, io.ret),
            // Apache read the end first.
            None if io.ret <= 0 => {
                thread.release(op.now);
                None
            }
            None => None,
        };
    }
    if io.ret != i64::from(daemon::LENGTH_BYTES) {
        return None;
    }
    let handover = match daemon::find(io.sock) {
        Some(handover) => handover,
        None => daemon::begin_early(thread, io.sock)?,
    };
    let op = operation(io.place, thread, io.sock)?;
    op.descriptor = io.call.call.descriptor;
    daemon::daemon_received(op, current, thread, handover, io.ret)
}

/// A write on a UNIX socket.
#[inline(always)]
pub fn sent_unix(current: Current, task: &mut Task, io: Io) -> Option<()> {
    let thread = &mut task.thread;
    if thread.own_end == io.sock {
        thread.at_daemon = 1;
        if io.ret <= daemon::END_OF_BODY || daemon::has_it(thread) {
            return None;
        }
    } else {
        thread.at_daemon = 0;
    }
    if thread.serving == 0 {
        return None;
    }
    if thread.serving == io.sock {
        let handover = daemon::find(io.sock)?;
        let op = operation(io.place, thread, io.sock)?;
        if handover.wants_start() {
            op.fill(io.syscall(current), io.ret);
        }
        return daemon::daemon_sent(op, current, thread, handover, io.ret);
    }
    if io.ret > 0 {
        let op = operation(io.place, thread, io.sock)?;
        op.fill(io.syscall(current), io.ret);
        daemon::apache_sent(op, thread, &mut task.hints);
    }
    None
}

/// The current thread ends.
#[inline(always)]
pub fn ended(place: Place, thread: &mut Thread) -> Option<()> {
    if thread.serving == 0 && thread.loose == 0 {
        return None;
    }
    let op = operation(place, thread, thread.serving)?;
    if thread.serving != 0 {
        daemon::abandoned(op, thread.serving);
        thread.serving = 0;
    }
    daemon::forget_loose(thread);
    None
}

/// A read on a TCP socket.
#[inline(always)]
pub fn received(current: Current, task: &mut Task, io: Io) -> Option<()> {
    let thread = &mut task.thread;
    thread.at_daemon = 0;
    let known = conns::find(io.sock);
    if io.ret <= 0 {
        // SAFETY: a valid map value that only this socket's operations touch.
        let conn = unsafe { &mut *known? };
        let op = operation(io.place, thread, io.sock)?;
        let at = threads::moment(op, current);
        threads::book(op, thread, at, conn, conn.answered);
        machine::on_empty_read(op, conn, io.ret);
        threads::assign(op, thread, at, conn);
        return None;
    }
    let op = operation(io.place, thread, io.sock)?;
    op.fill(io.syscall(current), io.ret);
    let conn = match known {
        Some(conn) => conn,
        None => first_read(op, thread)?,
    };
    if op.buffers.is_opaque() {
        count(io.place, Counter::OpaqueIo);
    }
    // SAFETY: as above.
    let conn = unsafe { &mut *conn };
    let at = threads::moment(op, current);
    threads::book(op, thread, at, conn, conn.answered);
    machine::on_data(op, conn, io.ret as u32);
    threads::assign(op, thread, at, conn);
    None
}

/// A write on a TCP socket.
#[inline(always)]
pub fn sent(current: Current, task: &mut Task, io: Io) -> Option<()> {
    let thread = &mut task.thread;
    thread.at_daemon = 0;
    let sock = io.sock;
    let conn = match conns::find(sock) {
        Some(conn) => conn,
        // Only a connection from before the attach, or one that found no room, is
        // written to before it is read, unless the server is the client here.
        None if io.ret > 0 && conns::is_tcp(sock) && conns::is_served(sock) => {
            conns::open_or_stand_in(io.place, sock)?
        }
        None => {
            thread.speaks_to(sock);
            return None;
        }
    };
    let op = operation(io.place, thread, sock)?;
    op.fill(io.syscall(current), io.ret);
    // SAFETY: a valid map value that only this socket's operations touch.
    let conn = unsafe { &mut *conn };
    let at = threads::moment(op, current);
    threads::book(op, thread, at, conn, false);
    machine::on_write(op, conn, io.ret, io.short);
    threads::assign(op, thread, at, conn);
    None
}

/// The server shut down or closed the socket. If another thread does that than the one
/// that serves it (Apache's main thread when it stops at once), the latter may be in a
/// hook this moment: then the socket's end is soon enough.
#[inline(always)]
pub fn closed(place: Place, sock: u64) -> Option<()> {
    let conn = conns::find(sock)?;
    let (current, task) = tasks::current().filter(|(_, task)| task.thread.serving == sock)?;
    // SAFETY: a valid map value that only this socket's operations touch.
    let conn = unsafe { &mut *conn };
    let thread = &mut task.thread;
    let op = operation(place, thread, sock)?;
    let at = threads::moment(op, current);
    threads::book(op, thread, at, conn, false);
    machine::on_close(op, conn);
    threads::assign(op, thread, at, conn);
    Some(())
}

/// The kernel gives the socket up: no thread can reach it any more. An interrupt may
/// bring this; then whatever it interrupted does not serve this socket.
#[inline(always)]
pub fn gone(place: Place, sock: u64) -> Option<()> {
    let conn = conns::find(sock)?;
    if closed(place, sock).is_none() {
        // SAFETY: as above.
        machine::on_close(at_place(place, sock)?, unsafe { &mut *conn });
    }
    conns::close(sock);
    Some(())
}

/// An operation of that thread.
#[inline(always)]
fn operation(place: Place, thread: &Thread, sock: u64) -> Option<&'static mut Op> {
    let op = at_place(place, sock)?;
    op.task = thread.id;
    op.server = thread.server;
    op.origin = thread.origin;
    Some(op)
}

/// An operation whose bytes and thread do not matter.
#[inline(always)]
fn at_place(place: Place, sock: u64) -> Option<&'static mut Op> {
    // SAFETY: this CPU's own value, and no other program uses this place of it.
    let op = unsafe { &mut *OPS.get_ptr_mut(place as u32)? };
    op.place = place;
    op.sock = sock;
    // SAFETY: the helper takes nothing.
    op.now = unsafe { bpf_ktime_get_ns() };
    op.descriptor = u32::MAX;
    Some(op)
}

/// The first read on a socket that is not in the map: is it a server's?
#[inline(always)]
fn first_read(op: &mut Op, thread: &Thread) -> Option<*mut Conn> {
    if !conns::is_tcp(op.sock) {
        return None;
    }
    // A socket on which the thread spoke first is an upstream's.
    let is_upstream = thread.peer_sock == op.sock;
    if !conns::is_served(op.sock) && (is_upstream || !begins_like_request(op.word(0).bits)) {
        return None;
    }
    conns::open_or_stand_in(op.place, op.sock)
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
