//! From ring-buffer records to requests.
//!
//! - `record`: the bytes, checked.
//! - `anatomy`: where the time went.
//! - `blobs`: what records name by hash.
//! - `clock`: the kernel's clock to the wall's.
//! - `target`: a request target's bytes to a path that can be shown.

mod anatomy;
mod blobs;
mod clock;
mod record;
mod target;

pub use record::origin;
pub use target::is_hidden;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use foldhash::HashSet;
use profiler_common::event::{AF_INET, AF_INET6, FLAG_INCOMPLETE, FLAG_PATH_TRUNCATED, Outcome};

use crate::model::{Mode, Request, Span};
use crate::probe::Blobs;
use crate::request::route::Router;
use blobs::Known;
use clock::Clock;

/// Different method tokens that are kept for reuse: more than all registered ones.
const METHODS: usize = 64;

/// Why a record cannot be used. It is counted as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Shorter than its header, or than the path that the header announces.
    #[error("a record of {0} bytes is too short")]
    Short(usize),
    /// A number in it stands for nothing.
    #[error("a record has {field} {value}, which stands for nothing")]
    Unknown {
        /// Which field.
        field: &'static str,
        /// What it says.
        value: u16,
    },
}

/// Turns records into requests.
pub struct Decoder {
    clock: Clock,
    router: Router,
    methods: HashSet<Arc<str>>,
    known: Known,
}

impl Decoder {
    /// A decoder that has its routes from `router`.
    #[must_use]
    pub fn new(router: Router) -> Self {
        Self {
            clock: Clock::now(),
            router,
            methods: HashSet::default(),
            known: Known::default(),
        }
    }

    /// Compares the clocks again: the wall clock may have been set.
    pub fn refresh_clock(&mut self) {
        self.clock = Clock::now();
    }

    /// Requests whose route found no place under the cap.
    #[must_use]
    pub fn overflowed_routes(&self) -> u64 {
        self.router.overflowed()
    }

    /// A `CLOCK_MONOTONIC` time (ns) as wall clock, nanoseconds since the epoch.
    #[must_use]
    pub fn wall(&self, monotonic_ns: u64) -> u64 {
        self.clock.wall(monotonic_ns)
    }

    /// The request in a record; what it names by hash is looked up in `blobs`.
    pub fn decode(&mut self, record: &[u8], blobs: &impl Blobs) -> Result<Request, Error> {
        let (header, path) = record::split(record)?;
        let unknown = |field, value| Error::Unknown { field, value };
        let outcome = Outcome::from_wire(header.outcome)
            .ok_or_else(|| unknown("outcome", header.outcome.into()))?;
        let protocol = record::protocol(header.version)?;
        let address = |bytes: [u8; 16], port| {
            address(header.family, bytes, port).ok_or_else(|| unknown("family", header.family))
        };
        let method = record::method(&header).map(|token| self.method(&token));
        let path = (!path.is_empty()).then(|| target::path(path));
        let route = self.router.route(path.as_deref().unwrap_or("-"));
        let mode = anatomy::mode(&header);
        let is_daemon = mode == Some(Mode::Daemon);
        let span = |begin: u64, end: u64| {
            (begin != 0 && end != 0).then(|| Span {
                begin_unix_ns: self.clock.wall(begin),
                end_unix_ns: self.clock.wall(end),
            })
        };
        let busy = span(header.taken_ns, header.released_ns);
        let daemon_busy = span(header.daemon_taken_ns, header.daemon_done_ns);
        let end_ns = header
            .last_write_ns
            .max(header.head_ns)
            .max(header.first_byte_ns);
        Ok(Request {
            time_unix_ns: self.clock.wall(header.first_byte_ns),
            end_unix_ns: self.clock.wall(end_ns),
            pid: header.pid,
            tid: header.tid,
            daemon_pid: (header.daemon_pid != 0).then_some(header.daemon_pid),
            daemon_tid: (header.daemon_tid != 0).then_some(header.daemon_tid),
            mode,
            names: self.known.names(header.names, blobs),
            container: None,
            client: address(header.client_addr, header.client_port)?,
            server: address(header.server_addr, header.server_port)?,
            method,
            path: path.map(Cow::into_owned),
            path_truncated: header.flags & FLAG_PATH_TRUNCATED != 0,
            route,
            protocol,
            status: (header.status != 0).then_some(header.status),
            request_bytes: header.request_bytes,
            response_bytes: header.response_bytes,
            times: anatomy::times(&header, mode),
            spent: busy.map(|_| header.spent),
            daemon_spent: (is_daemon && header.daemon_taken_ns != 0).then_some(header.daemon_spent),
            busy,
            daemon_busy,
            upstream: self.known.peer(header.upstream, blobs),
            outcome,
            incomplete: header.flags & FLAG_INCOMPLETE != 0,
        })
    }

    /// The token, shared with the requests before that had it too.
    fn method(&mut self, token: &str) -> Arc<str> {
        if let Some(known) = self.methods.get(token) {
            return Arc::clone(known);
        }
        let new: Arc<str> = token.into();
        if self.methods.len() < METHODS {
            self.methods.insert(Arc::clone(&new));
        }
        new
    }
}

fn address(family: u16, bytes: [u8; 16], port: u16) -> Option<SocketAddr> {
    let ip: IpAddr = match family {
        AF_INET => Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into(),
        // A dual-stack listener sees IPv4 clients as mapped addresses.
        AF_INET6 => Ipv6Addr::from(bytes).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::patterns::Patterns;
    use profiler_common::event::{HEADER_SIZE, RequestHeader};

    struct NoBlobs;

    impl Blobs for NoBlobs {
        fn blob(&self, _hash: u64) -> Option<profiler_common::intern::Blob> {
            None
        }
    }

    fn record(edit: impl FnOnce(&mut RequestHeader), path: &[u8]) -> Vec<u8> {
        let mut header = RequestHeader {
            first_byte_ns: 1_000,
            line_ns: 2_000,
            head_ns: 3_000,
            first_write_ns: 5_000,
            last_write_ns: 9_000,
            family: AF_INET,
            client_addr: [127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            client_port: 4711,
            status: 200,
            version: 11,
            method_len: 3,
            path_len: path.len() as u16,
            ..RequestHeader::EMPTY
        };
        header.method[..3].copy_from_slice(b"GET");
        edit(&mut header);
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend_from_slice(path);
        bytes
    }

    fn decoder() -> Decoder {
        Decoder::new(Router::new(10, Patterns::default()))
    }

    #[test]
    fn decodes_what_the_kernel_sends() {
        let request = decoder()
            .decode(&record(|_| {}, b"/users/7"), &NoBlobs)
            .expect("a valid record");
        assert_eq!(request.method.as_deref(), Some("GET"));
        assert_eq!(request.path.as_deref(), Some("/users/7"));
        assert_eq!(request.client.to_string(), "127.0.0.1:4711");
        assert_eq!(request.protocol, Some("1.1"));
        assert_eq!(request.times.duration, Some(7_000));
        assert_eq!(request.times.read_time, Some(2_000));
        assert_eq!(request.times.ttfb, Some(3_000));
        assert_eq!(request.end_unix_ns - request.time_unix_ns, 8_000);
    }

    #[test]
    fn keeps_the_unknown_unknown() {
        let edit = |header: &mut RequestHeader| {
            header.flags = FLAG_INCOMPLETE;
            header.method_len = 0;
            header.version = 0;
            header.status = 0;
            header.line_ns = 0;
        };
        let request = decoder()
            .decode(&record(edit, b""), &NoBlobs)
            .expect("a valid record");
        assert_eq!((request.method, request.path), (None, None));
        assert_eq!((request.protocol, request.status), (None, None));
        assert_eq!(request.times.duration, None);
        assert!(request.incomplete);
    }

    #[test]
    fn refuses_records_that_cannot_be() {
        let mut decoder = decoder();
        for length in 0..HEADER_SIZE {
            let error = decoder
                .decode(&vec![0; length], &NoBlobs)
                .expect_err("too short");
            assert_eq!(error, Error::Short(length));
        }
        for edit in [
            |header: &mut RequestHeader| header.outcome = 200,
            |header: &mut RequestHeader| header.version = 1,
            |header: &mut RequestHeader| header.family = 1,
            |header: &mut RequestHeader| header.path_len = 100,
        ] {
            assert!(decoder.decode(&record(edit, b"/"), &NoBlobs).is_err());
        }
    }
}
