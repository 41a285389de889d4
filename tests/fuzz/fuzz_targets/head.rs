//! What a client sends: the same must come out however it is cut into reads and
//! however much is looked at together, and what a parser of heads says.
//!
//! Input: how much is looked at together, how much a read brings, and the stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use profiler_common::event::RequestHeader;
use profiler_common::limits::{METHOD_CAP, PATH_INLINE};
use profiler_common::stats::Counter;
use under_fuzz::host::{Connection, Emitted};
use under_fuzz::input::Input;

/// Reads all of it, `read` bytes at a time, gets an answer and is closed.
fn follow(stream: &[u8], read: usize, together: Option<usize>) -> Connection {
    let mut connection = Connection::new();
    if let Some(together) = together {
        connection.host.window_room = together;
    }
    for piece in stream.chunks(read) {
        connection.read(piece);
        connection.assert_balanced();
    }
    connection.write(b"HTTP/1.1 200 OK\r\n\r\n");
    connection.assert_balanced();
    connection.close();
    connection.assert_balanced();
    assert_eq!(connection.in_flight(), 0);
    assert!(connection.host.queue.is_empty());
    assert!(connection.host.long_paths.is_empty());
    connection
}

/// A record but for its times.
fn timeless(e: &Emitted) -> (String, String, RequestHeader) {
    let header = RequestHeader {
        first_byte_ns: 0,
        line_ns: 0,
        head_ns: 0,
        first_write_ns: 0,
        last_write_ns: 0,
        method: [0; METHOD_CAP],
        ..e.header
    };
    (e.method.clone(), e.path.clone(), header)
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let together = usize::from(input.byte()).max(1);
    let read = usize::from(input.byte()).max(1);
    let stream = input.0;
    if stream.is_empty() {
        return;
    }
    let whole = follow(stream, stream.len(), None);
    let slow = follow(stream, stream.len(), Some(1));
    let cut = follow(stream, read, Some(together));
    for other in [&slow, &cut] {
        let emitted = |c: &Connection| c.host.emitted.iter().map(timeless).collect::<Vec<_>>();
        assert_eq!(emitted(&whole), emitted(other));
        for &counter in Counter::ALL {
            // Of what turns out to be no path, more may have been kept before.
            if counter != Counter::PathTruncated {
                assert_eq!(
                    whole.count(counter),
                    other.count(counter),
                    "{}",
                    counter.name()
                );
            }
        }
    }
    as_parsed(stream, &whole);
});

/// The first request of the stream, if a parser finds one.
fn as_parsed(stream: &[u8], whole: &Connection) {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    let Ok(httparse::Status::Complete(_)) = request.parse(stream) else {
        return;
    };
    let first = whole.host.emitted.first().expect("a request was parsed");
    let method = request.method.unwrap_or_default();
    assert_eq!(first.method, method[..method.len().min(METHOD_CAP)]);
    let path = request.path.unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    if path.len() <= PATH_INLINE && path.is_ascii() {
        assert_eq!(first.path, path);
    }
    assert_eq!(
        first.header.version,
        10 + request.version.unwrap_or_default()
    );
    assert_eq!(first.header.status, 200);
}
