//! What wsgiprobe itself takes, and whether it missed anything.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::bench::load::Kind;
use crate::bench::sample::{ProbeSample, Sample};
use crate::bench::stats::{self, Estimate};
use crate::bench::variant::{Mode, Variant};

/// What wsgiprobe itself takes.
#[derive(Debug, Serialize)]
pub struct ProbeCost {
    /// Where the application ran.
    pub mode: Mode,
    /// What kind of load it was.
    pub load: Kind,
    /// The back end.
    pub variant: Variant,
    /// CPU of its process for each request, nanoseconds.
    pub cpu: Option<Estimate>,
    /// Time in its programs for each request, nanoseconds.
    pub bpf: Option<Estimate>,
    /// Runs of its programs for each request.
    pub runs: Option<Estimate>,
    /// Resident memory: the most after any sample, bytes.
    pub rss: u64,
    /// The most at any time, bytes: loading the programs included.
    pub rss_peak: u64,
    /// Memory of its maps: the most of any sample, bytes.
    pub map_bytes: u64,
    /// Memory of its programs likewise.
    pub program_bytes: u64,
    /// Median of its own figure, milliseconds.
    pub attach_ms: f64,
    /// The longest, milliseconds.
    pub attach_ms_max: f64,
    /// Median from the start of the process to being attached, milliseconds.
    pub start_ms: f64,
    /// Requests that Apache logged, in all samples.
    pub logged: u64,
    /// Requests that it saw.
    pub seen: u64,
    /// Requests that it lost, for all reasons.
    pub lost: u64,
    /// Of these, by reason, where it is any.
    pub lost_by: BTreeMap<String, u64>,
}

/// Adds up one back end's samples; those in `counted` are from rounds in which the
/// kernel timed the programs.
pub fn probe_cost(
    (mode, load): (Mode, Kind),
    variant: Variant,
    compared: &[Sample],
    counted: &[Sample],
) -> Option<ProbeCost> {
    let samples: Vec<&ProbeSample> = compared
        .iter()
        .filter(|sample| sample.variant == variant)
        .filter_map(|sample| sample.probe.as_ref())
        .collect();
    let each = |figure: fn(&ProbeSample) -> f64| -> Vec<f64> {
        samples.iter().map(|sample| figure(sample)).collect()
    };
    let most = |figure: fn(&ProbeSample) -> u64| samples.iter().map(|sample| figure(sample)).max();
    let sum = |figure: fn(&ProbeSample) -> u64| samples.iter().map(|sample| figure(sample)).sum();
    let a_request = |figure: fn(&ProbeSample) -> u64| {
        let figures: Vec<f64> = counted
            .iter()
            .filter(|sample| sample.variant == variant)
            .filter_map(|s| Some(figure(s.probe.as_ref()?) as f64 / s.outcome.answered as f64))
            .collect();
        Estimate::of_mean(&figures)
    };
    let mut lost_by = BTreeMap::new();
    for (reason, count) in samples.iter().flat_map(|sample| &sample.account.lost) {
        if *count > 0 {
            *lost_by.entry(reason.clone()).or_default() += count;
        }
    }
    let attach = each(|sample| sample.account.attach_ms);
    Some(ProbeCost {
        mode,
        load,
        variant,
        cpu: Estimate::of_mean(&each(|sample| sample.cpu)),
        bpf: a_request(|sample| sample.held.nanoseconds),
        runs: a_request(|sample| sample.held.runs),
        // No sample, no row.
        rss: most(|sample| sample.rss)?,
        rss_peak: most(|sample| sample.rss_peak)?,
        map_bytes: most(|sample| sample.held.map_bytes)?,
        program_bytes: most(|sample| sample.held.program_bytes)?,
        attach_ms: stats::median(&attach)?,
        attach_ms_max: attach.iter().copied().fold(0.0, f64::max),
        start_ms: stats::median(&each(|sample| sample.start_ms))?,
        logged: sum(|sample| sample.logged),
        seen: sum(|sample| sample.account.seen),
        lost: sum(|sample| sample.account.lost()),
        lost_by,
    })
}
