//! From the account of the run so far.

use super::catalogue::Id;
use super::registry::Registry;
use crate::summary::Summary;
use crate::tick::Points;

pub(super) fn feed(registry: &mut Registry, account: &Summary) {
    registry.total(Id::Seen, [], account.seen);
    registry.total(Id::Reported, [], account.reported);
    registry.level(Id::InFlight, [], account.in_flight as f64);
    for (reason, count) in account.lost.all() {
        registry.total(Id::Lost, [reason.into()], count);
    }
    for (note, count) in account.notes.all() {
        registry.total(Id::Notes, [note.into()], count);
    }
    let probe = &account.probe;
    registry.total(Id::ProbeCpu, [], (probe.cpu_s * 1e9).round() as u64);
    registry.level(Id::ProbeMemory, [], probe.rss_bytes as f64);
    if let (Some(runs), Some(ns)) = (probe.bpf_runs, probe.bpf_ns) {
        registry.total(Id::ProbeRuns, [], runs);
        registry.total(Id::ProbeRunTime, [], ns);
    }
    if let (Some(now), Some(most)) = (probe.kernel_bytes, probe.kernel_bytes_max) {
        registry.level(Id::ProbeMaps, [], now as f64);
        registry.level(Id::ProbeMapsMost, [], most as f64);
    }
    registry.level(Id::ProbeAttach, [], account.attach_ms / 1e3);
}

pub(super) fn points(registry: &mut Registry, points: &Points) {
    for (fate, count) in points.gone() {
        registry.total(Id::Points, [fate.into()], count);
    }
    registry.level(Id::PointsSpooled, [], points.spooled as f64);
}
