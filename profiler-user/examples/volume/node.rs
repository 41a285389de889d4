//! A node in numbers: its containers, what they serve, and what is known as a window ends.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use profiler_common::stats::Counter;
use wsgiprobe::aggregate::Aggregator;
use wsgiprobe::identity::Detail;
use wsgiprobe::limits::Limits;
use wsgiprobe::model::{
    Container, Kubernetes, Mode, Names, Outcome, Request, Span, Spent, Times, Workload,
};
use wsgiprobe::pool::{Cpu, Kind, Listener, PROCESSES_AT_ONCE, Pool, Process, Snapshot};
use wsgiprobe::summary::{Facts, ProbeCost, Summary};
use wsgiprobe::tick::{About, Points, Tick};

/// Of each container: Apache, a daemon and two children.
pub const PROCESSES: usize = 4;

/// Pods of one workload on the node.
const REPLICAS: usize = 5;

/// Begin of the first window: nanoseconds since the epoch.
const BEGIN: u64 = 1_796_000_000_000_000_000;

/// How many of a hundred requests have which method and status.
const KINDS: [(&str, u16, u32); 6] = [
    ("GET", 200, 86),
    ("POST", 201, 6),
    ("GET", 304, 3),
    ("GET", 404, 2),
    ("POST", 400, 2),
    ("GET", 500, 1),
];

/// The node.
pub struct Node {
    pub interval: Duration,
    containers: Vec<Arc<Container>>,
    routes: Vec<Arc<str>>,
    rate: u64,
    aggregator: Aggregator,
    random: fastrand::Rng,
    windows: u64,
    served: u64,
}

impl Node {
    /// One with so many containers and routes of each, and requests a second.
    pub fn new(
        containers: usize,
        routes: usize,
        rate: u64,
        interval: Duration,
        detail: Detail,
    ) -> Self {
        Self {
            interval,
            containers: (0..containers).map(|n| Arc::new(container(n))).collect(),
            routes: (0..routes)
                .map(|n| format!("/api/v1/resource-{n}/{{id}}").into())
                .collect(),
            rate,
            aggregator: Aggregator::with(detail),
            // The same in each run, so that rows of the table can be compared.
            random: fastrand::Rng::with_seed(1),
            windows: 0,
            served: 0,
        }
    }

    /// What a run says of itself.
    pub fn about(&self) -> About {
        About {
            version: env!("CARGO_PKG_VERSION"),
            hostname: "ip-10-20-30-40.eu-central-1.compute.internal".into(),
            kernel: "6.8.0-1021-aws".into(),
            hooks: "sock",
            targets: Vec::new(),
            interval: self.interval,
            began_unix_ns: BEGIN,
        }
    }

    /// Windows until every process has had its turn.
    pub fn windows_of_a_round(&self) -> usize {
        (self.containers.len() * PROCESSES).div_ceil(PROCESSES_AT_ONCE) + 1
    }

    /// A second's requests.
    pub fn second(&mut self) -> Vec<Request> {
        (0..self.rate).map(|_| self.request()).collect()
    }

    /// The next window.
    pub fn window(&mut self) -> Tick {
        let length = self.interval.as_nanos() as u64;
        for _ in 0..(self.rate as f64 * self.interval.as_secs_f64()) as u64 {
            let request = self.request();
            self.aggregator.record(&request);
        }
        let start = BEGIN + self.windows * length;
        self.windows += 1;
        let snapshot = self.snapshot(length);
        let counters = Counter::ALL.iter().map(|counter| (*counter, 0));
        let mut counters: Vec<_> = counters.collect();
        for (counter, count) in &mut counters {
            if *counter == Counter::Seen {
                *count = self.served;
            }
        }
        let account = Summary::new(Facts {
            counters: &counters,
            reported: self.served,
            undecoded: 0,
            overflowed_routes: 0,
            skipped_runs: 0,
            limits: Limits::default(),
            in_flight: None,
            hooks: "sock",
            kernel: "6.8.0-1021-aws".into(),
            attach_time: Duration::from_millis(80),
            probe: ProbeCost {
                cpu_s: self.served as f64 / 1e6,
                rss_bytes: 40 << 20,
                kernel_bytes: Some(16 << 20),
                kernel_bytes_max: Some(58 << 20),
                ..ProbeCost::default()
            },
        });
        Tick {
            window: self.aggregator.close(start, start + length),
            snapshot,
            account,
            points: Some(Points::default()),
        }
    }

    /// As `pool` makes it: the processes take turns, pools and sockets are all there.
    fn snapshot(&mut self, length_ns: u64) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let count = self.containers.len() * PROCESSES;
        let first = (self.windows as usize - 1) * PROCESSES_AT_ONCE % count;
        let mut turn: Vec<usize> = (0..count.min(PROCESSES_AT_ONCE))
            .map(|n| (first + n) % count)
            .collect();
        turn.sort_unstable();
        snapshot.processes = turn.into_iter().map(process).collect();
        let mut identities = BTreeMap::new();
        for (n, container) in self.containers.iter().enumerate() {
            let identity = self.aggregator.identity(container);
            for place in 0..PROCESSES {
                let pid = pid(n, place);
                identities.extend(identity.clone().map(|identity| (pid, identity)));
                // Apache's own first process serves nobody.
                if place > 0 {
                    snapshot.pools.push(pool(pid, place, length_ns));
                }
            }
            snapshot.listeners.push(Listener {
                identity,
                address: SocketAddr::from(([0, 0, 0, 0], 80)),
                queue: 0,
            });
        }
        // As `pool` does: without a container to tell them apart they are one.
        snapshot
            .listeners
            .dedup_by(|one, other| one.identity == other.identity);
        snapshot.identities = identities;
        snapshot
    }

    fn request(&mut self) -> Request {
        let n = self.random.usize(..self.containers.len());
        // Some routes are asked for more than others.
        let most = self.random.usize(1..=self.routes.len());
        let route = Arc::clone(&self.routes[self.random.usize(..most)]);
        let mut left = self.random.u32(..100);
        let (method, status, _) = KINDS
            .into_iter()
            .find(|(_, _, share)| left.checked_sub(*share).map(|rest| left = rest).is_none())
            .unwrap_or(KINDS[0]);
        // From a millisecond to two seconds.
        let took = (1e6 * 2_000_f64.powf(self.random.f64())) as u64;
        self.served += 1;
        let end = BEGIN + self.served * 1_000_000_000 / self.rate;
        let span = Span {
            begin_unix_ns: end - took,
            end_unix_ns: end,
        };
        let spent = Spent {
            cpu: took / 4,
            ..Spent::default()
        };
        Request {
            time_unix_ns: end - took,
            end_unix_ns: end,
            pid: pid(n, 2),
            tid: pid(n, 2),
            daemon_pid: Some(pid(n, 1)),
            daemon_tid: Some(pid(n, 1)),
            mode: Some(Mode::Daemon),
            names: Some(Arc::new(Names {
                process_group: "app".into(),
                application_group: String::new(),
                script_name: String::new(),
            })),
            container: Some(Arc::clone(&self.containers[n])),
            client: SocketAddr::from(([10, 1, 2, 3], 40_000)),
            server: SocketAddr::from(([10, 1, 2, 4], 80)),
            method: Some(method.into()),
            path: Some(route.replace("{id}", &(took % 100_000).to_string())),
            path_truncated: false,
            route,
            protocol: Some("1.1"),
            status: Some(status),
            request_bytes: 400,
            response_bytes: took % 20_000,
            times: times(took),
            spent: Some(spent),
            daemon_spent: Some(spent),
            busy: Some(span),
            daemon_busy: Some(span),
            upstream: Some("10.96.0.12:5432".into()),
            outcome: Outcome::Ok,
            incomplete: false,
        }
    }
}

fn times(took: u64) -> Times {
    Times {
        duration: Some(took),
        accept_wait: None,
        read_time: Some(took / 50),
        server_time: Some(took / 20),
        queue_time: Some(took / 10),
        daemon_time: Some(took / 20),
        application_time: Some(took / 2),
        send_time: Some(took / 10),
        ttfb: Some(took / 2),
        busy_time: Some(took / 2),
    }
}

/// In a pod of its own, as a Deployment makes them.
fn container(n: usize) -> Container {
    let workload = format!("shop-service-{}", n / REPLICAS);
    let scrambled = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Container {
        id: format!("{scrambled:016x}").repeat(4),
        runtime: Some("containerd"),
        pod_uid: None,
        kubernetes: Some(Kubernetes {
            namespace: "production".into(),
            pod: format!("{workload}-6d4cf56db6-{:05x}", scrambled >> 44),
            container: Some("web".into()),
            node: Some("ip-10-20-30-40.eu-central-1.compute.internal".into()),
            workload: Some(Workload {
                kind: "Deployment".into(),
                name: workload,
            }),
        }),
    }
}

fn pid(container: usize, place: usize) -> u32 {
    (10_000 + container * PROCESSES + place) as u32
}

fn kind(place: usize) -> Kind {
    if place == 1 {
        Kind::Daemon
    } else {
        Kind::Apache
    }
}

fn process(n: usize) -> Process {
    Process {
        pid: pid(0, n),
        kind: kind(n % PROCESSES),
        name: "apache2".into(),
        cpu: Some(Cpu {
            user: 0.5,
            system: 0.1,
            elapsed: 10.0,
        }),
        rss: (40 << 20) + n as u64 * 4_096,
        max_rss: Some((50 << 20) + n as u64 * 4_096),
        threads: 17,
    }
}

fn pool(pid: u32, place: usize, length_ns: u64) -> Pool {
    let is_daemon = kind(place) == Kind::Daemon;
    Pool {
        pid,
        kind: kind(place),
        process_group: is_daemon.then(|| "app".into()),
        threads: Some(15),
        started: 15,
        busy: 3,
        busy_ns: length_ns / 7,
        full_ns: Some(length_ns / 1_000),
        requests: 20,
        length_ns,
    }
}
