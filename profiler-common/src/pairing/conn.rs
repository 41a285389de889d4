//! What is kept per connection, as it lies in the kernel's map.

use core::mem::{offset_of, size_of};

use super::scan::{Cursor, Scanner};
use crate::event::{HEADER_SIZE, RequestHeader};
use crate::limits::{PATH_INLINE, PATH_PIECE};

/// How far a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum SlotState {
    /// None here.
    #[default]
    Empty = 0,
    /// Inside the request line.
    Partial,
    /// The request line is complete: seen, and owed a record.
    Ready,
    /// What was read is no request line. Counts as a request only if answered.
    Malformed,
    /// The middle of a response that began before the attach.
    Tail,
    /// A pipelined request that found no room: already counted as lost, kept
    /// only so that its answer is not taken for another's.
    Skipped,
}

/// One request: the record's header and, right behind it, its path.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Slot {
    /// What will be emitted.
    pub header: RequestHeader,
    /// Path bytes, with slack so that the verifier can bound the last piece.
    pub path: [u8; PATH_INLINE + PATH_PIECE + 1],
    /// The daemon's socket to which it was handed: address of the kernel's
    /// `struct sock`, 0 for none.
    pub far_end: u64,
    /// Number of the request on its connection; names its long path.
    pub seq: u32,
    /// How far it is.
    pub state: SlotState,
    /// The path lives in the long-path map.
    pub long_path: bool,
    /// Zero.
    pub reserved: [u8; 2],
}

impl Slot {
    /// Nothing yet.
    pub const EMPTY: Self = Self {
        header: RequestHeader::EMPTY,
        path: [0; PATH_INLINE + PATH_PIECE + 1],
        far_end: 0,
        seq: 0,
        state: SlotState::Empty,
        long_path: false,
        reserved: [0; 2],
    };
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Endpoints {
    /// Peer; IPv4 fills the first 4 bytes.
    pub client_addr: [u8; 16],
    /// Local; IPv4 fills the first 4 bytes.
    pub server_addr: [u8; 16],
    /// Host byte order.
    pub client_port: u16,
    /// Host byte order.
    pub server_port: u16,
    /// `AF_INET` or `AF_INET6`.
    pub family: u16,
    /// Zero.
    pub reserved: u16,
}

/// One watched connection: a value of the connection map.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Conn {
    /// Follows what the client sends.
    pub scan: Scanner,
    /// Where the operation under way is.
    pub cursor: Cursor,
    /// Who talks to whom.
    pub ends: Endpoints,
    /// The connection was established (ns), 0 if before the attach.
    pub established_ns: u64,
    /// The server first tried to read from it (ns).
    pub attended_ns: u64,
    /// The queue of the connection holds numbers `queue_head..queue_tail`.
    pub queue_head: u32,
    /// See `queue_head`.
    pub queue_tail: u32,
    /// Number of the next request to begin.
    pub next_seq: u32,
    /// Pipelined requests that found no room and are not yet answered.
    pub gap: u32,
    /// The request being read is `next`, not `cur`.
    pub ahead: bool,
    /// `cur`'s final response has begun.
    pub answered: bool,
    /// The last write would have blocked: the response goes on later.
    pub blocked: bool,
    /// The last write closed a chunk that was not the last: more is to come.
    pub chunk_open: bool,
    /// The server has tried to read while a chunk was open: it flushes the end of
    /// the response only then, and it is done with that.
    pub asked: bool,
    /// A write failed: the client is gone.
    pub write_failed: bool,
    /// The client has shut down its side.
    pub peer_closed: bool,
    /// The client has reset the connection.
    pub peer_reset: bool,
    /// The server has shut down its side: what it reads from there on it throws away.
    pub shut: bool,
    /// Nothing on this connection is HTTP any more (closing, or upgraded).
    pub over: bool,
    /// Has no place in the map: its requests are counted as lost.
    pub untracked: bool,
    /// Came into the map after that had been full: what is not known of it was
    /// lost then, and is counted when it is answered.
    pub late: bool,
    /// Zero.
    pub reserved: [u8; 4],
    /// The request being answered, or the only one.
    pub cur: Slot,
    /// The request being read while `cur` is still unanswered.
    pub next: Slot,
}

impl Conn {
    /// A connection of which nothing is known.
    pub const EMPTY: Self = Self {
        scan: Scanner::EMPTY,
        cursor: Cursor {
            left: 0,
            pos: 0,
            end: 0,
            token: 0,
            token_end: 0,
            start: 0,
            buffer: 0,
        },
        ends: Endpoints {
            client_addr: [0; 16],
            server_addr: [0; 16],
            client_port: 0,
            server_port: 0,
            family: 0,
            reserved: 0,
        },
        established_ns: 0,
        attended_ns: 0,
        queue_head: 0,
        queue_tail: 0,
        next_seq: 0,
        gap: 0,
        ahead: false,
        answered: false,
        blocked: false,
        chunk_open: false,
        asked: false,
        write_failed: false,
        peer_closed: false,
        peer_reset: false,
        shut: false,
        over: false,
        untracked: false,
        late: false,
        reserved: [0; 4],
        cur: Slot::EMPTY,
        next: Slot::EMPTY,
    };

    /// Requests on this connection that are seen and not yet reported, those
    /// waiting in the queue excepted. A stand-in's are lost.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        if self.untracked {
            return 0;
        }
        u64::from(self.cur.state == SlotState::Ready)
            + u64::from(self.next.state == SlotState::Ready)
    }

    /// Whether all that the server read from it was seen: a process that is not yet
    /// watched may have read from a connection that is known.
    #[inline(always)]
    #[must_use]
    pub fn known_from_start(&self) -> bool {
        self.established_ns != 0 && self.attended_ns != 0
    }

    /// Whether a server's thread is at work on a request of it.
    #[inline(always)]
    #[must_use]
    pub fn is_served(&self) -> bool {
        matches!(
            self.cur.state,
            SlotState::Partial | SlotState::Ready | SlotState::Malformed
        )
    }

    /// The request being read.
    #[inline(always)]
    pub fn reading(&mut self) -> &mut Slot {
        if self.ahead {
            &mut self.next
        } else {
            &mut self.cur
        }
    }

    /// Whether requests have been read whose turn has not come.
    #[inline(always)]
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.ahead || self.queue_head != self.queue_tail || self.gap != 0
    }
}

/// Size of [`Conn`] in the map, bytes.
pub const CONN_SIZE: usize = size_of::<Conn>();

// Header and path are emitted as one stretch of memory.
const _: () = {
    assert!(offset_of!(Slot, path) == HEADER_SIZE);
    assert!(CONN_SIZE.is_multiple_of(8));
    assert!(CONN_SIZE < 2048);
};
