//! One request after the other.

use profiler_common::event::{FLAG_PATH_TRUNCATED, Outcome};

use crate::host::Connection;
use crate::{GET, OK};

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
