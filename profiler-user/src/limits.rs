//! What bounds a run: each limit, the option that sets it, and the counter that
//! tells when it was hit.

use profiler_common::limits::{
    BLOB_ENTRIES, CONNECTION_ENTRIES, CONNECTIONS_PER_LONG_PATH, CONNECTIONS_PER_PARKED,
    CONNECTIONS_PER_PIPELINED, HANDOVER_ENTRIES, MIN_ENTRIES, PORT_ENTRIES, PROCESS_ENTRIES,
    RING_BYTES,
};
use profiler_common::stats::Counter;

/// Requests reported under `_other`: their route found no place.
pub const ROUTE_OVERFLOW: &str = "route_overflow";

/// Most of each kind that a run keeps. Whoever has no place is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `--max-connections`
    pub connections: u32,
    /// `--max-handovers`
    pub handovers: u32,
    /// `--max-processes`
    pub processes: u32,
    /// `--max-names`
    pub names: u32,
    /// `--max-ports`
    pub ports: u32,
    /// `--max-routes`
    pub routes: u32,
    /// `--ring-size`, bytes: a power of two, at least a page.
    pub ring_bytes: u32,
}

/// Routes kept apart by default: what a table or a dashboard can show.
pub const ROUTES: u32 = 200;

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTION_ENTRIES,
            handovers: HANDOVER_ENTRIES,
            processes: PROCESS_ENTRIES,
            names: BLOB_ENTRIES,
            ports: PORT_ENTRIES,
            routes: ROUTES,
            ring_bytes: RING_BYTES,
        }
    }
}

impl Limits {
    /// As little as possible: for a look at whether anything works at all.
    pub const SMALLEST: Self = Self {
        connections: MIN_ENTRIES,
        handovers: MIN_ENTRIES,
        processes: MIN_ENTRIES,
        names: MIN_ENTRIES,
        ports: MIN_ENTRIES,
        routes: 1,
        ring_bytes: 1 << 16,
    };

    /// The kernel's maps by name, and the entries (of the ring buffer: bytes) of each.
    #[must_use]
    pub fn maps(&self) -> [(&'static str, u32); 9] {
        let of = |all: u32, share: u32| (all / share).max(MIN_ENTRIES);
        [
            ("CONNS", self.connections),
            ("QUEUE", of(self.connections, CONNECTIONS_PER_PIPELINED)),
            (
                "LONG_PATHS",
                of(self.connections, CONNECTIONS_PER_LONG_PATH),
            ),
            ("PARKED", of(self.connections, CONNECTIONS_PER_PARKED)),
            ("HANDOVERS", self.handovers),
            ("WATCHED", self.processes),
            ("INTERNED", self.names),
            ("PORTS", self.ports),
            ("EVENTS", self.ring_bytes),
        ]
    }

    fn set_by(&self, option: &str) -> u32 {
        match option {
            "--max-connections" => self.connections,
            "--max-handovers" => self.handovers,
            "--max-processes" => self.processes,
            "--max-names" => self.names,
            "--max-ports" => self.ports,
            "--max-routes" => self.routes,
            _ => self.ring_bytes,
        }
    }
}

/// A limit that can be hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The counter of what it cost.
    pub counter: &'static str,
    /// What there was no room for.
    pub of: &'static str,
    /// What it cost, after a number.
    pub cost: &'static str,
    /// The option that raises it.
    pub option: &'static str,
}

/// All of them.
pub const ALL: [Limit; 9] = [
    limit(
        Counter::RingFull,
        "the ring buffer was full",
        "requests lost: user space could not keep up",
        "--ring-size",
    ),
    limit(
        Counter::MapFull,
        "more connections than are tracked",
        "requests lost",
        "--max-connections",
    ),
    limit(
        Counter::PipelineFull,
        "too many pipelined requests at a time",
        "requests lost",
        "--max-connections",
    ),
    limit(
        Counter::LongPathFull,
        "too many long paths at a time",
        "paths reported cut",
        "--max-connections",
    ),
    limit(
        Counter::ParkedFull,
        "too many requests whose clients left before their daemons were done",
        "requests without the daemon's end",
        "--max-connections",
    ),
    limit(
        Counter::HandoverFull,
        "too many requests with daemons at a time",
        "requests without the daemon's part",
        "--max-handovers",
    ),
    limit(
        Counter::ProcessFull,
        "more processes than are followed",
        "processes not followed: their requests are not seen",
        "--max-processes",
    ),
    limit(
        Counter::NameFull,
        "too many different names and peers",
        "names or upstreams missing",
        "--max-names",
    ),
    Limit {
        counter: Counter::PortFull.name(),
        of: "more ports than are known",
        cost: "ports unknown: their connections are taken up at the first read",
        option: "--max-ports",
    },
];

/// The one of user space.
pub const ROUTES_LIMIT: Limit = Limit {
    counter: ROUTE_OVERFLOW,
    of: "more routes, or longer ones, than are kept apart",
    cost: "requests reported under _other",
    option: "--max-routes",
};

const fn limit(
    counter: Counter,
    of: &'static str,
    cost: &'static str,
    option: &'static str,
) -> Limit {
    Limit {
        counter: counter.name(),
        of,
        cost,
        option,
    }
}

impl Limit {
    /// The one that a counter tells of.
    #[must_use]
    pub fn of(counter: &str) -> Option<&'static Self> {
        let all = ALL.iter().chain([&ROUTES_LIMIT]);
        all.into_iter().find(|limit| limit.counter == counter)
    }

    /// What the option was set to.
    #[must_use]
    pub fn value(&self, limits: &Limits) -> u32 {
        limits.set_by(self.option)
    }

    /// In words: what it cost, why, and what raises it.
    #[must_use]
    pub fn words(&self, limits: &Limits) -> String {
        let value = self.value(limits);
        let value = match self.option {
            "--ring-size" => bytesize::ByteSize(u64::from(value))
                .display()
                .iec()
                .to_string(),
            _ => value.to_string(),
        };
        let Self {
            of, cost, option, ..
        } = self;
        format!("{cost}; {of}: raise {option} ({value})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_options_leave_no_map_without_room() {
        for (name, entries) in Limits::SMALLEST.maps() {
            assert!(entries >= MIN_ENTRIES, "{name} has {entries}");
        }
    }

    #[test]
    fn a_limit_is_set_by_its_own_option() {
        let limits = Limits {
            connections: 1,
            handovers: 2,
            processes: 3,
            names: 4,
            ports: 5,
            routes: 6,
            ring_bytes: 8192,
        };
        let words = |counter: &str| Limit::of(counter).unwrap().words(&limits);
        assert!(words("map_full").ends_with("raise --max-connections (1)"));
        assert!(words("handover_full").ends_with("raise --max-handovers (2)"));
        assert!(words("process_full").ends_with("raise --max-processes (3)"));
        assert!(words("name_full").ends_with("raise --max-names (4)"));
        assert!(words(Counter::PortFull.name()).ends_with("raise --max-ports (5)"));
        assert!(words(ROUTE_OVERFLOW).ends_with("raise --max-routes (6)"));
        assert!(words("ring_full").ends_with("raise --ring-size (8.0 KiB)"));
        assert_eq!(Limit::of("non_http"), None);
    }

    #[test]
    fn every_full_counter_has_its_limit() {
        let full = Counter::ALL.iter().filter(|c| c.name().ends_with("_full"));
        for counter in full {
            assert!(Limit::of(counter.name()).is_some(), "{counter:?}");
        }
    }
}
