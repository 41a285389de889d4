//! What goes wrong, begins in the middle or is no HTTP.

use profiler_common::event::{FLAG_INCOMPLETE, FLAG_MALFORMED, Outcome};
use profiler_common::stats::Counter;

use crate::host::Connection;
use crate::{GET, OK};

#[test]
fn a_client_that_hangs_up() {
    let mut c = Connection::new();
    c.read(GET);
    c.conn.peer_closed = true;
    c.close();
    assert_eq!(c.host.emitted[0].outcome(), Outcome::ClientClosed);

    let mut c = Connection::new();
    c.read(GET);
    c.write(OK);
    c.write_fails(-32);
    c.close();
    assert_eq!(c.host.emitted[0].outcome(), Outcome::ClientClosed);
    assert_eq!(c.lines(), ["GET /a 200"]);
    c.assert_balanced();
}

#[test]
fn a_half_closed_client_still_gets_its_answer() {
    let mut c = Connection::new();
    c.read(GET);
    c.read_nothing(0);
    c.write(OK);
    c.close();
    assert_eq!(c.host.emitted[0].outcome(), Outcome::Ok);
}

/// Apache's listener closes a kept connection as the next request comes.
#[test]
fn what_is_read_behind_the_servers_shutdown_is_no_request() {
    let mut c = Connection::new();
    c.read(GET);
    c.write(OK);
    c.would_block();
    c.shut();
    c.read(GET);
    c.read_nothing(0);
    c.close();
    assert_eq!(c.lines(), ["GET /a 200"]);
    assert_eq!(c.count(Counter::Seen), 1);
    c.assert_balanced();
}

/// The answer was out, but nothing had been read behind it.
#[test]
fn a_shutdown_takes_no_answer_away() {
    let mut c = Connection::new();
    c.read(GET);
    c.write(OK);
    c.shut();
    c.read(GET);
    assert_eq!(c.lines(), ["GET /a 200"]);
    c.assert_balanced();
}

#[test]
fn a_request_out_of_reach_is_counted_as_lost() {
    let mut c = Connection::new();
    c.read_unseen(100);
    c.write(OK);
    c.would_block();
    c.read(GET);
    c.write(OK);
    c.would_block();
    assert_eq!(c.count(Counter::Unparsed), 1);
    assert_eq!(c.lines(), ["GET /a 200"]);
    c.assert_balanced();
}

#[test]
fn what_is_no_request_counts_only_if_answered() {
    let mut c = Connection::new();
    c.read(b"\x16\x03\x01 hello");
    c.write(b"\x15\x03\x01");
    c.read(b"\x17whatever");
    c.close();
    assert_eq!((c.count(Counter::Seen), c.count(Counter::NonHttp)), (0, 1));

    let mut c = Connection::new();
    c.read(b"nonsense\r\n\r\n");
    c.write(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    c.close();
    assert_eq!(c.lines(), ["  400"]);
    assert_eq!(c.host.emitted[0].header.flags, FLAG_MALFORMED);
    c.assert_balanced();
}

#[test]
fn nothing_is_kept_of_what_was_no_request() {
    // Longer than a method may be, and all it brings is one request.
    let mut c = Connection::new();
    for _ in 0..5 {
        c.read(&[b'x'; 20]);
    }
    c.read(b"\x01");
    c.read(b"more of it");
    c.write(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    c.close();
    let header = c.host.emitted[0].header;
    assert_eq!(header.flags, FLAG_MALFORMED);
    assert_eq!(header.request_bytes, 111);

    // Nor does it open a tunnel.
    let mut c = Connection::new();
    c.read(b"CONNECT x\x01");
    c.write(OK);
    c.would_block();
    assert_eq!(c.host.emitted[0].outcome(), Outcome::Ok);
    c.assert_balanced();
}

#[test]
fn an_untracked_connection_leaves_nothing_behind() {
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(500)).into_bytes();
    let mut c = Connection::stand_in();
    c.host.queue_room = 1;
    c.read(&[GET, &long, &long, GET, &long[..300]].concat());
    assert_eq!(c.count(Counter::Seen), 0, "its answers will tell");
    assert!(c.host.queue.is_empty() && c.host.long_paths.is_empty());
    c.assert_balanced();
}

#[test]
fn a_request_that_found_no_room_is_counted_when_answered() {
    // The map was full when the request was read, and is not when it is answered.
    let mut c = Connection::old();
    c.conn.late = true;
    c.write(b"HTTP/1.1 100 Continue\r\n\r\n");
    c.write(OK);
    c.write(b"more of it");
    c.would_block();
    assert_eq!(c.count(Counter::MapFull), 1);
    c.assert_balanced();
    c.read(GET);
    c.write(OK);
    c.would_block();
    assert_eq!(c.lines(), ["GET /a 200"]);
    c.assert_balanced();
}

#[test]
fn half_a_line_counts_only_if_answered() {
    let mut c = Connection::new();
    c.read(b"GET /never");
    c.close();
    assert_eq!(
        (c.count(Counter::Seen), c.count(Counter::PartialLine)),
        (0, 1)
    );

    let mut c = Connection::new();
    c.read(b"GET /never");
    c.write(b"HTTP/1.1 408 Request Timeout\r\n\r\n");
    c.close();
    assert_eq!(c.host.emitted[0].outcome(), Outcome::Timeout);
    c.assert_balanced();
}

#[test]
fn connections_from_before_the_attach() {
    let mut c = Connection::old();
    c.read(GET);
    c.write(OK);
    c.would_block();
    assert_eq!(
        c.host.emitted[0].header.flags, 0,
        "idle then: nothing was missed"
    );

    // In the middle of a response.
    let mut c = Connection::old();
    c.write(b"rest of a body");
    c.would_block();
    c.read(GET);
    c.write(OK);
    c.would_block();
    assert_eq!(c.count(Counter::StartedBeforeAttach), 1);
    assert_eq!(c.lines(), ["GET /a 200"]);
    c.assert_balanced();

    // Before the response.
    let mut c = Connection::old();
    c.write(OK);
    c.would_block();
    c.read(GET);
    c.write(OK);
    c.would_block();
    assert_eq!(c.lines(), ["  200", "GET /a 200"]);
    assert_ne!(c.host.emitted[0].header.flags & FLAG_INCOMPLETE, 0);
    c.assert_balanced();

    // In the middle of an upload.
    let mut c = Connection::old();
    c.read(b"\x00\x01\x02 of a body");
    c.read(b"GET /not/a/request HTTP/1.1\r\n\r\n");
    c.write(OK);
    c.would_block();
    c.read(GET);
    c.write(OK);
    c.would_block();
    assert_eq!(c.lines(), ["  200", "GET /a 200"]);
    c.assert_balanced();
}

#[test]
fn a_request_missed_in_a_misjudged_body_is_still_counted() {
    // The client gives up its announced body and sends the next request; the
    // server, which knew, answers it.
    let mut c = Connection::new();
    c.read(b"POST /u HTTP/1.1\r\nContent-Length: 1000\r\n\r\n");
    c.write(b"HTTP/1.1 417 Expectation Failed\r\n\r\n");
    c.read(GET);
    c.write(OK);
    c.would_block();
    c.read(GET);
    c.write(OK);
    c.would_block();
    assert_eq!(c.lines(), ["POST /u 417", "  200", "GET /a 200"]);
    c.assert_balanced();
}
