//! Processes that serve as one pool.

use std::collections::BTreeMap;

use super::{Kind, Pool, Snapshot};

/// The processes of one pool: a daemon group's, Apache's children, or others.
#[derive(Debug, Default)]
pub struct Group {
    /// Processes.
    pub processes: u64,
    /// Threads at a request.
    pub busy: u64,
    /// All of them; `None` once a part is not known.
    pub threads: Option<u64>,
    /// Busy thread time and what there was of it, nanoseconds.
    pub used_ns: (u64, u64),
    /// How long every thread of a process was taken: the longest, nanoseconds.
    pub full_ns: Option<u64>,
    /// Requests of the window.
    pub requests: u64,
    /// Length of the window, nanoseconds.
    pub length_ns: u64,
}

impl Group {
    fn add(&mut self, pool: &Pool) {
        let threads = pool.threads.map(u64::from);
        self.processes += 1;
        self.busy += u64::from(pool.busy);
        self.threads = self.threads.zip(threads).map(|(sum, more)| sum + more);
        self.used_ns.0 += pool.busy_ns;
        self.used_ns.1 += threads.unwrap_or(0) * pool.length_ns;
        // A process of one thread is full whenever it works: that tells nothing.
        if threads > Some(1) {
            self.full_ns = self.full_ns.max(pool.full_ns);
        }
        self.requests += pool.requests;
        self.length_ns = self.length_ns.max(pool.length_ns);
    }

    /// Capacity used, 0 to 1.
    #[must_use]
    pub fn used(&self) -> Option<f64> {
        let (used, available) = self.used_ns;
        self.threads?;
        (available > 0).then(|| (used as f64 / available as f64).min(1.0))
    }
}

impl Snapshot {
    /// The pools by kind and mod_wsgi's name, which is empty where there is none.
    #[must_use]
    pub fn groups(&self) -> BTreeMap<(Kind, &str), Group> {
        let mut groups = BTreeMap::new();
        for pool in &self.pools {
            let name = pool.process_group.as_deref().unwrap_or_default();
            let group = groups.entry((pool.kind, name)).or_insert(Group {
                threads: Some(0),
                ..Group::default()
            });
            group.add(pool);
        }
        groups
    }
}
