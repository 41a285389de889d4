//! The state of pools, processes and listening sockets at the end of a window:
//! measurements of our own, beside OpenTelemetry's schema.
//!
//! | measurement | tags |
//! |---|---|
//! | `wsgiprobe.pool` | `host.name`, `process.pid`, `pool` (`daemon`, `apache`, `other`), `process_group` (mod_wsgi's, where known) |
//! | `wsgiprobe.process` | `host.name`, `process.pid`, `process.executable.name`, `type` (`httpd` Apache, `wsgi` daemon, `other`) |
//! | `wsgiprobe.listen` | `host.name`, `server.address`, `server.port` |
//!
//! Those of what runs in a container have its tags, as in [`points`](super::points).
//!
//! | field | type | is |
//! |---|---|---|
//! | `threads` `idle` | integer | threads that serve requests; of them, at none |
//! | `started` `busy` | integer | threads that have served since the attach; that are at a request |
//! | `capacity_used` | float, 0 to 1 | busy thread time / (threads x window) |
//! | `busy_time` `full_time` | float, s | busy thread time; time during which all threads were busy |
//! | `requests` | integer | requests that finished in the window |
//! | `process.cpu.time.user` `process.cpu.time.system` | float, s | CPU time used in the window, in steps of 10 ms |
//! | `process.memory.usage` | integer, bytes | resident memory |
//! | `process.memory.peak` | integer, bytes | the most that it ever was (ours) |
//! | `process.thread.count` | integer | threads of any kind |
//! | `queue` | integer | connections that wait to be accepted |
//!
//! Names in `process.` follow OpenTelemetry's metrics, whose `process.cpu.time` has
//! the mode as an attribute; here it is part of the field's name. What is not known
//! is left out; see [`pool`](crate::pool).

use std::sync::Arc;

use super::line::Line;
use crate::identity::Identity;
use crate::pool::{Kind, Listener, Pool, Process, Snapshot};

/// Gives the points of a snapshot to `emit`; it is of `time_unix_ns`, nanoseconds
/// since the epoch.
pub(super) fn all(
    hostname: &str,
    snapshot: &Snapshot,
    time_unix_ns: u64,
    emit: &mut impl FnMut(&str),
) {
    let mut out = String::new();
    let mut emit = |write: &dyn Fn(&mut String)| {
        out.clear();
        write(&mut out);
        emit(&out);
    };
    for given in &snapshot.pools {
        let identity = snapshot.identity(given.pid);
        emit(&|out| pool(out, hostname, given, identity, time_unix_ns));
    }
    for given in &snapshot.processes {
        let identity = snapshot.identity(given.pid);
        emit(&|out| process(out, hostname, given, identity, time_unix_ns));
    }
    for given in &snapshot.listeners {
        emit(&|out| listener(out, hostname, given, time_unix_ns));
    }
}

fn pool(
    out: &mut String,
    hostname: &str,
    pool: &Pool,
    identity: Option<&Arc<Identity>>,
    time_unix_ns: u64,
) {
    let mut line = Line::new(out, "wsgiprobe.pool")
        .tag("host.name", hostname)
        .identity(identity)
        .tag("pool", pool_name(pool.kind))
        .tag("process.pid", &pool.pid.to_string())
        .tag(
            "process_group",
            pool.process_group.as_deref().unwrap_or_default(),
        );
    if let (Some(threads), Some(idle)) = (pool.threads, pool.idle()) {
        line = line
            .integer("threads", threads.into())
            .integer("idle", idle.into());
    }
    if let Some(used) = pool.capacity_used() {
        line = line.float("capacity_used", used);
    }
    line.integer("started", pool.started.into())
        .integer("busy", pool.busy.into())
        .seconds("busy_time", Some(pool.busy_ns))
        .seconds("full_time", pool.full_ns)
        .integer("requests", pool.requests)
        .end(time_unix_ns);
}

fn process(
    out: &mut String,
    hostname: &str,
    process: &Process,
    identity: Option<&Arc<Identity>>,
    time_unix_ns: u64,
) {
    let mut line = Line::new(out, "wsgiprobe.process")
        .tag("host.name", hostname)
        .identity(identity)
        .tag("process.executable.name", &process.name)
        .tag("process.pid", &process.pid.to_string())
        .tag("type", process_type(process.kind));
    if let Some(cpu) = process.cpu {
        line = line
            .float("process.cpu.time.user", cpu.user)
            .float("process.cpu.time.system", cpu.system);
    }
    line = line.integer("process.memory.usage", process.rss);
    if let Some(peak) = process.max_rss {
        line = line.integer("process.memory.peak", peak);
    }
    line.integer("process.thread.count", process.threads.into())
        .end(time_unix_ns);
}

fn listener(out: &mut String, hostname: &str, listener: &Listener, time_unix_ns: u64) {
    Line::new(out, "wsgiprobe.listen")
        .tag("host.name", hostname)
        .identity(listener.identity.as_ref())
        .tag("server.address", &listener.address.ip().to_string())
        .tag("server.port", &listener.address.port().to_string())
        .integer("queue", listener.queue.into())
        .end(time_unix_ns);
}

fn pool_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Daemon => "daemon",
        Kind::Apache => "apache",
        Kind::Other => "other",
    }
}

fn process_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Daemon => "wsgi",
        Kind::Apache => "httpd",
        Kind::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::tests::bare_pod;
    use crate::identity::{Detail, Identities};
    use crate::metrics::tests::snapshot;
    use crate::pool::Cpu;

    #[test]
    fn a_pool() {
        let mut given = Pool {
            pid: 7,
            kind: Kind::Daemon,
            process_group: Some("app".into()),
            threads: Some(5),
            started: 3,
            busy: 2,
            busy_ns: 1_250_000_000,
            full_ns: Some(100_000_000),
            requests: 9,
            length_ns: 1_000_000_000,
        };
        let mut out = String::new();
        pool(&mut out, "h", &given, None, 1);
        given.process_group = None;
        (given.threads, given.full_ns) = (None, None);
        pool(&mut out, "h", &given, None, 2);
        assert_eq!(
            out,
            "wsgiprobe.pool,host.name=h,pool=daemon,process.pid=7,process_group=app \
             threads=5i,idle=3i,capacity_used=0.25,started=3i,busy=2i,busy_time=1.25,\
             full_time=0.1,requests=9i 1\n\
             wsgiprobe.pool,host.name=h,pool=daemon,process.pid=7 \
             started=3i,busy=2i,busy_time=1.25,requests=9i 2\n"
        );
    }

    #[test]
    fn a_process_and_a_socket() {
        let mut out = String::new();
        let cpu = Cpu {
            user: 0.25,
            system: 0.01,
            elapsed: 1.0,
        };
        let given = Process {
            pid: 7,
            kind: Kind::Apache,
            name: "apache2".into(),
            cpu: Some(cpu),
            rss: 4096,
            max_rss: Some(8192),
            threads: 27,
        };
        process(&mut out, "h", &given, None, 1);
        let socket = Listener {
            identity: None,
            address: "[::]:80".parse().unwrap(),
            queue: 4,
        };
        listener(&mut out, "h", &socket, 1);
        assert_eq!(
            out,
            "wsgiprobe.process,host.name=h,process.executable.name=apache2,process.pid=7,\
             type=httpd process.cpu.time.user=0.25,process.cpu.time.system=0.01,\
             process.memory.usage=4096i,process.memory.peak=8192i,process.thread.count=27i 1\n\
             wsgiprobe.listen,host.name=h,server.address=::,server.port=80 queue=4i 1\n"
        );
    }

    #[test]
    fn what_runs_in_a_container_says_so() {
        let mut snapshot = snapshot();
        let mut identities = Identities::new(Detail::Container);
        let identity = identities.of(&bare_pod("p q"));
        snapshot
            .identities
            .extend(identity.clone().map(|it| (7, it)));
        snapshot.listeners[0].identity = identity;
        let mut starts = Vec::new();
        all("h", &snapshot, 1, &mut |point: &str| {
            let (tags, _) = point.rsplit_once(",k8s.pod.name=p\\ q,").unwrap();
            starts.push(tags.to_owned());
        });
        let expected = ["pool", "process", "listen"];
        let tags = "host.name=h,k8s.namespace.name=shop";
        assert_eq!(
            starts,
            expected.map(|what| format!("wsgiprobe.{what},{tags}"))
        );
    }
}
