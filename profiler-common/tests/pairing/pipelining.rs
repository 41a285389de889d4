//! Requests that wait for others.

use profiler_common::event::Outcome;
use profiler_common::stats::Counter;

use crate::host::Connection;
use crate::{GET, OK};

#[test]
fn pipelined_requests_are_told_apart() {
    let two = [GET, b"POST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nxx"].concat();
    let mut c = Connection::new();
    c.read(&[&two[..], &two, &two].concat());
    assert_eq!(c.in_flight(), 6);
    for _ in 0..6 {
        c.write(OK);
    }
    c.would_block();
    assert_eq!(c.lines().len(), 6);
    assert_eq!(c.lines()[5], "POST /b 200");
    let times: Vec<_> = c.host.emitted.iter().map(|e| e.header).collect();
    for pair in times.windows(2) {
        assert_eq!(pair[1].line_ns, pair[0].last_write_ns, "its turn came then");
        assert_eq!(pair[1].response_bytes, OK.len() as u64);
    }
    c.assert_balanced();
}

#[test]
fn pipelined_answers_may_share_a_writev() {
    let mut c = Connection::new();
    c.read(&[GET, GET, GET].concat());
    c.writev(&[
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"body",
        b"HTTP/1.1 404 No\r\n\r\n",
    ]);
    c.writev(&[b"more of it", b"HTTP/1.1 500 X\r\n\r\n"]);
    c.would_block();
    assert_eq!(c.lines(), ["GET /a 200", "GET /a 404", "GET /a 500"]);
    let bytes: Vec<_> = c
        .host
        .emitted
        .iter()
        .map(|e| e.header.response_bytes)
        .collect();
    assert_eq!(bytes, [23, 29, 18]);
    c.assert_balanced();
}

#[test]
fn a_full_queue_loses_requests_but_not_their_order() {
    let mut c = Connection::new();
    c.host.queue_room = 1;
    let paths = ["/0", "/1", "/2", "/3", "/4"];
    let all: Vec<u8> = paths
        .iter()
        .flat_map(|path| format!("GET {path} HTTP/1.1\r\n\r\n").into_bytes())
        .collect();
    c.read(&all);
    c.assert_balanced();
    for status in 200..205 {
        c.write(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes());
    }
    c.would_block();
    assert_eq!(c.count(Counter::PipelineFull), 2);
    assert_eq!(c.lines(), ["GET /0 200", "GET /1 201", "GET /4 204"]);
    c.assert_balanced();
}

#[test]
fn unanswered_requests_are_reported_at_the_close() {
    let mut c = Connection::new();
    c.read(&[GET, GET, GET].concat());
    c.write(OK);
    c.close();
    assert_eq!(c.lines(), ["GET /a 200", "GET /a 0", "GET /a 0"]);
    assert_eq!(c.host.emitted[2].outcome(), Outcome::ServerClosed);
    c.assert_balanced();
}

#[test]
fn a_lost_request_inherits_nothing() {
    // The second is lost; what the first was must not make a tunnel of it.
    let mut c = Connection::new();
    c.host.queue_room = 0;
    c.read(&[b"CONNECT x:1 HTTP/1.1\r\n\r\n", GET, GET].concat());
    c.write(b"HTTP/1.1 403 Forbidden\r\n\r\n");
    c.write(OK);
    c.write(OK);
    c.would_block();
    assert_eq!(c.lines(), ["CONNECT x:1 403", "GET /a 200"]);
    c.assert_balanced();
}

#[test]
fn requests_behind_an_upgrade_are_reported_unanswered() {
    let mut c = Connection::new();
    c.read(&[b"CONNECT x:1 HTTP/1.1\r\n\r\n", GET, GET, GET].concat());
    c.writev(&[b"HTTP/1.1 200 OK\r\n\r\n", b"tunnelled"]);
    assert_eq!(
        c.lines(),
        ["CONNECT x:1 200", "GET /a 0", "GET /a 0", "GET /a 0"]
    );
    assert_eq!(c.host.emitted[0].header.response_bytes, 28);
    assert_eq!(c.in_flight(), 0);
    c.close();
    c.assert_balanced();
}
