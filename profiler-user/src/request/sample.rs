//! A request for unit tests.

use std::sync::Arc;

use crate::model::{Mode, Names, Outcome, Request, Span, Spent, Times, Wait};

/// An ordinary request to `path`, which is also its route; 1.5 ms long, 50 µs of
/// which nobody can explain.
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
        container: None,
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
            accept_wait: None,
            read_time: Some(50_000),
            server_time: Some(100_000),
            queue_time: Some(200_000),
            daemon_time: Some(100_000),
            application_time: Some(1_000_000),
            send_time: Some(100_000),
            ttfb: Some(1_400_000),
            busy_time: Some(1_150_000),
        },
        spent: Some(spent(
            150_000,
            &[(Wait::Client, 20_000), (Wait::Daemon, 1_300_000)],
        )),
        daemon_spent: Some(spent(
            600_000,
            &[
                (Wait::Runqueue, 50_000),
                (Wait::Lock, 150_000),
                (Wait::Upstream, 250_000),
            ],
        )),
        busy: Some(span(1_550_000)),
        daemon_busy: Some(span(1_150_000)),
        upstream: Some("127.0.0.1:5432".into()),
        outcome: Outcome::Ok,
        incomplete: false,
    }
}

fn spent(cpu: u64, waits: &[(Wait, u64)]) -> Spent {
    let mut spent = Spent {
        cpu,
        ..Spent::default()
    };
    for (wait, ns) in waits {
        spent.wait[*wait as usize] = *ns;
    }
    spent
}

fn span(length: u64) -> Span {
    let begin_unix_ns = 1_763_717_823_123_456_789;
    Span {
        begin_unix_ns,
        end_unix_ns: begin_unix_ns + length,
    }
}
