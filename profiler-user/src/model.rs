//! A request as every later stage sees it: decoded, in host terms.
//!
//! What the kernel did not see is `None`, and stays `null` in JSON.

use std::net::SocketAddr;
use std::sync::Arc;

pub use profiler_common::event::Outcome;

/// Who served the request (mod_wsgi's own words).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The application ran inside the Apache child.
    Embedded,
    /// The application ran in a mod_wsgi daemon process.
    Daemon,
    /// Apache answered by itself.
    Static,
    /// Any other server.
    Http,
}

/// One finished request. Durations are nanoseconds.
#[derive(Clone, Debug)]
pub struct Request {
    /// Wall clock when its first byte was read: nanoseconds since the epoch.
    pub time_unix_ns: u64,
    /// Wall clock when its last byte was written: nanoseconds since the epoch.
    pub end_unix_ns: u64,
    /// Apache child that finished it.
    pub pid: u32,
    /// Thread that finished it.
    pub tid: u32,
    /// mod_wsgi daemon process; `None` in embedded mode or where unknown.
    pub daemon_pid: Option<u32>,
    /// Thread of that process.
    pub daemon_tid: Option<u32>,
    /// Who served it, where known.
    pub mode: Option<Mode>,
    /// mod_wsgi's process group, where known.
    pub process_group: Option<Arc<str>>,
    /// Peer of the connection.
    pub client: SocketAddr,
    /// Local end of the connection.
    pub server: SocketAddr,
    /// The method token as sent; `None` if the request could not be parsed.
    pub method: Option<Arc<str>>,
    /// Path as sent, without query; bytes that are not UTF-8 are escaped as `%XX`.
    pub path: Option<String>,
    /// The path is longer than what was kept.
    pub path_truncated: bool,
    /// The path's group: a bounded set, fit for a metric label.
    pub route: Arc<str>,
    /// `0.9`, `1.0`, `1.1`.
    pub protocol: Option<&'static str>,
    /// Final status; `None` if none was written.
    pub status: Option<u16>,
    /// Head and body as read from the socket, bytes.
    pub request_bytes: u64,
    /// All that was written in answer, bytes.
    pub response_bytes: u64,
    /// Its parts.
    pub times: Times,
    /// How it ended.
    pub outcome: Outcome,
    /// It began before the attach.
    pub incomplete: bool,
}

/// Where a request's time went: nanoseconds, `None` where not measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Request line complete to last write; `None` if nothing was written.
    pub duration: Option<u64>,
    /// First byte to head complete.
    pub read_time: Option<u64>,
    /// Request line complete to first byte of the final response.
    pub ttfb: Option<u64>,
}
