//! When an answer is over, and what is none.

use profiler_common::event::Outcome;

use crate::host::Connection;
use crate::{GET, OK};

#[test]
fn a_blocked_write_is_no_end() {
    let mut c = Connection::new();
    c.read(GET);
    c.write(OK);
    c.write_fails(-11);
    c.would_block();
    assert!(
        c.host.emitted.is_empty(),
        "the rest of the response is to come"
    );
    c.write(b"the rest");
    c.read(GET);
    assert_eq!(c.host.emitted[0].header.response_bytes, OK.len() as u64 + 8);
    c.assert_balanced();
}

#[test]
fn a_chunked_answer_ends_after_the_server_looked_for_more() {
    // As Apache 2.4 does it: look for the next request, then flush the end.
    let mut c = Connection::new();
    c.read(GET);
    c.writev(&[OK, b"3\r\n", b"abc", b"\r\n"]);
    c.would_block();
    assert!(c.host.emitted.is_empty(), "the last chunk is missing");
    c.write(b"0\r\n\r\n");
    assert_eq!(
        c.lines(),
        ["GET /a 200"],
        "without waiting for another read"
    );
    assert_eq!(
        c.host.emitted[0].header.response_bytes,
        OK.len() as u64 + 13
    );
    c.assert_balanced();
}

#[test]
fn a_chunked_answer_may_end_after_the_next_request_was_read() {
    let mut c = Connection::new();
    c.read(GET);
    c.writev(&[OK, b"3\r\n", b"abc", b"\r\n"]);
    c.read(b"GET /b HTTP/1.1\r\n\r\n");
    c.write(b"0\r\n\r\n");
    c.write(OK);
    c.would_block();
    assert_eq!(c.lines(), ["GET /a 200", "GET /b 200"]);
    assert_eq!(c.host.emitted[1].header.response_bytes, OK.len() as u64);
    c.assert_balanced();
}

#[test]
fn interim_responses_are_not_the_answer() {
    let mut c = Connection::new();
    c.read(b"PUT /u HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    c.write(b"HTTP/1.1 100 Continue\r\n\r\n");
    c.would_block();
    c.read(b"12345");
    c.write(b"HTTP/1.1 201 Created\r\n\r\n");
    c.would_block();
    assert_eq!(c.lines(), ["PUT /u 201"]);
    let header = c.host.emitted[0].header;
    assert_eq!(header.response_bytes, 25 + 24);
    assert_eq!(header.first_write_ns, header.last_write_ns);
    c.assert_balanced();
}

#[test]
fn an_interim_response_may_come_in_two_writes() {
    let mut c = Connection::new();
    c.read(GET);
    c.write(b"HTTP/1.1 103 Early Hints\r\n");
    c.write(b"Link: </x>\r\n\r\n");
    c.write(OK);
    c.would_block();
    assert_eq!(c.lines(), ["GET /a 200"]);
    assert_eq!(
        c.host.emitted[0].header.response_bytes,
        OK.len() as u64 + 40
    );
    c.assert_balanced();
}

#[test]
fn an_answer_may_begin_before_the_body_is_read() {
    let mut c = Connection::new();
    c.read(b"POST /u HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n5\r\nab");
    c.write(OK);
    c.would_block();
    c.read(b"GET\r\n");
    assert!(c.host.emitted.is_empty(), "that was the body");
    c.write(b"second part");
    c.read(b"0;ext=1\r\nTrailer: x\r\n\r\n");
    c.would_block();
    assert_eq!(c.lines(), ["POST /u 200"]);
    assert_eq!(
        c.host.emitted[0].header.response_bytes,
        OK.len() as u64 + 11
    );
    c.assert_balanced();
}

#[test]
fn an_upgraded_connection_is_left_alone() {
    let mut c = Connection::new();
    c.read(b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
    c.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    c.read(GET);
    c.write(OK);
    c.close();
    assert_eq!(c.lines(), ["GET /ws 101"]);
    assert_eq!(c.host.emitted[0].outcome(), Outcome::Upgraded);
    c.assert_balanced();
}

#[test]
fn lingering_reads_are_no_requests() {
    let mut c = Connection::new();
    c.read(GET);
    c.write(OK);
    c.close();
    c.read(GET);
    c.read_nothing(0);
    assert_eq!(c.lines(), ["GET /a 200"]);
    c.assert_balanced();
}
