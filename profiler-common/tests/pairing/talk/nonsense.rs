//! What no client and no server would do.

use profiler_common::pairing::machine;
use profiler_common::pairing::view::VIEW_BYTES;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::host::Connection;

/// Pieces of HTTP, so that nonsense made of them reaches every state.
const FRAGMENTS: [&[u8]; 24] = [
    b"GET ",
    b"GET /a HTTP/1.1\r\n\r\n",
    b"GET /a HTTP/1.1\r\n",
    b"POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
    b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\n\r\n",
    b"GET /old\r\n",
    b"Content-Length: 99999999999999999999999\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"\r\n",
    b"\n",
    b" ",
    b"?",
    b"5\r\nhello\r\n",
    b"ffffffffffffffff\r\n",
    b"0\r\n\r\n",
    b" HTTP/1.1\r\n",
    b" HTTP/2.0\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 408 Request Timeout\r\n\r\n",
    b"HTTP/1.1 999",
];

/// One thing that happens to a connection.
#[derive(Clone, Debug)]
pub enum Operation {
    Read(Vec<u8>),
    /// Bytes out of reach.
    ReadUnseen(u32),
    ReadNothing(i64),
    Write(Vec<Vec<u8>>, bool),
    /// Bytes out of reach.
    WriteOpaque(u32),
    WriteFails(i64),
    Close,
}

/// What the surroundings have room for.
#[derive(Clone, Debug)]
pub struct Surroundings {
    pub known_from_start: bool,
    pub queue_room: usize,
    pub long_path_room: usize,
    pub ring_room: usize,
    pub readable: usize,
    /// Bytes that are looked at together.
    pub window_room: usize,
}

/// Bytes, more or less like HTTP.
pub fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        8 => select(FRAGMENTS.to_vec()).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..20),
        1 => (0..9000_usize).prop_map(|len| vec![b'x'; len]),
    ];
    vec(fragment, 1..8).prop_map(|fragments| fragments.concat())
}

pub fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let errno = || prop_oneof![Just(-11_i64), Just(0), Just(-104), Just(-32), -200..0_i64];
    let operation = prop_oneof![
        6 => bytes().prop_map(Operation::Read),
        1 => (1..10_000_u32).prop_map(Operation::ReadUnseen),
        2 => errno().prop_map(Operation::ReadNothing),
        5 => (vec(bytes(), 1..4), any::<bool>())
            .prop_map(|(buffers, short)| Operation::Write(buffers, short)),
        1 => (1..100_000_u32).prop_map(Operation::WriteOpaque),
        1 => errno().prop_map(Operation::WriteFails),
        1 => Just(Operation::Close),
    ];
    vec(operation, 1..30)
}

pub fn surroundings() -> impl Strategy<Value = Surroundings> {
    let room = || prop_oneof![2 => Just(usize::MAX), 1 => 0..4_usize];
    let readable = prop_oneof![4 => Just(usize::MAX), 1 => 0..100_usize];
    let window = prop_oneof![Just(VIEW_BYTES as usize), 1..100_usize];
    (any::<bool>(), room(), room(), room(), readable, window).prop_map(
        |(known_from_start, queue_room, long_path_room, ring_room, readable, window_room)| {
            Surroundings {
                known_from_start,
                queue_room,
                long_path_room,
                ring_room,
                readable,
                window_room,
            }
        },
    )
}

impl Surroundings {
    pub fn connection(&self) -> Connection {
        let mut connection = if self.known_from_start {
            Connection::new()
        } else {
            Connection::old()
        };
        connection.host.queue_room = self.queue_room;
        connection.host.long_path_room = self.long_path_room;
        connection.host.ring_room = self.ring_room;
        connection.host.readable = self.readable;
        connection.host.window_room = self.window_room;
        connection
    }
}

impl Operation {
    pub fn perform(&self, connection: &mut Connection) {
        match self {
            Self::Read(bytes) if bytes.is_empty() => connection.would_block(),
            Self::Read(bytes) => connection.read(bytes),
            Self::ReadUnseen(len) => connection.read_unseen(*len),
            Self::ReadNothing(ret) => connection.read_nothing(*ret),
            Self::Write(buffers, short) => {
                let Connection { host, conn } = connection;
                host.now += 10;
                host.buffers.clone_from(buffers);
                let len: usize = buffers.iter().map(Vec::len).sum();
                let taken = if *short { len / 2 } else { len };
                machine::on_write(host, conn, taken as i64, *short);
            }
            Self::WriteOpaque(len) => {
                let Connection { host, conn } = connection;
                host.now += 10;
                host.buffers.clear();
                machine::on_write(host, conn, i64::from(*len), false);
            }
            Self::WriteFails(ret) => connection.write_fails(*ret),
            Self::Close => connection.close(),
        }
    }
}
