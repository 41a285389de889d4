//! A line of `--jsonl`, read back.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::{Container, Kubernetes, Mode, Outcome, Request, Spent, Times, Wait, Workload};

/// What the report needs of it. Keys that are missing are unknown, and further ones
/// are left alone: files of older and later versions can be read.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    time: Timestamp,
    pid: u32,
    #[serde(default)]
    tid: u32,
    daemon_pid: Option<u32>,
    daemon_tid: Option<u32>,
    #[serde(borrow)]
    mode: Option<Cow<'a, str>>,
    #[serde(borrow)]
    container_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    k8s: Option<Place<'a>>,
    client: Option<SocketAddr>,
    server: Option<SocketAddr>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    path: Option<Cow<'a, str>>,
    #[serde(default)]
    path_truncated: bool,
    #[serde(borrow)]
    route: Cow<'a, str>,
    status: Option<u16>,
    #[serde(default)]
    request_bytes: u64,
    #[serde(default)]
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
    cpu_daemon: Option<u64>,
    #[serde(default)]
    wait: Waits,
    #[serde(borrow)]
    outcome: Option<Cow<'a, str>>,
    #[serde(default)]
    incomplete: bool,
}

#[derive(Debug, Deserialize)]
struct Place<'a> {
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    pod: Cow<'a, str>,
    #[serde(borrow)]
    container: Option<Cow<'a, str>>,
    #[serde(borrow)]
    node: Option<Cow<'a, str>>,
    #[serde(borrow)]
    workload: Option<Cow<'a, str>>,
    #[serde(borrow)]
    workload_kind: Option<Cow<'a, str>>,
}

impl Place<'_> {
    fn kubernetes(&self) -> Kubernetes {
        let owned = |text: &Cow<'_, str>| text.as_ref().to_owned();
        let workload = self.workload.as_ref().zip(self.workload_kind.as_ref());
        Kubernetes {
            namespace: owned(&self.namespace),
            pod: owned(&self.pod),
            container: self.container.as_ref().map(owned),
            node: self.node.as_ref().map(owned),
            workload: workload.map(|(name, kind)| Workload {
                kind: owned(kind),
                name: owned(name),
            }),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct Waits {
    runqueue: Option<u64>,
    lock: Option<u64>,
    upstream: Option<u64>,
    client: Option<u64>,
    disk: Option<u64>,
    sleep: Option<u64>,
    other: Option<u64>,
}

impl Line<'_> {
    /// As the request that it was written of, as far as that can be told: waits are
    /// written as sums of both threads. Here that for the client is Apache's, and what
    /// of the run queue's does not fit the daemon's time; the others are the daemon's.
    pub(super) fn request(&self) -> Request {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let time = u64::try_from(self.time.as_nanosecond()).unwrap_or(0);
        let mode = self.mode.as_deref().and_then(mode);
        let (spent, daemon_spent) = self.spent(mode);
        Request {
            time_unix_ns: time,
            end_unix_ns: time.saturating_add(self.duration.unwrap_or(0)),
            pid: self.pid,
            tid: self.tid,
            daemon_pid: self.daemon_pid,
            daemon_tid: self.daemon_tid,
            mode,
            names: None,
            container: self.container().map(Arc::new),
            client: self.client.unwrap_or(nowhere),
            server: self.server.unwrap_or(nowhere),
            method: self.method.as_deref().map(Arc::from),
            path: self.path.as_deref().map(str::to_owned),
            path_truncated: self.path_truncated,
            route: Arc::from(&*self.route),
            protocol: None,
            status: self.status,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            times: Times {
                duration: self.duration,
                accept_wait: self.accept_wait,
                read_time: self.read_time,
                server_time: self.server_time,
                queue_time: self.queue_time,
                daemon_time: self.daemon_time,
                application_time: self.application_time,
                send_time: self.send_time,
                ttfb: self.ttfb,
                busy_time: self.busy_time,
            },
            spent,
            daemon_spent,
            busy: None,
            daemon_busy: None,
            upstream: None,
            outcome: self.outcome.as_deref().map_or(Outcome::Ok, outcome),
            incomplete: self.incomplete,
        }
    }

    /// Which engine it is of is not written.
    fn container(&self) -> Option<Container> {
        Some(Container {
            id: self.container_id.as_deref()?.to_owned(),
            runtime: None,
            pod_uid: None,
            kubernetes: self.k8s.as_ref().map(Place::kubernetes),
        })
    }

    fn spent(&self, mode: Option<Mode>) -> (Option<Spent>, Option<Spent>) {
        let Some(cpu) = self.cpu else {
            return (None, None);
        };
        let in_daemon = mode == Some(Mode::Daemon);
        let of_daemon = self.cpu_daemon.filter(|_| in_daemon);
        let mut apache = Spent::default();
        let mut daemon = Spent::default();
        apache.cpu = cpu.saturating_sub(of_daemon.unwrap_or(0));
        daemon.cpu = of_daemon.unwrap_or(0);
        let waits = [
            (Wait::Runqueue, self.wait.runqueue),
            (Wait::Lock, self.wait.lock),
            (Wait::Upstream, self.wait.upstream),
            (Wait::Client, self.wait.client),
            (Wait::Disk, self.wait.disk),
            (Wait::Sleep, self.wait.sleep),
            (Wait::Other, self.wait.other),
        ];
        for (wait, ns) in waits {
            let thread = if of_daemon.is_some() && wait != Wait::Client {
                &mut daemon
            } else {
                &mut apache
            };
            thread.wait[wait as usize] = ns.unwrap_or(0);
        }
        if of_daemon.is_some() {
            // More than the daemon had the request for: the rest was Apache's.
            let parts = [self.daemon_time, self.application_time];
            let wall: u64 = parts.into_iter().flatten().sum();
            let waited: u64 = daemon.wait.iter().sum();
            let excess = (waited + daemon.cpu).saturating_sub(wall);
            let moved = excess.min(daemon.waited(Wait::Runqueue));
            daemon.wait[Wait::Runqueue as usize] -= moved;
            apache.wait[Wait::Runqueue as usize] = moved;
        }
        (Some(apache), of_daemon.map(|_| daemon))
    }
}

fn mode(word: &str) -> Option<Mode> {
    match word {
        "embedded" => Some(Mode::Embedded),
        "daemon" => Some(Mode::Daemon),
        "static" => Some(Mode::Static),
        "http" => Some(Mode::Http),
        _ => None,
    }
}

fn outcome(word: &str) -> Outcome {
    match word {
        "client_closed" => Outcome::ClientClosed,
        "server_closed" => Outcome::ServerClosed,
        "timeout" => Outcome::Timeout,
        "upgraded" => Outcome::Upgraded,
        _ => Outcome::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{Shares, Stats};
    use crate::identity::tests::{HOSTILE, bare_pod, docker, in_pod};
    use crate::request::sample;
    use crate::sinks::jsonl;

    #[test]
    fn what_was_written_is_read_back() {
        for path in ["/daemon", "/quote\"</script>\u{1F600}\\"] {
            let written = sample::request(path);
            let line = jsonl::line(&written);
            let read = serde_json::from_slice::<Line<'_>>(&line).unwrap().request();
            assert_eq!(read.path, written.path);
            assert_eq!(read.time_unix_ns, written.time_unix_ns);
            assert_eq!(Shares::of(&read), Shares::of(&written));
            let mut stats = (Stats::new(), Stats::new());
            stats.0.record(&read);
            stats.1.record(&written);
            let sums = |stats: &Stats| stats.anatomy.sums().collect::<Vec<_>>();
            assert_eq!(sums(&stats.0), sums(&stats.1));
            assert_eq!(stats.0.max(), stats.1.max());
        }
    }

    #[test]
    fn a_container_is_read_back() {
        for container in [docker(7), in_pod(HOSTILE), bare_pod("p")] {
            let mut written = sample::request("/");
            written.container = Some(Arc::clone(&container));
            let line = jsonl::line(&written);
            let read = serde_json::from_slice::<Line<'_>>(&line).unwrap().request();
            let read = read.container.unwrap();
            assert_eq!(read.id, container.id);
            assert_eq!(read.kubernetes, container.kubernetes);
        }
    }

    #[test]
    fn what_the_daemon_had_no_time_for_was_apaches() {
        let mut written = sample::request("/");
        written.spent.as_mut().unwrap().wait[Wait::Runqueue as usize] = 70_000;
        let line = jsonl::line(&written);
        let read = serde_json::from_slice::<Line<'_>>(&line).unwrap().request();
        // 50 µs of the daemon's time are not explained: as much may be either's.
        assert_eq!(read.spent.unwrap().waited(Wait::Runqueue), 20_000);
        assert_eq!(read.daemon_spent.unwrap().waited(Wait::Runqueue), 100_000);
        assert_eq!(read.waited(Wait::Runqueue), written.waited(Wait::Runqueue));
    }

    #[test]
    fn words_are_those_that_are_written() {
        use crate::sinks::names;
        for known in [Mode::Embedded, Mode::Daemon, Mode::Static, Mode::Http] {
            assert_eq!(mode(names::mode(known)), Some(known));
        }
        for known in [
            Outcome::Ok,
            Outcome::ClientClosed,
            Outcome::ServerClosed,
            Outcome::Timeout,
            Outcome::Upgraded,
        ] {
            assert_eq!(outcome(names::outcome(known)), known);
        }
    }

    #[test]
    fn what_is_not_known_stays_so() {
        let text = r#"{"time":"2026-11-21T09:37:03Z","pid":1,"route":"/","new":1}"#;
        let request = serde_json::from_str::<Line<'_>>(text).unwrap().request();
        assert_eq!((request.times.duration, request.status), (None, None));
        assert!(request.container.is_none());
        assert!(request.spent.is_none() && request.daemon_spent.is_none());
    }
}
