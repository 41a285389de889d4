//! A request to send.

use std::net::SocketAddr;

use wsgiprobe::model::{Mode, Outcome, Request, Times};

/// 2026-11-21T09:37:03Z, nanoseconds.
pub const TIME: u64 = 1_795_253_823_000_000_000;

/// A request to `path` that ended `after` nanoseconds after [`TIME`].
pub fn request(path: &str, after: u64) -> Request {
    Request {
        time_unix_ns: TIME,
        end_unix_ns: TIME + after,
        pid: 10,
        tid: 11,
        daemon_pid: Some(20),
        daemon_tid: Some(21),
        mode: Some(Mode::Daemon),
        process_group: None,
        client: SocketAddr::from(([127, 0, 0, 1], 40_000)),
        server: SocketAddr::from(([127, 0, 0, 1], 80)),
        method: Some("GET".into()),
        path: Some(path.to_owned()),
        path_truncated: false,
        route: path.into(),
        protocol: Some("1.1"),
        status: Some(200),
        request_bytes: 100,
        response_bytes: 200,
        times: Times {
            duration: Some(1_500_000),
            read_time: Some(1_000),
            ttfb: Some(1_250_000),
        },
        outcome: Outcome::Ok,
        incomplete: false,
    }
}
