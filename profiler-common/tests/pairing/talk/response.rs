//! Responses as Apache writes them.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::request::Request;

/// A response: a head and pieces of content, by one write or many.
#[derive(Clone, Debug)]
pub struct Response {
    pub interims: Vec<u16>,
    pub status: u16,
    pub writes: Vec<Write>,
}

/// One call of `write`, `writev` or `sendfile`.
#[derive(Clone, Default)]
pub struct Write {
    pub buffers: Vec<Vec<u8>>,
    /// The bytes are out of reach.
    pub opaque: bool,
    /// The server looks for the next request before it.
    pub asks: bool,
}

impl Response {
    /// Whether it takes the connection out of HTTP.
    pub fn upgrades(&self, request: &Request) -> bool {
        let tunnel = request.method == "CONNECT" && (200..=299).contains(&self.status);
        self.status == 101 || tunnel
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let buffers: Vec<_> = self
            .buffers
            .iter()
            .map(|b| b.escape_ascii().to_string())
            .collect();
        write!(f, "{buffers:?} opaque {} asks {}", self.opaque, self.asks)
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => vec(any::<u8>(), 1..50),
        // What looks like the start of a response, and like the end of a chunk.
        2 => select(vec![
            b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
            b"HTTP/1.1 404 Not Found\r\n".to_vec(),
            b"HTTP/1.0 100 ".to_vec(),
            b"a\r\n".to_vec(),
        ]),
    ]
}

pub fn head(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} Some Reason\r\nServer: x\r\n\r\n").into_bytes()
}

/// Head and pieces, the head together with the first piece or alone.
fn plain(status: u16, pieces: Vec<(Vec<u8>, bool)>, together: u8) -> Vec<Write> {
    let mut first = Write::default();
    first.buffers.push(head(status));
    let mut writes = vec![first];
    for (index, (piece, opaque)) in pieces.into_iter().enumerate() {
        match (index, together) {
            (0, 1) => writes[0].buffers.push(piece),
            (0, 2) => writes[0].buffers[0].extend(piece),
            _ => writes.push(Write {
                buffers: vec![piece],
                opaque,
                asks: false,
            }),
        }
    }
    writes
}

/// Chunks with size, content and end in buffers of their own; the last chunk in a
/// write of its own, or behind the one before it.
fn chunked(status: u16, pieces: Vec<(Vec<u8>, bool)>, last: u8) -> Vec<Write> {
    let mut writes: Vec<Write> = Vec::new();
    for (piece, together) in pieces {
        let size = format!("{:x}\r\n", piece.len()).into_bytes();
        let chunk = [size, piece, b"\r\n".to_vec()];
        match writes.last_mut() {
            Some(write) if together => write.buffers.extend(chunk),
            _ => writes.push(Write {
                buffers: chunk.to_vec(),
                ..Write::default()
            }),
        }
    }
    let end = b"0\r\n\r\n".to_vec();
    match writes.last_mut() {
        Some(write) if last == 0 => write.buffers.push(end),
        before => {
            let asks = before.is_some() && last == 1;
            writes.push(Write {
                buffers: vec![end],
                opaque: false,
                asks,
            });
        }
    }
    writes[0].buffers.insert(0, head(status));
    writes
}

/// Any response.
pub fn response() -> impl Strategy<Value = Response> {
    let status = prop_oneof![
        20 => select(vec![200_u16, 204, 206, 304, 404, 500, 503]),
        1 => 200..=599_u16,
        1 => Just(101),
        1 => Just(408),
    ];
    let interims = prop_oneof![3 => Just(vec![]), 1 => vec(select(vec![100_u16, 102, 103]), 1..3)];
    let pieces = vec((piece(), any::<bool>()), 0..4);
    (status, interims, any::<bool>(), pieces, 0..3_u8).prop_map(
        |(status, interims, is_chunked, pieces, shape)| {
            let writes = if is_chunked {
                chunked(status, pieces, shape)
            } else {
                plain(status, pieces, shape)
            };
            Response {
                interims,
                status,
                writes,
            }
        },
    )
}
