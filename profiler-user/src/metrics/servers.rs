//! From the servers' state at the end of a window.

use std::sync::Arc;

use super::catalogue::Id;
use super::registry::Registry;
use super::series::{Label, address};
use crate::identity::Identity;
use crate::pool::{Kind, Pool, Process, Snapshot};

pub(super) fn feed(registry: &mut Registry, snapshot: &Snapshot) {
    for given in &snapshot.pools {
        pool(registry, given, snapshot.identity(given.pid));
    }
    for given in &snapshot.processes {
        process(registry, given, snapshot.identity(given.pid));
    }
    for given in &snapshot.listeners {
        let (address, port) = address(given.address);
        let labels = (given.identity.as_ref(), [address, port]);
        registry.level(Id::ListenQueue, labels, given.queue.into());
    }
}

fn pool(registry: &mut Registry, pool: &Pool, identity: Option<&Arc<Identity>>) {
    let group = pool.process_group.as_ref();
    let labels = || {
        let group = group.map_or(Label::Absent, Label::from);
        let labels = [pool.pid.into(), pool_name(pool.kind).into(), group];
        (identity, labels)
    };
    let mut level = |id, value: Option<f64>| {
        if let Some(value) = value {
            registry.level(id, labels(), value);
        }
    };
    level(Id::PoolThreads, pool.threads.map(f64::from));
    level(Id::PoolIdle, pool.idle().map(f64::from));
    level(Id::PoolBusy, Some(pool.busy.into()));
    level(Id::PoolStarted, Some(pool.started.into()));
    level(Id::PoolCapacity, pool.capacity_used());
    let available = pool
        .threads
        .map(|threads| u64::from(threads) * pool.length_ns);
    let mut add = |id, amount: Option<u64>| {
        if let Some(amount) = amount {
            registry.add(id, labels(), amount);
        }
    };
    add(Id::PoolBusyTime, Some(pool.busy_ns));
    add(Id::PoolAvailableTime, available);
    add(Id::PoolFullTime, pool.full_ns);
    add(Id::PoolRequests, Some(pool.requests));
}

fn process(registry: &mut Registry, process: &Process, identity: Option<&Arc<Identity>>) {
    let labels = || -> [Label; 3] {
        [
            process.pid.into(),
            Label::Text(process.name.as_str().into()),
            type_name(process.kind).into(),
        ]
    };
    let own = || (identity, labels());
    let [pid, name, kind] = labels();
    // The first look at a process tells of no stretch; its series begin all the same.
    let cpu = process.cpu.map_or((0.0, 0.0), |cpu| (cpu.user, cpu.system));
    for (mode, seconds) in [("user", cpu.0), ("system", cpu.1)] {
        let labels = [pid.clone(), name.clone(), kind.clone(), mode.into()];
        registry.add(
            Id::ProcessCpu,
            (identity, labels),
            (seconds * 1e9).round() as u64,
        );
    }
    registry.level(Id::ProcessMemory, own(), process.rss as f64);
    if let Some(peak) = process.max_rss {
        registry.level(Id::ProcessMemoryPeak, own(), peak as f64);
    }
    registry.level(Id::ProcessThreads, own(), process.threads.into());
}

const fn pool_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Daemon => "daemon",
        Kind::Apache => "apache",
        Kind::Other => "other",
    }
}

const fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Daemon => "wsgi",
        Kind::Apache => "httpd",
        Kind::Other => "other",
    }
}
