//! A request for unit tests.

use std::sync::Arc;

use crate::model::{Mode, Names, Outcome, Request, Times};

/// An ordinary request to `path`, which is also its route; 1.5 ms long.
pub fn request(path: &str) -> Request {
    let addr = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    Request {
        time_unix_ns: 1_763_717_823_123_456_789,
        end_unix_ns: 1_763_717_823_125_006_789,
        pid: 16_596,
        tid: 16_626,
        daemon_pid: Some(16_595),
        daemon_tid: Some(16_603),
        mode: Some(Mode::Daemon),
        names: Some(Arc::new(Names {
            process_group: "app".into(),
            application_group: String::new(),
            script_name: String::new(),
        })),
        client: addr(41_234),
        server: addr(8_099),
        method: Some("GET".into()),
        path: Some(path.to_owned()),
        path_truncated: false,
        route: path.into(),
        protocol: Some("1.1"),
        status: Some(200),
        request_bytes: 84,
        response_bytes: 174,
        times: Times {
            duration: Some(1_500_000),
            read_time: Some(50_000),
            ttfb: Some(1_400_000),
            ..Times::default()
        },
        spent: None,
        daemon_spent: None,
        busy: None,
        daemon_busy: None,
        upstream: None,
        outcome: Outcome::Ok,
        incomplete: false,
    }
}
