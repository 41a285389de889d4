//! Requests as clients may send them, and what a record must say of each.

use std::fmt;

use profiler_common::event::{FLAG_METHOD_TRUNCATED, FLAG_PATH_TRUNCATED};
use profiler_common::limits::{METHOD_CAP, PATH_MAX};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A request, and where its parts end.
#[derive(Clone)]
pub struct Request {
    /// Empty lines before it, which belong to no request.
    pub lead: usize,
    /// From the first byte of its method to the last of its body.
    pub bytes: Vec<u8>,
    pub line_len: usize,
    pub head_len: usize,
    /// As a record has it: cut at the cap.
    pub method: String,
    /// Likewise.
    pub path: String,
    pub version: u8,
    pub flags: u8,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.bytes[..self.bytes.len().min(self.head_len + 200)];
        write!(f, "{} lines, then {}", self.lead, shown.escape_ascii())
    }
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Length(Vec<u8>),
    Chunked {
        chunks: Vec<(Vec<u8>, &'static str)>,
        trailers: Vec<String>,
    },
}

/// Names that share a start, a length or a letter with the two that matter.
const NEAR_NAMES: [&str; 16] = [
    "Host",
    "Cookie",
    "Connection",
    "Te",
    "C",
    "t",
    "Content-Type",
    "content-lengthy",
    "Content-Lengt",
    "Content_Length",
    "X-Content-Length",
    "Transfer-Foo",
    "transfer-encodings",
    "Transfer-Encodinx",
    "Transfer_Encoding",
    "Trailer",
];
const BODY_TEXTS: [&[u8]; 5] = [
    b"GET /inner HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"0\r\n\r\n",
    b"\r\n",
    b"Content-Length: 7\r\n\r\n",
];

/// A byte of a target: no space, no control character, no question mark.
fn path_bytes(len: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![9 => b'a'..=b'z', 1 => 0x21..=0xff_u8];
    vec(byte.prop_map(|b| if b == b'?' { b'/' } else { b }), len)
}

/// Many bytes, cheaply made.
fn long(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    (vec(any::<u8>(), 1..30), len).prop_map(|(some, len)| {
        let all = some.iter().cycle().take(len);
        all.copied().collect()
    })
}

fn method() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec!["GET", "POST", "HEAD", "PROPFIND", "UPDATEREDIRECTREF", "M"])
            .prop_map(String::from),
        1 => Just("CONNECT".to_owned()),
        2 => "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}",
    ]
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => Just(b"*".to_vec()),
        8 => path_bytes(1..40),
        4 => path_bytes(150..400),
        1 => long(8180..8200).prop_map(|path| path.iter().map(|b| b % 26 + b'a').collect()),
    ]
}

/// Spacing around a field's value.
fn blank() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(" ".to_owned()), 1 => "[ \t]{0,3}"]
}

fn any_case(name: &'static str) -> impl Strategy<Value = String> {
    vec(any::<bool>(), name.len()).prop_map(move |upper| {
        let cased = |(c, up): (char, bool)| if up { c.to_ascii_uppercase() } else { c };
        name.chars().zip(upper).map(cased).collect()
    })
}

/// Header lines that say nothing of the body.
pub fn other_fields() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[ -~]{0,30}",
        Just("chunked".to_owned()),
        Just("Content-Length: 5".to_owned()),
    ];
    let field = (select(NEAR_NAMES.to_vec()), blank(), value, line_end());
    vec(field, 0..4).prop_map(|fields| {
        let line = |(name, blank, value, end): (_, _, _, _)| format!("{name}:{blank}{value}{end}");
        fields.into_iter().map(line).collect()
    })
}

fn line_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![9 => Just("\r\n"), 1 => Just("\n")]
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 1..100),
        vec(select(BODY_TEXTS.to_vec()), 1..4).prop_map(|texts| texts.concat()),
        long(10_000..20_000),
    ]
}

fn body() -> impl Strategy<Value = Body> {
    let extension = select(vec!["", ";a=b", " ; x", ";q=\"0\""]);
    let chunked = (
        vec((content(), extension), 0..4),
        vec("[A-Za-z-]{1,20}: [ -~]{0,20}", 0..3),
    );
    prop_oneof![
        3 => Just(Body::None),
        2 => content().prop_map(Body::Length),
        2 => chunked.prop_map(|(chunks, trailers)| Body::Chunked { chunks, trailers }),
    ]
}

/// The field that frames a body.
fn framing(body: &Body) -> BoxedStrategy<String> {
    let coding = || {
        select(vec![
            "chunked",
            "gzip, chunked",
            "gzip ,\tCHUNKED",
            "a,Chunked",
        ])
    };
    match body {
        Body::None => prop_oneof![
            Just(String::new()),
            Just("Content-Length: 0\r\n".to_owned())
        ]
        .boxed(),
        Body::Length(bytes) => {
            let len = bytes.len();
            (
                any_case("content-length"),
                blank(),
                0..3_usize,
                blank(),
                line_end(),
            )
                .prop_map(move |(name, before, zeros, after, end)| {
                    format!("{name}:{before}{}{len}{after}{end}", "0".repeat(zeros))
                })
                .boxed()
        }
        // A length beside the coding does not count.
        Body::Chunked { .. } => {
            let length = select(vec!["", "Content-Length: 3\r\n"]);
            (
                any_case("transfer-encoding"),
                blank(),
                coding(),
                blank(),
                length,
            )
                .prop_map(|(name, before, coding, after, length)| {
                    format!("{name}:{before}{coding}{after}\r\n{length}")
                })
                .boxed()
        }
    }
}

impl Body {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Length(bytes) => bytes.clone(),
            Self::Chunked { chunks, trailers } => {
                let mut bytes = Vec::new();
                for (index, (chunk, extension)) in chunks.iter().enumerate() {
                    let size = match index % 3 {
                        0 => format!("{:x}", chunk.len()),
                        1 => format!("{:X}", chunk.len()),
                        _ => format!("000{:x}", chunk.len()),
                    };
                    bytes.extend_from_slice(format!("{size}{extension}\r\n").as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n");
                for trailer in trailers {
                    bytes.extend_from_slice(format!("{trailer}\r\n").as_bytes());
                }
                bytes.extend_from_slice(b"\r\n");
                bytes
            }
        }
    }
}

/// Any request that a server of HTTP/1 can frame.
pub fn request() -> impl Strategy<Value = Request> {
    let query = prop_oneof![
        Just(None),
        prop_oneof![path_bytes(0..60), Just(b"HTTP/1.1?".to_vec())].prop_map(Some),
    ];
    let line = (
        method(),
        path(),
        query,
        select(vec![10_u8, 11, 11, 11]),
        line_end(),
    );
    let framed = body().prop_flat_map(|body| {
        let fields = (other_fields(), framing(&body), other_fields(), line_end());
        (fields, Just(body.bytes()))
    });
    (0..4_usize, line, framed).prop_map(|(lead, line, ((before, framing, after, end), body))| {
        let (method, path, query, version, line_end) = line;
        let mut bytes = [method.as_bytes(), b" ", &path].concat();
        if let Some(query) = query {
            bytes.push(b'?');
            bytes.extend_from_slice(&query);
        }
        bytes.extend_from_slice(format!(" HTTP/1.{}{line_end}", version - 10).as_bytes());
        let line_len = bytes.len();
        bytes.extend_from_slice(format!("{before}{framing}{after}{end}").as_bytes());
        let head_len = bytes.len();
        bytes.extend_from_slice(&body);
        let mut flags = 0;
        if method.len() > METHOD_CAP {
            flags |= FLAG_METHOD_TRUNCATED;
        }
        if path.len() > PATH_MAX {
            flags |= FLAG_PATH_TRUNCATED;
        }
        Request {
            lead: lead.saturating_sub(2),
            bytes,
            line_len,
            head_len,
            method: method[..method.len().min(METHOD_CAP)].to_owned(),
            path: String::from_utf8_lossy(&path[..path.len().min(PATH_MAX)]).into_owned(),
            version,
            flags,
        }
    })
}
