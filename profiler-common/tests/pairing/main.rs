//! The pairing state machine on the host: case by case, against made-up
//! conversations, and against nonsense.

mod answers;
mod every_place;
mod host;
mod pipelining;
mod properties;
mod requests;
mod talk;
mod troubles;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n";
const GET: &[u8] = b"GET /a?q=1 HTTP/1.1\r\nHost: x\r\n\r\n";
