//! How full the worker pools are, and what the processes and sockets behind them
//! use: once an interval.
//!
//! ```text
//! Request ----------> occupancy --+
//! threads at work --> (spans)     |
//!                     census -----+--> Pool     \
//! /proc/PID/task ---> (workers)                  \
//! /proc/PID/stat ---> sampler --------> Process   > Snapshot
//! sock_diag ---------> listen  --------> Listener /
//! ```
//!
//! - `occupancy`, `sweep`: which threads were taken, and when.
//! - `census`, `workers`: how many threads a pool has.
//! - `sampler`: CPU time and memory of every watched process.
//! - `listen`: connections that wait to be accepted.
//! - `roles`: which process is what.
//!
//! Nothing here is sampled as far as requests go: busy time is made of the spans
//! of all finished requests and of those still under way. See docs/pools.md.

mod census;
mod group;
mod listen;
mod occupancy;
mod roles;
mod sampler;
mod sweep;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::identity::Identity;
use crate::model::Request;
use census::Census;
pub use group::Group;
pub use listen::{Listener, Listeners};
use occupancy::{Occupancy, Occupied};
pub use roles::Kind;
use roles::Roles;
use sampler::Sampler;
pub use sampler::{AT_ONCE as PROCESSES_AT_ONCE, Cpu, Process};

/// A thread that has served a request and lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Its process.
    pub pid: u32,
    /// It.
    pub tid: u32,
    /// Since when it has been at its present request: wall clock, nanoseconds since
    /// the epoch; `None` while idle.
    pub busy_since_unix_ns: Option<u64>,
}

/// What is the case as an interval ends.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// Every thread that has served a request and lives.
    pub threads: Vec<Serving>,
    /// Every watched process.
    pub watched: Vec<u32>,
    /// Those of them that were named or found; they hold the listening sockets.
    pub roots: Vec<u32>,
}

/// The pool of one process in one interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// The process: an Apache child, a mod_wsgi daemon, or another server.
    pub pid: u32,
    /// Which of these.
    pub kind: Kind,
    /// mod_wsgi's name of a daemon's group, where known.
    pub process_group: Option<Arc<str>>,
    /// Threads that can serve requests; `None` where that cannot be told.
    pub threads: Option<u32>,
    /// Threads of it that have served since the attach.
    pub started: u32,
    /// Threads at a request as the interval ended.
    pub busy: u32,
    /// Thread time spent on requests within the interval, nanoseconds.
    pub busy_ns: u64,
    /// How long all threads were at requests at once, nanoseconds; `None` where
    /// their number is not known, or there were too many requests to tell.
    pub full_ns: Option<u64>,
    /// Requests that finished in the interval.
    pub requests: u64,
    /// Length of the interval, nanoseconds.
    pub length_ns: u64,
}

impl Pool {
    /// Threads that waited for a request as the interval ended.
    #[must_use]
    pub fn idle(&self) -> Option<u32> {
        self.threads
            .map(|threads| threads.saturating_sub(self.busy))
    }

    /// Busy thread time of that which there was, 0 to 1.
    #[must_use]
    pub fn capacity_used(&self) -> Option<f64> {
        let available = u128::from(self.threads?) * u128::from(self.length_ns);
        // A thread that ended within the interval may have been replaced by another.
        (available > 0).then(|| (self.busy_ns as f64 / available as f64).min(1.0))
    }
}

/// The state of the servers as an interval ended.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// A pool for each process that has served a request and lives, or served one in
    /// the interval; by process.
    pub pools: Vec<Pool>,
    /// The watched processes, but see [`Process`]; by process.
    pub processes: Vec<Process>,
    /// Their listening sockets, by container and address.
    pub listeners: Vec<Listener>,
    /// The containers of those processes, by process; those of the host itself have none.
    pub identities: BTreeMap<u32, Arc<Identity>>,
}

/// What is said of the container of a process; `None` of one on the host itself.
pub type IdentityOf<'a> = &'a mut dyn FnMut(u32) -> Option<Arc<Identity>>;

impl Snapshot {
    /// The pool of that process.
    #[must_use]
    pub fn pool(&self, pid: u32) -> Option<&Pool> {
        let place = self.pools.binary_search_by_key(&pid, |pool| pool.pid);
        Some(&self.pools[place.ok()?])
    }

    /// That process.
    #[must_use]
    pub fn process(&self, pid: u32) -> Option<&Process> {
        let place = self
            .processes
            .binary_search_by_key(&pid, |process| process.pid);
        Some(&self.processes[place.ok()?])
    }

    fn identify(&mut self, identity: IdentityOf<'_>) {
        let processes = self.processes.iter().map(|process| process.pid);
        let pids: BTreeSet<u32> = self
            .pools
            .iter()
            .map(|pool| pool.pid)
            .chain(processes)
            .collect();
        let known = pids
            .into_iter()
            .filter_map(|pid| Some((pid, identity(pid)?)));
        self.identities = known.collect();
    }

    /// The container of that process.
    #[must_use]
    pub fn identity(&self, pid: u32) -> Option<&Arc<Identity>> {
        self.identities.get(&pid)
    }
}

/// Makes a [`Snapshot`] of each interval.
#[derive(Debug)]
pub struct Pools {
    occupancy: Occupancy,
    census: Census,
    sampler: Sampler,
    roles: Roles,
    listeners: Listeners,
}

impl Pools {
    /// The first interval begins: at nanoseconds since the epoch, with these
    /// processes watched.
    #[must_use]
    pub fn new(begin_unix_ns: u64, watched: &[u32], listeners: Listeners) -> Self {
        let (mut sampler, mut roles) = (Sampler::default(), Roles::default());
        // CPU time is a difference: this is what the first one is taken from.
        sampler.sample(watched, &mut roles);
        Self {
            occupancy: Occupancy::new(begin_unix_ns),
            census: Census::default(),
            sampler,
            roles,
            listeners,
        }
    }

    /// Takes a finished request.
    pub fn record(&mut self, request: &Request) {
        self.roles.learn(request);
        self.occupancy.record(request);
    }

    /// Ends the interval that lasted from `start` to `end`, nanoseconds since the
    /// epoch, and begins the next. `now` must have been looked at after the end, and
    /// every request that had finished by then recorded since. `identity` may be asked for
    /// processes that have ended.
    pub fn close(&mut self, start: u64, end: u64, now: &Now, identity: IdentityOf<'_>) -> Snapshot {
        let mut snapshot = Snapshot {
            pools: Vec::new(),
            processes: self.sampler.sample(&now.watched, &mut self.roles),
            listeners: self.listeners.read(&now.roots, identity),
            identities: BTreeMap::new(),
        };
        let length_ns = end.saturating_sub(start);
        self.census.begin();
        for occupied in self.occupancy.close(start, end, &now.threads) {
            let process = snapshot.process(occupied.pid);
            let pool = self.pool(&occupied, process, length_ns);
            snapshot.pools.push(pool);
        }
        self.census.end();
        snapshot.identify(identity);
        let serving = snapshot.pools.iter().map(|pool| pool.pid);
        let known: BTreeSet<u32> = serving.chain(now.watched.iter().copied()).collect();
        self.roles.retain(&known);
        snapshot
    }

    fn pool(&mut self, occupied: &Occupied, process: Option<&Process>, length_ns: u64) -> Pool {
        let role = self.roles.role(occupied.pid);
        let count = process.map(|process| process.threads);
        let threads = self
            .census
            .workers(occupied.pid, role.kind, count, &occupied.serving);
        Pool {
            pid: occupied.pid,
            kind: role.kind,
            process_group: role.group,
            threads,
            started: occupied.serving.len() as u32,
            busy: occupied.busy,
            busy_ns: occupied.busy_ns,
            full_ns: threads.and_then(|threads| occupied.full_ns(threads)),
            requests: occupied.requests,
            length_ns,
        }
    }
}
