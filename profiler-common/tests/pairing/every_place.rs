//! One conversation, cut, ended and disturbed at every single place.

use profiler_common::event::{FLAG_MALFORMED, Outcome};
use profiler_common::pairing::view::VIEW_BYTES;
use profiler_common::stats::Counter;

use crate::host::Connection;

/// What is sent, and where it is that the line of each request is complete, and the
/// request itself.
struct Stream {
    bytes: Vec<u8>,
    lines: Vec<usize>,
    ends: Vec<usize>,
    wanted: Vec<String>,
}

fn stream() -> Stream {
    const REQUESTS: [(&str, &str, &str); 5] = [
        (
            "GET /a?q=1 HTTP/1.1\r\n",
            "Host: a\r\nCookie: c=d\r\nJ: k\r\n\r\n",
            "GET /a 200",
        ),
        (
            "POST /b HTTP/1.1\r\n",
            "Content-Type: t\r\ncontent-length: 12\r\nTE: x\r\n\r\nGET /no HTTP",
            "POST /b 200",
        ),
        (
            "PUT /c HTTP/1.0\n",
            "Transfer-Encoding: gzip, Chunked\n\n4;x=y\r\nGET \r\n10\r\n/no HTTP/1.1\r\n\r\n\r\n0\r\nT: v\r\n\r\n",
            "PUT /c 200",
        ),
        (
            "\r\nPROPFINDX http://h/d HTTP/1.1\r\n",
            "X: y\r\n\r\n",
            "PROPFINDX http://h/d 200",
        ),
        (
            "DELETE * HTTP/1.1\r\n",
            "Connection: close\r\nContent-Length: 0\r\n\r\n",
            "DELETE * 200",
        ),
    ];
    let mut stream = Stream {
        bytes: Vec::new(),
        lines: Vec::new(),
        ends: Vec::new(),
        wanted: Vec::new(),
    };
    for (line, rest, wanted) in REQUESTS {
        stream.bytes.extend(line.bytes());
        stream.lines.push(stream.bytes.len());
        stream.bytes.extend(rest.bytes());
        stream.ends.push(stream.bytes.len());
        stream.wanted.push(wanted.to_owned());
    }
    stream
}

fn before(places: &[usize], place: usize) -> usize {
    places.iter().filter(|&&p| p <= place).count()
}

fn connection(window_room: usize) -> Connection {
    let mut connection = Connection::new();
    connection.host.window_room = window_room;
    connection
}

const ROOMS: [usize; 6] = [1, 7, 8, 9, 64, VIEW_BYTES as usize];
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn cut_in_two_at_every_place() {
    let Stream { bytes, wanted, .. } = stream();
    for room in ROOMS {
        for cut in 1..bytes.len() {
            let mut connection = connection(room);
            connection.read(&bytes[..cut]);
            connection.assert_balanced();
            connection.read(&bytes[cut..]);
            connection.assert_balanced();
            for _ in &wanted {
                connection.write(ANSWER);
                connection.assert_balanced();
            }
            connection.close();
            assert_eq!(connection.lines(), wanted, "cut at {cut}, {room} together");
        }
    }
}

/// Each request is answered as soon as it is read, wherever the reads are cut.
#[test]
fn answered_in_between_at_every_place() {
    let Stream {
        bytes,
        ends,
        wanted,
        ..
    } = stream();
    for room in ROOMS {
        for step in 1..bytes.len() {
            let mut connection = connection(room);
            let mut answered = 0;
            for (index, piece) in bytes.chunks(step).enumerate() {
                connection.read(piece);
                let read = index * step + piece.len();
                while answered < before(&ends, read) {
                    connection.write(ANSWER);
                    answered += 1;
                }
                connection.assert_balanced();
            }
            connection.would_block();
            assert_eq!(
                connection.lines(),
                wanted,
                "{step} at a time, {room} together"
            );
        }
    }
}

/// The connection ends, by either side: every request whose line was complete is
/// reported, and no other.
#[test]
fn ended_at_every_place() {
    let Stream {
        bytes,
        lines,
        wanted,
        ..
    } = stream();
    for room in ROOMS {
        for end in 1..=bytes.len() {
            for ret in [None, Some(0), Some(-104)] {
                let mut connection = connection(room);
                connection.read(&bytes[..end]);
                if let Some(ret) = ret {
                    connection.read_nothing(ret);
                }
                connection.close();
                connection.assert_balanced();
                assert_eq!(connection.in_flight(), 0);
                let complete = before(&lines, end);
                assert_eq!(
                    connection.count(Counter::Seen),
                    complete as u64,
                    "ended at {end}"
                );
                let unanswered = wanted[..complete]
                    .iter()
                    .map(|line| line.replace(" 200", " 0"));
                assert!(
                    connection.lines().into_iter().eq(unanswered),
                    "ended at {end}"
                );
                let outcome = match ret {
                    None => Outcome::ServerClosed,
                    Some(_) => Outcome::ClientClosed,
                };
                assert!(
                    connection
                        .host
                        .emitted
                        .iter()
                        .all(|e| e.outcome() == outcome)
                );
            }
        }
    }
}

/// The server refuses in the middle: what it answers counts once, and what had no
/// complete line is reported as malformed.
#[test]
fn refused_at_every_place() {
    let Stream {
        bytes, lines, ends, ..
    } = stream();
    for room in ROOMS {
        for place in 1..lines[0] + 40 {
            let mut connection = connection(room);
            connection.read(&bytes[..place]);
            connection.write(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            connection.write_fails(-32);
            connection.close();
            connection.assert_balanced();
            let whole = before(&lines, place).max(1);
            assert_eq!(connection.host.emitted.len(), whole, "refused at {place}");
            let first = &connection.host.emitted[0].header;
            assert_eq!(first.status, 400);
            let malformed = place < lines[0];
            assert_eq!(
                first.flags & FLAG_MALFORMED != 0,
                malformed,
                "refused at {place}"
            );
            assert!(whole == 1 || place > ends[0]);
        }
    }
}
