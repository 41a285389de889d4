//! A request to send.

use std::net::SocketAddr;
use std::sync::Arc;

use wsgiprobe::model::{Mode, Names, Outcome, Request, Spent, Times, Wait};

/// 2026-11-21T09:37:03Z, nanoseconds.
pub const TIME: u64 = 1_795_253_823_000_000_000;

/// A request to `path` that ended `after` nanoseconds after [`TIME`].
pub fn request(path: &str, after: u64) -> Request {
    let mut daemon_spent = Spent {
        cpu: 500_000,
        ..Spent::EMPTY
    };
    daemon_spent.wait[Wait::Upstream as usize] = 250_000;
    Request {
        time_unix_ns: TIME,
        end_unix_ns: TIME + after,
        pid: 10,
        tid: 11,
        daemon_pid: Some(20),
        daemon_tid: Some(21),
        mode: Some(Mode::Daemon),
        container: None,
        names: Some(Arc::new(Names {
            process_group: "app 1".into(),
            application_group: String::new(),
            script_name: "/x".into(),
        })),
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
            application_time: Some(1_000_000),
            ..Times::default()
        },
        spent: Some(Spent::EMPTY),
        daemon_spent: Some(daemon_spent),
        busy: None,
        daemon_busy: None,
        upstream: Some("127.0.0.1:5432".into()),
        outcome: Outcome::Ok,
        incomplete: false,
    }
}
