//! A request as every later stage sees it: decoded, in host terms.
//!
//! What the kernel did not see is `None`, and stays `null` in JSON.

use std::net::SocketAddr;
use std::sync::Arc;

pub use profiler_common::account::{Spent, Wait};
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
    /// mod_wsgi's words for where it ran; `None` in embedded mode or where unknown.
    pub names: Option<Arc<Names>>,
    /// The container that the server runs in; `None` on the host itself.
    pub container: Option<Arc<Container>>,
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
    /// What the threads that read and answered it spent on it: Apache's, but for
    /// [`Mode::Http`].
    pub spent: Option<Spent>,
    /// What the daemon's thread spent on it.
    pub daemon_spent: Option<Spent>,
    /// How long one of those threads was taken: from waking up for it until it was
    /// last seen at work on it.
    pub busy: Option<Span>,
    /// The same of the daemon's thread.
    pub daemon_busy: Option<Span>,
    /// Address and port (or path) of the peer that it waited for longest at a time.
    pub upstream: Option<Arc<str>>,
    /// How it ended.
    pub outcome: Outcome,
    /// It began before the attach.
    pub incomplete: bool,
}

impl Request {
    /// CPU time of all threads that served it.
    #[must_use]
    pub fn cpu(&self) -> Option<u64> {
        let daemon = self.daemon_spent.as_ref();
        Some(self.spent.as_ref()?.cpu + daemon.map_or(0, |spent| spent.cpu))
    }

    /// CPU time of Apache's threads: another server has none.
    #[must_use]
    pub fn cpu_apache(&self) -> Option<u64> {
        let spent = self.spent.as_ref()?;
        (self.mode != Some(Mode::Http)).then_some(spent.cpu)
    }

    /// What all threads that served it waited for that.
    #[must_use]
    pub fn waited(&self, wait: Wait) -> Option<u64> {
        let daemon = self.daemon_spent.as_ref();
        Some(self.spent.as_ref()?.waited(wait) + daemon.map_or(0, |spent| spent.waited(wait)))
    }

    /// Process and thread of the pool that it occupied, and how long: the daemon's,
    /// or else the one that answered it.
    #[must_use]
    pub fn occupied(&self) -> Option<(u32, u32, Span)> {
        match (self.mode, self.daemon_pid, self.daemon_tid) {
            (Some(Mode::Daemon), Some(pid), Some(tid)) => Some((pid, tid, self.daemon_busy?)),
            (Some(Mode::Daemon), ..) => None,
            _ => Some((self.pid, self.tid, self.busy?)),
        }
    }
}

/// mod_wsgi's words for where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// `mod_wsgi.process_group`.
    pub process_group: String,
    /// `mod_wsgi.application_group`; empty for `%{GLOBAL}`.
    pub application_group: String,
    /// `SCRIPT_NAME`: where the application is mounted; empty at the root.
    pub script_name: String,
}

/// A container, and what Kubernetes calls it. What is learnt later is in a new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The engine's id for it: 64 hexadecimal digits (OpenTelemetry's `container.id`).
    pub id: String,
    /// `docker`, `containerd`, `cri-o`, `podman`: where its cgroup tells.
    pub runtime: Option<&'static str>,
    /// Its pod's, with hyphens; `None` outside of Kubernetes.
    pub pod_uid: Option<String>,
    /// What the API server says of it; `None` without access to one, or not yet.
    pub kubernetes: Option<Kubernetes>,
}

/// A container in Kubernetes. Names are those of OpenTelemetry's `k8s.*.name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    /// `k8s.namespace.name`.
    pub namespace: String,
    /// `k8s.pod.name`.
    pub pod: String,
    /// `k8s.container.name`; `None` until the node has told which of the pod's it is.
    pub container: Option<String>,
    /// `k8s.node.name`.
    pub node: Option<String>,
    /// What keeps such pods running; `None` of a pod that stands for itself.
    pub workload: Option<Workload>,
}

/// What keeps pods running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Kubernetes' word for its kind: `Deployment`, `StatefulSet`, `DaemonSet`, `CronJob`...
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A stretch of time: wall clock, nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its begin.
    pub begin_unix_ns: u64,
    /// Its end.
    pub end_unix_ns: u64,
}

impl Span {
    /// Its length, nanoseconds.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.end_unix_ns.saturating_sub(self.begin_unix_ns)
    }
}

/// Where a request's time went: nanoseconds, `None` where not measured.
///
/// The five from `server_time` to `send_time` follow one another and cover
/// `duration`; the names are mod_wsgi's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Request line complete to last write; `None` if nothing was written.
    pub duration: Option<u64>,
    /// Connection established to the server's first try to read from it; only for
    /// the first request of a connection.
    pub accept_wait: Option<u64>,
    /// First byte to head complete.
    pub read_time: Option<u64>,
    /// Request line complete to handed over: to a daemon, or in embedded mode with
    /// the head complete. All of `duration` where Apache answered by itself.
    pub server_time: Option<u64>,
    /// Handed over to the daemon's first read; daemon mode only.
    pub queue_time: Option<u64>,
    /// That first read to the start of the application; daemon mode only.
    pub daemon_time: Option<u64>,
    /// Start of the application until it was done with the request.
    pub application_time: Option<u64>,
    /// The application's end to the last write; 0 if that came first.
    pub send_time: Option<u64>,
    /// Request line complete to first byte of the final response.
    pub ttfb: Option<u64>,
    /// A thread of the pool was taken: the daemon's, or else the server's own.
    pub busy_time: Option<u64>,
}
