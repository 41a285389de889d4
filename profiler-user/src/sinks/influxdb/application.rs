//! The requests of one process that runs the application, in the
//! [workshop's](super::workshop) fields.

use std::collections::HashMap;

use super::buckets::{self, Buckets};
use super::line::Line;
use crate::aggregate::Window;
use crate::pool::{Pool, Snapshot};

/// The four parts of a request that mod_wsgi tells: names of field and bucket, and
/// whether an embedded application has it.
const PARTS: [(&str, &str, bool); 4] = [
    ("server_time", "server_time_bucket", true),
    ("queue_time", "queue_time_bucket", false),
    ("daemon_time", "daemon_time_bucket", false),
    ("application_time", "application_time_bucket", true),
];

/// One of them, over a window.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    sum: u64,
    count: u64,
    buckets: Buckets,
}

/// The requests of a process since the last window.
#[derive(Debug, Default)]
pub(super) struct Application {
    requests: u64,
    parts: [Part; PARTS.len()],
    /// By thread.
    threads: HashMap<u32, u64>,
    is_daemon: bool,
}

impl Application {
    /// Counts a request: its thread, and the parts of its time in nanoseconds.
    pub(super) fn record(&mut self, tid: u32, is_daemon: bool, parts: [Option<u64>; PARTS.len()]) {
        self.requests += 1;
        self.is_daemon = is_daemon;
        *self.threads.entry(tid).or_default() += 1;
        for (part, ns) in self.parts.iter_mut().zip(parts) {
            if let Some(ns) = ns {
                part.sum += ns;
                part.count += 1;
                part.buckets[buckets::index(ns)] += 1;
            }
        }
    }

    /// Whether there was any.
    pub(super) fn has_requests(&self) -> bool {
        self.requests > 0
    }

    /// Ends the point of the process itself.
    pub(super) fn metrics(&self, line: Line<'_>, pid: u32, window: &Window, snapshot: &Snapshot) {
        // A window without length has no rate: infinity is left out.
        let mut line = line.float(
            "request_throughput",
            self.requests as f64 / window.seconds(),
        );
        let pool = snapshot.pool(pid);
        if let Some(used) = pool.and_then(Pool::capacity_used) {
            line = line.float("capacity_utilization", used);
        }
        for (part, (name, _, is_embedded)) in self.parts.iter().zip(PARTS) {
            if !(is_embedded || self.is_daemon) {
                continue;
            }
            if part.count > 0 {
                line = line.float(name, part.sum as f64 / part.count as f64 / 1e9);
            } else if self.requests == 0 {
                line = line.float(name, 0.0);
            }
        }
        if let Some(process) = snapshot.process(pid) {
            if let Some(cpu) = process.cpu {
                line = line
                    .float("cpu_user_time", cpu.user / cpu.elapsed)
                    .float("cpu_system_time", cpu.system / cpu.elapsed);
            }
            line = line.integer("memory_rss", process.rss);
            if let Some(bytes) = process.max_rss {
                line = line.integer("memory_max_rss", bytes);
            }
        }
        if let Some(pool) = pool {
            if let Some(threads) = pool.threads {
                line = line.integer("request_threads_maximum", threads.into());
            }
            line = line
                .integer("request_threads_started", pool.started.into())
                .integer("request_threads_active", pool.busy.into());
        }
        line.end(window.end_unix_ns);
    }

    /// Adds what fell into a bucket.
    pub(super) fn bucket<'a>(&self, mut line: Line<'a>, bucket: usize) -> Line<'a> {
        for (part, (_, name, is_embedded)) in self.parts.iter().zip(PARTS) {
            if is_embedded || self.is_daemon {
                line = line.integer(name, part.buckets[bucket]);
            }
        }
        line
    }

    /// Requests of each thread, most first; as many as the pool has `threads`.
    pub(super) fn by_thread(&self, threads: Option<u32>) -> Vec<u64> {
        let mut requests: Vec<u64> = self.threads.values().copied().collect();
        requests.sort_unstable_by(|one, other| other.cmp(one));
        let length = requests.len().max(threads.unwrap_or(0) as usize);
        requests.resize(length, 0);
        requests
    }

    /// Begins the next window.
    pub(super) fn begin(&mut self) {
        *self = Self {
            is_daemon: self.is_daemon,
            ..Self::default()
        };
    }
}
