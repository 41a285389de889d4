//! The run's account: what was seen, and where each request went.
//!
//! `seen = reported + in flight + sum(lost)` is checked here and printed by
//! [`output`](crate::output); the object is that of `--summary`.

use std::time::Duration;

use profiler_common::stats::Counter;
use serde::{Serialize, Serializer};

use crate::aggregate::Stats;
use crate::limits::{Limit, Limits, ROUTE_OVERFLOW};

/// Loss in user space: records of the kernel that could not be understood.
pub const UNDECODED: &str = "undecoded";

/// Runs of a kernel program that the kernel left out: what happened then went by unseen.
pub const SKIPPED_RUNS: &str = "skipped_runs";

/// The account of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Requests that the kernel side saw.
    pub seen: u64,
    /// Requests handed to every output.
    pub reported: u64,
    /// Requests read and unfinished when the hooks were taken out.
    pub in_flight: u64,
    /// Requests seen and neither reported nor in flight, by reason.
    pub lost: Counts,
    /// Whether the three add up to `seen`.
    pub balanced: bool,
    /// What else was noticed; no request is missing because of it.
    pub notes: Counts,
    /// How long requests took; known at the end of the run.
    pub duration: Option<Durations>,
    /// The limits that were hit.
    pub limits: Vec<Hit>,
    /// The back end.
    pub hooks: &'static str,
    /// The kernel's release.
    pub kernel: String,
    /// Time to load and attach the programs, milliseconds.
    pub attach_ms: f64,
    /// The probe's own cost.
    pub probe: ProbeCost,
}

/// How long the requests of a run took, of those that were answered. Nanoseconds;
/// percentiles are off by no more than 1 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Durations {
    /// Requests answered.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// What half of them took at most.
    pub p50: u64,
    /// What nine of ten took at most.
    pub p90: u64,
    /// What 99 of 100 took at most.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

impl Durations {
    /// `None` where no request was answered.
    #[must_use]
    pub fn of(stats: &Stats) -> Option<Self> {
        Some(Self {
            count: stats.timed(),
            mean: stats.sum as f64 / stats.timed() as f64,
            p50: stats.p50()?,
            p90: stats.p90()?,
            p99: stats.p99()?,
            max: stats.max()?,
        })
    }
}

/// A limit that was hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// What counted it, of `lost` or `notes`.
    pub counter: &'static str,
    /// How often.
    pub count: u64,
    /// The option that raises it.
    pub option: &'static str,
    /// What that was set to; bytes for `--ring-size`.
    pub value: u32,
    /// In words.
    #[serde(skip)]
    pub words: String,
}

/// What wsgiprobe itself used.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ProbeCost {
    /// CPU time of this process, seconds.
    pub cpu_s: f64,
    /// Its resident memory, bytes.
    pub rss_bytes: u64,
    /// Runs of the kernel programs; `null` where the kernel keeps no statistics.
    pub bpf_runs: Option<u64>,
    /// Time inside them, nanoseconds; `null` likewise.
    pub bpf_ns: Option<u64>,
    /// Kernel memory of the maps when the hooks were taken out, bytes; `null` where
    /// the kernel does not tell.
    pub kernel_bytes: Option<u64>,
    /// The same if every map had been full.
    pub kernel_bytes_max: Option<u64>,
}

/// Named counts, in a fixed order: a map in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Vec<(&'static str, u64)>);

impl Counts {
    /// Those that are not zero.
    pub fn non_zero(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().copied().filter(|(_, count)| *count > 0)
    }

    /// All, zero or not.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().copied()
    }

    /// That of this name; 0 if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        let named = self.0.iter().find(|(known, _)| *known == name);
        named.map_or(0, |(_, count)| *count)
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

impl Hit {
    /// A count of something that a limit bounds.
    #[must_use]
    pub fn of(counter: &str, count: u64, limits: &Limits) -> Option<Self> {
        let limit = Limit::of(counter)?;
        Some(Self {
            counter: limit.counter,
            count,
            option: limit.option,
            value: limit.value(limits),
            words: limit.words(limits),
        })
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// What a summary is made of.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The kernel's counters.
    pub counters: &'a [(Counter, u64)],
    /// Requests handed to every output.
    pub reported: u64,
    /// Records that could not be decoded.
    pub undecoded: u64,
    /// Requests whose route found no place under the cap.
    pub overflowed_routes: u64,
    /// Runs that the kernel left out.
    pub skipped_runs: u64,
    /// What was allowed.
    pub limits: Limits,
    /// Requests read and unfinished; `None`: all that are neither reported nor lost.
    pub in_flight: Option<u64>,
    /// The back end.
    pub hooks: &'static str,
    /// The kernel's release.
    pub kernel: String,
    /// Time to load and attach.
    pub attach_time: Duration,
    /// The probe's own cost.
    pub probe: ProbeCost,
}

impl Summary {
    /// Adds the facts up.
    #[must_use]
    pub fn new(facts: Facts<'_>) -> Self {
        let named = |wanted: fn(Counter) -> bool| {
            let counters = facts.counters.iter().filter(move |(c, _)| wanted(*c));
            counters.map(|(counter, count)| (counter.name(), *count))
        };
        let seen = facts.counters.iter().find(|(c, _)| *c == Counter::Seen);
        let seen = seen.map_or(0, |(_, count)| *count);
        let undecoded = (UNDECODED, facts.undecoded);
        let own = [
            (ROUTE_OVERFLOW, facts.overflowed_routes),
            (SKIPPED_RUNS, facts.skipped_runs),
        ];
        let lost = Counts(named(Counter::is_loss).chain([undecoded]).collect());
        let notes = Counts(named(Counter::is_note).chain(own).collect());
        let in_flight = facts
            .in_flight
            .unwrap_or_else(|| seen.saturating_sub(facts.reported + lost.sum()));
        let limits = lost.non_zero().chain(notes.non_zero());
        let limits = limits.filter_map(|(name, count)| Hit::of(name, count, &facts.limits));
        Self {
            seen,
            duration: None,
            limits: limits.collect(),
            reported: facts.reported,
            in_flight,
            balanced: seen == facts.reported + in_flight + lost.sum(),
            lost,
            notes,
            hooks: facts.hooks,
            kernel: facts.kernel,
            attach_ms: facts.attach_time.as_micros() as f64 / 1e3,
            probe: facts.probe,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A summary where 2 requests did not fit the ring and 1 was undecodable.
    pub fn sample(seen: u64) -> Summary {
        let counters: Vec<_> = Counter::ALL
            .iter()
            .map(|counter| {
                let count = match counter {
                    Counter::Seen => seen,
                    Counter::RingFull => 2,
                    Counter::NonHttp => 4,
                    _ => 0,
                };
                (*counter, count)
            })
            .collect();
        Summary::new(Facts {
            counters: &counters,
            reported: 10,
            undecoded: 1,
            overflowed_routes: 0,
            skipped_runs: 0,
            limits: Limits::default(),
            in_flight: Some(3),
            hooks: "sock",
            kernel: "6.18.44".into(),
            attach_time: Duration::from_micros(81_250),
            probe: ProbeCost {
                cpu_s: 0.5,
                rss_bytes: 1024,
                kernel_bytes: Some(8 << 20),
                kernel_bytes_max: Some(40 << 20),
                ..ProbeCost::default()
            },
        })
    }

    #[test]
    fn adds_up_and_says_when_it_does_not() {
        assert!(sample(16).balanced);
        assert!(!sample(17).balanced);
    }

    #[test]
    fn has_the_keys_of_the_contract() {
        assert_eq!(
            serde_json::to_string(&sample(16)).unwrap(),
            concat!(
                r#"{"seen":16,"reported":10,"in_flight":3,"#,
                r#""lost":{"ring_full":2,"map_full":0,"pipeline_full":0,"unparsed":0,"#,
                r#""started_before_attach":0,"undecoded":1},"balanced":true,"#,
                r#""notes":{"non_http":4,"partial_line":0,"path_truncated":0,"long_path_full":0,"process_full":0,"#,
                r#""opaque_io":0,"thread_unknown":0,"handover_full":0,"parked_full":0,"#,
                r#""name_full":0,"port_full":0,"route_overflow":0,"skipped_runs":0},"#,
                r#""duration":null,"limits":[{"counter":"ring_full","count":2,"option":"--ring-size","#,
                r#""value":4194304}],"hooks":"sock","kernel":"6.18.44","attach_ms":81.25,"#,
                r#""probe":{"cpu_s":0.5,"rss_bytes":1024,"bpf_runs":null,"bpf_ns":null,"#,
                r#""kernel_bytes":8388608,"kernel_bytes_max":41943040}}"#,
            )
        );
    }
}
