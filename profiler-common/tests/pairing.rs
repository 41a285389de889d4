//! The pairing state machine, case by case.

mod host;

use host::Connection;
use profiler_common::event::{FLAG_INCOMPLETE, FLAG_MALFORMED, FLAG_PATH_TRUNCATED, Outcome};
use profiler_common::stats::Counter;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n";
const GET: &[u8] = b"GET /a?q=1 HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn a_request_is_reported_when_the_server_reads_on() {
    let mut c = Connection::new();
    c.read(GET);
    assert_eq!(c.in_flight(), 1);
    c.write(OK);
    assert!(c.host.emitted.is_empty(), "more may follow");
    c.would_block();
    assert_eq!(c.lines(), ["GET /a 200"]);
    let header = c.host.emitted[0].header;
    assert_eq!(header.request_bytes, GET.len() as u64);
    assert_eq!(header.response_bytes, OK.len() as u64);
    assert_eq!((header.pid, header.tid, header.version), (7, 8, 11));
    assert!(header.first_byte_ns <= header.line_ns && header.line_ns <= header.head_ns);
    assert!(header.head_ns < header.first_write_ns);
    assert_eq!(c.host.emitted[0].outcome(), Outcome::Ok);
    c.assert_balanced();
}

#[test]
fn streaming_ends_with_its_last_write() {
    let mut c = Connection::new();
    c.read(GET);
    for piece in [OK, b"more", b"more", b"HTTP/1.1 is a protocol"] {
        c.write(piece);
    }
    c.would_block();
    let header = c.host.emitted[0].header;
    assert_eq!(header.last_write_ns - header.first_write_ns, 30);
    assert_eq!(header.response_bytes, OK.len() as u64 + 30);
    c.assert_balanced();
}

#[test]
fn a_head_may_come_in_any_two_pieces() {
    let request = b"POST /path/x?y HTTP/1.0\r\nTe: x\r\nCONTENT-length:  3\r\n\r\nabc";
    for cut in 1..request.len() {
        let mut c = Connection::new();
        c.read(&request[..cut]);
        c.read(&request[cut..]);
        c.write(OK);
        c.would_block();
        assert_eq!(c.lines(), ["POST /path/x 200"], "cut at {cut}");
        let header = c.host.emitted[0].header;
        assert_eq!(header.request_bytes, request.len() as u64, "cut at {cut}");
        assert_eq!(header.version, 10);
        c.assert_balanced();
    }
}

#[test]
fn a_head_may_come_byte_by_byte() {
    let mut c = Connection::new();
    for byte in GET {
        c.read(&[*byte]);
    }
    c.write(OK);
    c.would_block();
    assert_eq!(c.lines(), ["GET /a 200"]);
}

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
    let mut c = Connection::new();
    c.conn.untracked = true;
    c.host.queue_room = 1;
    c.read(&[GET, &long, &long, GET, &long[..300]].concat());
    assert_eq!(c.count(Counter::Seen), 4);
    assert_eq!(c.count(Counter::MapFull), 4);
    assert!(c.host.queue.is_empty() && c.host.long_paths.is_empty());
    c.assert_balanced();
}

#[test]
fn only_a_coding_of_that_name_is_chunked() {
    for (coding, chunked) in [
        ("chunked", true),
        ("gzip , CHUNKED ", true),
        ("xchunked", false),
        ("chun ked", false),
        ("gzip chunked", false),
        ("chunked, gzip", false),
    ] {
        let mut c = Connection::new();
        c.read(format!("GET / HTTP/1.1\r\nTransfer-Encoding: {coding}\r\n\r\n").as_bytes());
        c.write(OK);
        c.would_block();
        assert_eq!(c.host.emitted.is_empty(), chunked, "{coding}");
    }
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

#[test]
fn http_0_9() {
    let mut c = Connection::new();
    c.read(b"GET /old\r\n");
    c.write(b"just a body");
    c.close();
    assert_eq!(c.lines(), ["GET /old 0"]);
    assert_eq!(c.host.emitted[0].header.version, 9);
    assert_eq!(c.host.emitted[0].outcome(), Outcome::Ok);

    let mut c = Connection::new();
    c.read(b"GET /old?query\n");
    c.read_nothing(0);
    c.write(b"just a body");
    c.close();
    assert_eq!(c.lines(), ["GET /old 0"]);
    assert_eq!(c.host.emitted[0].outcome(), Outcome::Ok);
}

#[test]
fn a_bad_version_keeps_what_was_understood() {
    let mut c = Connection::new();
    c.read(b"GET /known HTTP/7.7\r\n\r\n");
    c.write(b"HTTP/1.1 505 Version Not Supported\r\n\r\n");
    c.close();
    assert_eq!(c.lines(), ["GET /known 505"]);
    c.assert_balanced();
}

#[test]
fn long_paths_are_whole_or_said_to_be_cut() {
    for length in [1, 191, 192, 193, 255, 256, 4096, 8190, 8191, 8192, 9000] {
        let path = format!("/{}", "x".repeat(length - 1));
        let request = format!("GET {path} HTTP/1.1\r\n\r\n");
        for cut in [1, 7, 200, 8000] {
            let mut c = Connection::new();
            for piece in request.as_bytes().chunks(cut) {
                c.read(piece);
            }
            c.write(OK);
            c.would_block();
            let emitted = &c.host.emitted[0];
            assert_eq!(emitted.path, path[..length.min(8191)]);
            let cut_off = emitted.header.flags & FLAG_PATH_TRUNCATED != 0;
            assert_eq!(cut_off, length > 8191);
            c.assert_balanced();
        }
    }
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
