//! The object: every key always there, null where unknown, durations in integer
//! nanoseconds. Other programs read it; a change is noted in the journal.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::model::{Kubernetes, Request, Wait};
use crate::sinks::names;

#[derive(Serialize)]
pub(super) struct Record<'a> {
    #[serde(serialize_with = "rfc3339")]
    time: u64,
    pid: u32,
    tid: u32,
    daemon_pid: Option<u32>,
    daemon_tid: Option<u32>,
    mode: Option<&'static str>,
    process_group: Option<&'a str>,
    container_id: Option<&'a str>,
    k8s: Option<Place<'a>>,
    client: SocketAddr,
    server: SocketAddr,
    method: Option<&'a str>,
    path: Option<&'a str>,
    path_truncated: bool,
    route: &'a str,
    protocol: Option<&'static str>,
    status: Option<u16>,
    request_bytes: u64,
    response_bytes: u64,
    duration: Option<u64>,
    accept_wait: Option<u64>,
    read_time: Option<u64>,
    server_time: Option<u64>,
    queue_time: Option<u64>,
    daemon_time: Option<u64>,
    application_time: Option<u64>,
    send_time: Option<u64>,
    ttfb: Option<u64>,
    busy_time: Option<u64>,
    cpu: Option<u64>,
    cpu_apache: Option<u64>,
    cpu_daemon: Option<u64>,
    wait: Waits,
    outcome: &'static str,
    incomplete: bool,
}

/// Its place in Kubernetes.
#[derive(Serialize)]
struct Place<'a> {
    namespace: &'a str,
    pod: &'a str,
    container: Option<&'a str>,
    node: Option<&'a str>,
    workload: Option<&'a str>,
    workload_kind: Option<&'a str>,
}

impl<'a> From<&'a Kubernetes> for Place<'a> {
    fn from(kubernetes: &'a Kubernetes) -> Self {
        let workload = kubernetes.workload.as_ref();
        Self {
            namespace: &kubernetes.namespace,
            pod: &kubernetes.pod,
            container: kubernetes.container.as_deref(),
            node: kubernetes.node.as_deref(),
            workload: workload.map(|workload| workload.name.as_str()),
            workload_kind: workload.map(|workload| workload.kind.as_str()),
        }
    }
}

/// What the waiting was for; Apache's for the daemon is not part of it.
#[derive(Serialize)]
struct Waits {
    runqueue: Option<u64>,
    lock: Option<u64>,
    upstream: Option<u64>,
    client: Option<u64>,
    disk: Option<u64>,
    sleep: Option<u64>,
    other: Option<u64>,
}

impl<'a> From<&'a Request> for Record<'a> {
    fn from(request: &'a Request) -> Self {
        let times = &request.times;
        let container = request.container.as_deref();
        Self {
            time: request.time_unix_ns,
            pid: request.pid,
            tid: request.tid,
            daemon_pid: request.daemon_pid,
            daemon_tid: request.daemon_tid,
            mode: request.mode.map(names::mode),
            process_group: request
                .names
                .as_deref()
                .map(|names| names.process_group.as_str()),
            container_id: container.map(|container| container.id.as_str()),
            k8s: container
                .and_then(|container| container.kubernetes.as_ref())
                .map(Place::from),
            client: request.client,
            server: request.server,
            method: request.method.as_deref(),
            path: request.path.as_deref(),
            path_truncated: request.path_truncated,
            route: &request.route,
            protocol: request.protocol,
            status: request.status,
            request_bytes: request.request_bytes,
            response_bytes: request.response_bytes,
            duration: times.duration,
            accept_wait: times.accept_wait,
            read_time: times.read_time,
            server_time: times.server_time,
            queue_time: times.queue_time,
            daemon_time: times.daemon_time,
            application_time: times.application_time,
            send_time: times.send_time,
            ttfb: times.ttfb,
            busy_time: times.busy_time,
            cpu: request.cpu(),
            cpu_apache: request.cpu_apache(),
            cpu_daemon: request.daemon_spent.map(|spent| spent.cpu),
            wait: Waits {
                runqueue: request.waited(Wait::Runqueue),
                lock: request.waited(Wait::Lock),
                upstream: request.waited(Wait::Upstream),
                client: request.waited(Wait::Client),
                disk: request.waited(Wait::Disk),
                sleep: request.waited(Wait::Sleep),
                other: request.waited(Wait::Other),
            },
            outcome: names::outcome(request.outcome),
            incomplete: request.incomplete,
        }
    }
}

/// `2026-11-21T09:37:03.123456789Z`: nine digits, always.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is serde's"
)]
fn rfc3339<S: Serializer>(unix_ns: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    let time = Timestamp::from_nanosecond(i128::from(*unix_ns))
        .expect("64 bits of nanoseconds end in 2554, a Timestamp in 9999");
    serializer.collect_str(&format_args!("{time:.9}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::tests::{HOSTILE, bare_pod, docker, in_pod};
    use crate::model::{Outcome, Times};
    use crate::request::sample;

    fn json(request: &Request) -> String {
        serde_json::to_string(&Record::from(request)).unwrap()
    }

    #[test]
    fn the_object_of_a_request() {
        assert_eq!(
            json(&sample::request("/daemon")),
            concat!(
                r#"{"time":"2025-11-21T09:37:03.123456789Z","#,
                r#""pid":16596,"tid":16626,"daemon_pid":16595,"daemon_tid":16603,"#,
                r#""mode":"daemon","process_group":"app","container_id":null,"k8s":null,"#,
                r#""client":"127.0.0.1:41234","server":"127.0.0.1:8099","#,
                r#""method":"GET","path":"/daemon","path_truncated":false,"#,
                r#""route":"/daemon","protocol":"1.1","status":200,"#,
                r#""request_bytes":84,"response_bytes":174,"#,
                r#""duration":1500000,"accept_wait":null,"read_time":50000,"#,
                r#""server_time":100000,"queue_time":200000,"daemon_time":100000,"#,
                r#""application_time":1000000,"send_time":100000,"ttfb":1400000,"#,
                r#""busy_time":1150000,"cpu":750000,"cpu_apache":150000,"cpu_daemon":600000,"#,
                r#""wait":{"runqueue":50000,"lock":150000,"upstream":250000,"client":20000,"#,
                r#""disk":0,"sleep":0,"other":0},"#,
                r#""outcome":"ok","incomplete":false}"#
            )
        );
    }

    fn with(container: std::sync::Arc<crate::model::Container>) -> String {
        let mut request = sample::request("/");
        request.container = Some(container);
        json(&request)
    }

    #[test]
    fn a_container_is_told_with_its_place() {
        let id = format!(r#""container_id":"{:064x}","#, 7);
        let plain = with(docker(7));
        assert!(
            plain.contains(&format!(r#"{id}"k8s":null,"client""#)),
            "{plain}"
        );
        let whole = with(in_pod("front-1"));
        let place = concat!(
            r#""k8s":{"namespace":"shop","pod":"front-1","container":"web","node":"n1","#,
            r#""workload":"front","workload_kind":"Deployment"},"client""#
        );
        assert!(whole.contains(&format!("{id}{place}")), "{whole}");
        let bare = with(bare_pod("p"));
        let place = concat!(
            r#""k8s":{"namespace":"shop","pod":"p","container":null,"node":null,"#,
            r#""workload":null,"workload_kind":null},"client""#
        );
        assert!(bare.contains(place), "{bare}");
    }

    #[test]
    fn a_lying_api_server_breaks_no_line() {
        let json = with(in_pod(HOSTILE));
        assert_eq!(json.lines().count(), 1);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["k8s"]["pod"], HOSTILE);
    }

    #[test]
    fn what_is_unknown_is_null_and_stays_a_key() {
        let mut request = sample::request("/");
        let keys = |json: &str| json.matches("\":").count();
        let known = keys(&json(&request));
        request.time_unix_ns = 1_000_000_000;
        (request.daemon_pid, request.daemon_tid) = (None, None);
        (request.mode, request.names) = (None, None);
        (
            request.method,
            request.path,
            request.protocol,
            request.status,
        ) = (None, None, None, None);
        request.times = Times::default();
        (request.spent, request.daemon_spent) = (None, None);
        request.client = "[::1]:1".parse().unwrap();
        request.outcome = Outcome::ServerClosed;
        let unknown = json(&request);
        assert_eq!(keys(&unknown), known);
        for part in [
            r#""time":"1970-01-01T00:00:01.000000000Z""#,
            r#""method":null,"path":null"#,
            r#""cpu":null,"cpu_apache":null,"cpu_daemon":null"#,
            r#""wait":{"runqueue":null,"lock":null"#,
            r#""status":null"#,
            r#""client":"[::1]:1""#,
            r#""outcome":"server_closed""#,
        ] {
            assert!(unknown.contains(part), "{part} in {unknown}");
        }
    }
}
