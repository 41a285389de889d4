//! The record that crosses the ring buffer: one per finished request.
//!
//! A ring-buffer record is one [`RequestHeader`], followed by `path_len` bytes
//! of path. All times are `CLOCK_MONOTONIC` in nanoseconds
//! (`bpf_ktime_get_ns`); 0 means that it never happened.

use core::mem::{offset_of, size_of};

use crate::account::Spent;
use crate::limits::METHOD_CAP;

/// How a request ended. The numbers are the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// A final response was written.
    Ok = 0,
    /// The client hung up before the response was complete.
    ClientClosed = 1,
    /// The server closed the connection without a final response.
    ServerClosed = 2,
    /// The server gave up waiting for the request (status 408).
    Timeout = 3,
    /// The connection left HTTP (status 101, or CONNECT).
    Upgraded = 4,
}

impl Outcome {
    /// The outcome of that number, if there is one.
    #[must_use]
    pub const fn from_wire(n: u8) -> Option<Self> {
        Some(match n {
            0 => Self::Ok,
            1 => Self::ClientClosed,
            2 => Self::ServerClosed,
            3 => Self::Timeout,
            4 => Self::Upgraded,
            _ => return None,
        })
    }
}

/// [`RequestHeader::flags`]: the path is longer than what follows.
pub const FLAG_PATH_TRUNCATED: u8 = 1;
/// [`RequestHeader::flags`]: the request began before the probe was attached.
pub const FLAG_INCOMPLETE: u8 = 1 << 1;
/// [`RequestHeader::flags`]: the method is longer than [`METHOD_CAP`].
pub const FLAG_METHOD_TRUNCATED: u8 = 1 << 2;
/// [`RequestHeader::flags`]: the server answered something that was no request
/// line; version is empty, and method and path are but where only the version
/// was at fault.
pub const FLAG_MALFORMED: u8 = 1 << 3;
/// [`RequestHeader::flags`]: mod_wsgi began to run an application in the thread.
pub const FLAG_WSGI: u8 = 1 << 4;

/// [`RequestHeader::server`]: any server but Apache.
pub const SERVER_OTHER: u8 = 0;
/// [`RequestHeader::server`]: Apache, and [`FLAG_WSGI`] tells where mod_wsgi ran.
pub const SERVER_APACHE: u8 = 1;
/// [`RequestHeader::server`]: Apache, of whose mod_wsgi nothing is seen.
pub const SERVER_APACHE_BLIND: u8 = 2;

/// `AF_UNIX` (include/linux/socket.h).
pub const AF_UNIX: u16 = 1;

/// `AF_INET` (include/linux/socket.h).
pub const AF_INET: u16 = 2;
/// `AF_INET6` (include/linux/socket.h).
pub const AF_INET6: u16 = 10;

/// The fixed part of a finished request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct RequestHeader {
    /// The first byte of the request was read.
    pub first_byte_ns: u64,
    /// The request line was complete.
    pub line_ns: u64,
    /// The head (through the empty line) was complete.
    pub head_ns: u64,
    /// The first byte of the final response was written.
    pub first_write_ns: u64,
    /// The last byte so far was written, or the write that failed.
    pub last_write_ns: u64,
    /// Head and body as read from the socket.
    pub request_bytes: u64,
    /// Everything written in answer, interim responses included.
    pub response_bytes: u64,
    /// The connection was established; 0 but for its first request.
    pub established_ns: u64,
    /// The server first tried to read from the connection; 0 but for its first
    /// request.
    pub attended_ns: u64,
    /// The server's thread turned to the request.
    pub taken_ns: u64,
    /// It was last seen at work on it.
    pub released_ns: u64,
    /// Apache's first send to a mod_wsgi daemon.
    pub handed_ns: u64,
    /// The daemon thread turned to the request.
    pub daemon_taken_ns: u64,
    /// Its first read.
    pub daemon_read_ns: u64,
    /// The application started in the daemon: `200 Continue` was written, or else
    /// the environ was read.
    pub application_ns: u64,
    /// The daemon was done with the request.
    pub daemon_done_ns: u64,
    /// Of [`crate::intern::Names`] in the map of interned blobs; 0 for none.
    pub names: u64,
    /// Of the [`crate::intern::Peer`] that was waited for longest at a time.
    pub upstream: u64,
    /// What the server's threads spent on it.
    pub spent: Spent,
    /// What the daemon's thread spent on it.
    pub daemon_spent: Spent,
    /// mod_wsgi daemon process; 0 where none took the request.
    pub daemon_pid: u32,
    /// Its thread.
    pub daemon_tid: u32,
    /// Thread group that wrote last (the Apache child).
    pub pid: u32,
    /// Thread that wrote last.
    pub tid: u32,
    /// The root that it descends from ([`crate::watched::Watched::origin`]).
    pub origin: u32,
    /// Zero.
    pub reserved_too: u32,
    /// Peer of the connection; IPv4 fills the first 4 bytes.
    pub client_addr: [u8; 16],
    /// Local end of the connection; IPv4 fills the first 4 bytes.
    pub server_addr: [u8; 16],
    /// Host byte order.
    pub client_port: u16,
    /// Host byte order.
    pub server_port: u16,
    /// [`AF_INET`] or [`AF_INET6`].
    pub family: u16,
    /// Final status; 0 where none was written.
    pub status: u16,
    /// Bytes of path that follow the header; at most [`crate::limits::PATH_MAX`].
    pub path_len: u16,
    /// Bytes used in `method`.
    pub method_len: u8,
    /// Version of the request line: 9, 10, 11; 0 where unknown.
    pub version: u8,
    /// An [`Outcome`].
    pub outcome: u8,
    /// Of the `FLAG_` constants.
    pub flags: u8,
    /// Of the `SERVER_` constants.
    pub server: u8,
    /// Zero.
    pub reserved: u8,
    /// The method token as sent.
    pub method: [u8; METHOD_CAP],
}

impl RequestHeader {
    /// All zero. `Default` is no `const fn`.
    pub const EMPTY: Self = Self {
        first_byte_ns: 0,
        line_ns: 0,
        head_ns: 0,
        first_write_ns: 0,
        last_write_ns: 0,
        request_bytes: 0,
        response_bytes: 0,
        established_ns: 0,
        attended_ns: 0,
        taken_ns: 0,
        released_ns: 0,
        handed_ns: 0,
        daemon_taken_ns: 0,
        daemon_read_ns: 0,
        application_ns: 0,
        daemon_done_ns: 0,
        names: 0,
        upstream: 0,
        spent: Spent::EMPTY,
        daemon_spent: Spent::EMPTY,
        daemon_pid: 0,
        daemon_tid: 0,
        pid: 0,
        tid: 0,
        origin: 0,
        reserved_too: 0,
        client_addr: [0; 16],
        server_addr: [0; 16],
        client_port: 0,
        server_port: 0,
        family: 0,
        status: 0,
        path_len: 0,
        method_len: 0,
        version: 0,
        outcome: 0,
        flags: 0,
        server: 0,
        reserved: 0,
        method: [0; METHOD_CAP],
    };

    /// The header in a record.
    #[must_use]
    pub const fn from_bytes(bytes: &[u8; HEADER_SIZE]) -> Self {
        // SAFETY: same size; integers without padding, for which all bytes do.
        unsafe { core::mem::transmute_copy(bytes) }
    }

    /// Its bytes in a record.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; HEADER_SIZE] {
        // SAFETY: same size; without padding, so that every byte is set.
        unsafe { core::mem::transmute(self) }
    }
}

/// Size of [`RequestHeader`] on the wire, bytes.
pub const HEADER_SIZE: usize = size_of::<RequestHeader>();

// The kernel and the user side are compiled by different compilers.
const _: () = {
    assert!(HEADER_SIZE == 392);
    assert!(offset_of!(RequestHeader, spent) == 144);
    assert!(offset_of!(RequestHeader, pid) == 296);
    assert!(offset_of!(RequestHeader, client_addr) == 312);
    assert!(offset_of!(RequestHeader, path_len) == 352);
    assert!(offset_of!(RequestHeader, method) == 360);
};
