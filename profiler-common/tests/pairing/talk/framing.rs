//! What frames a request's body, by the scanner and by a parser of heads.

use profiler_common::pairing::scan::{Cursor, Event, Phase, Scanner};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::host::Window;

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length(u64),
    Chunked,
}

const NAMES: [&str; 14] = [
    "Content-Length",
    "content-length",
    "CONTENT-LENGTH",
    "Content-Lengthy",
    "Content-Lengt",
    "Content-Lengtg",
    "Transfer-Encoding",
    "tRANSFER-eNCODING",
    "Transfer-Encodin",
    "Transfer-Encodind",
    "Transfer-Encodingg",
    "Transfer-Length",
    "Content-Encoding",
    "X",
];
/// Valid and invalid ones. Where a length is invalid servers refuse the request.
const VALUES: [&str; 20] = [
    "",
    "0",
    "1",
    "17",
    "0042",
    "72057594037927936",
    "chunked",
    "CHUNKED",
    "gzip",
    "gzip, chunked",
    "gzip,chunked",
    "gzip ,\tchunked",
    "chunked, gzip",
    "xchunked",
    "chun ked",
    "gzip chunked",
    "chunkedx",
    "chunked;q=1",
    "a, xchunked",
    "chunked,",
];

/// Heads of requests: the two names that matter, others like them, other values.
pub fn head() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        4 => select(NAMES.to_vec()).prop_map(String::from),
        1 => "[ct][a-z-]{0,18}",
        1 => "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}",
    ];
    let value = prop_oneof![
        4 => select(VALUES.to_vec()).prop_map(String::from),
        1 => "[ -~]{0,20}",
    ];
    let end = || prop_oneof![4 => Just("\r\n"), 1 => Just("\n")];
    let field = (name, "[ \t]{0,3}", value, "[ \t]{0,3}", end());
    (end(), vec(field, 0..6), end()).prop_map(|(line, fields, end)| {
        let field = |(name, before, value, after, end): (_, _, _, _, _)| {
            format!("{name}:{before}{value}{after}{end}")
        };
        let fields: String = fields.into_iter().map(field).collect();
        format!("POST /x HTTP/1.1{line}{fields}{end}")
    })
}

/// By the scanner; the head comes in pieces of `cut` bytes.
pub fn scanned(head: &[u8], cut: usize) -> Framing {
    let mut scan = Scanner::EMPTY;
    let mut ends = 0;
    for piece in head.chunks(cut) {
        let mut cursor = Cursor {
            end: piece.len() as u32,
            ..Cursor::default()
        };
        let mut window = Window::empty();
        window.fill(0, piece);
        while cursor.pos < cursor.end {
            match scan.step(window.view(), &mut cursor) {
                Event::Bad | Event::End => panic!("within the head"),
                Event::Head | Event::HeadEnd => ends += 1,
                _ => {}
            }
        }
    }
    assert_eq!(ends, 1);
    match scan.phase {
        Phase::Start => Framing::Length(0),
        Phase::Body => Framing::Length(scan.remaining),
        Phase::ChunkSize => Framing::Chunked,
        other => panic!("in {other:?} after the head"),
    }
}

/// By `httparse`; `None` where it or the rules of RFC 9112 section 6.3 refuse the
/// head, as servers then do.
pub fn parsed(head: &[u8]) -> Option<Framing> {
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut fields);
    let whole = request.parse(head).ok()?.is_complete();
    assert!(whole, "a head ends with an empty line");
    let mut length = None;
    let mut codings = Vec::new();
    for field in request.headers.iter() {
        let value = std::str::from_utf8(field.value)
            .ok()?
            .trim_matches([' ', '\t']);
        if field.name.eq_ignore_ascii_case("Content-Length") {
            let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            let value = digits.then(|| value.parse().ok())??;
            if length.is_some_and(|length| length != value) {
                return None;
            }
            length = Some(value);
        } else if field.name.eq_ignore_ascii_case("Transfer-Encoding") {
            codings.extend(
                value
                    .split(',')
                    .map(|coding| coding.trim_matches([' ', '\t'])),
            );
        }
    }
    let chunked = codings
        .last()
        .is_some_and(|last| last.eq_ignore_ascii_case("chunked"));
    Some(if chunked {
        Framing::Chunked
    } else {
        Framing::Length(length.unwrap_or(0))
    })
}
