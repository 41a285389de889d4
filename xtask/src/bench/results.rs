//! What the samples come to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::calls::Call;
use super::load::Kind;
use super::rounds::Taken;
use super::sample::{ProbeSample, Sample};
use super::stats::{self, Estimate};
use super::tax::TaxSample;
use super::variant::{Mode, Variant};

/// Throughput of a round, against the bare server, that no variant explains which
/// leaves the application alone: something stood still in one of the two.
const STOOD_STILL: f64 = 0.7;

/// Requests of a thousand that may fail. Apache's event MPM closes a kept
/// connection now and then when all its threads are taken.
const FAILED: f64 = 2.0;

/// A figure of a sample that variants are compared by.
type Figure = fn(&Sample) -> f64;

/// Every figure that is compared.
const RATE: Figure = |sample| sample.outcome.rate();
const P50: Figure = |sample| sample.outcome.p50;
const P99: Figure = |sample| sample.outcome.p99;
const SERVER_CPU: Figure = |sample| sample.server_cpu;

/// All results.
#[derive(Debug, Serialize)]
pub struct Results {
    /// One for each mode and load.
    pub comparisons: Vec<Comparison>,
    /// One for each mode, load and back end.
    pub probes: Vec<ProbeCost>,
    /// One for each call and back end.
    pub taxes: Vec<Tax>,
}

/// All variants in one mode under one load.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Where the application ran.
    pub mode: Mode,
    /// What kind of load it was.
    pub load: Kind,
    /// The bare server: medians of all its samples.
    pub bare: Bare,
    /// The others.
    pub rows: Vec<Row>,
}

/// What the ratios are ratios of.
#[derive(Debug, Serialize)]
pub struct Bare {
    /// Requests a second.
    pub rate: f64,
    /// Median latency, seconds.
    pub p50: f64,
    /// 99th percentile of the latency, seconds.
    pub p99: f64,
    /// CPU of the server for each request, nanoseconds.
    pub server_cpu: f64,
}

/// A variant, as ratios to the bare server.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Which one.
    pub variant: Variant,
    /// Requests a second.
    pub rate: Option<Estimate>,
    /// Median latency.
    pub p50: Option<Estimate>,
    /// 99th percentile of the latency.
    pub p99: Option<Estimate>,
    /// CPU of the server for each request.
    pub server_cpu: Option<Estimate>,
    /// Requests refused, failed or never sent, of a thousand.
    pub errors: f64,
}

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

/// What others pay.
#[derive(Debug, Serialize)]
pub struct Tax {
    /// For what.
    pub call: Call,
    /// Because of whom.
    pub variant: Variant,
    /// Median time, nanoseconds.
    pub nanoseconds: f64,
    /// Against the bare machine; `None` for that itself.
    pub ratio: Option<Estimate>,
}

impl Results {
    /// Adds it all up.
    pub fn of(taken: &Taken) -> Self {
        let mut kinds: Vec<(Mode, Kind)> = Vec::new();
        for sample in &taken.compared {
            if !kinds.contains(&(sample.mode, sample.load)) {
                kinds.push((sample.mode, sample.load));
            }
        }
        kinds.sort_by_key(|(mode, load)| (mode.name(), *load != Kind::Saturated));
        let of = |samples: &'_ [Sample], (mode, load): (Mode, Kind)| -> Vec<Sample> {
            let samples = samples.iter().filter(|s| (s.mode, s.load) == (mode, load));
            samples.cloned().collect()
        };
        let mut comparisons = Vec::new();
        let mut probes = Vec::new();
        for kind in kinds {
            let compared = of(&taken.compared, kind);
            let counted = of(&taken.counted, kind);
            for variant in variants(&compared) {
                probes.extend(probe_cost(kind, variant, &compared, &counted));
            }
            comparisons.push(comparison(kind, &compared));
        }
        Self {
            comparisons,
            probes,
            taxes: taxes(&taken.tax),
        }
    }

    /// What makes the figures doubtful: differences where there is none, rounds in
    /// which something stood still, and loads that failed.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        for comparison in &self.comparisons {
            let place = format!("{}, {}", comparison.mode.name(), comparison.load.name());
            let rows = comparison.rows.iter();
            for row in rows.filter(|row| !row.variant.is_inside()) {
                let of_row = row.doubts().into_iter();
                doubts.extend(of_row.map(|doubt| format!("{place}: {doubt}")));
            }
        }
        doubts
    }
}

impl Row {
    /// What makes this row doubtful, if it leaves the application alone.
    fn doubts(&self) -> Vec<String> {
        let name = self.variant.name();
        let mut doubts = Vec::new();
        let figures = [("throughput", self.rate), ("server CPU", self.server_cpu)];
        for (figure, estimate) in figures {
            if let Some(estimate) = estimate
                && self.variant == Variant::BareAgain
                && estimate.rounds > 1
                && !estimate.includes(1.0)
            {
                doubts.push(format!(
                    "{figure} of bare against bare is {:.3}, from {:.3} to {:.3}: \
                     differences of that size mean nothing here",
                    estimate.value, estimate.low, estimate.high
                ));
            }
        }
        if let Some(rate) = self.rate
            && (rate.min < STOOD_STILL || rate.max > 1.0 / STOOD_STILL)
        {
            doubts.push(format!(
                "throughput of {name} in single rounds went from {:.2} to {:.2} of the bare server's",
                rate.min, rate.max
            ));
        }
        if self.errors > FAILED {
            doubts.push(format!(
                "{:.1} ‰ of the requests to {name} failed",
                self.errors
            ));
        }
        doubts
    }
}

fn variants(samples: &[Sample]) -> Vec<Variant> {
    let mut variants: Vec<Variant> = samples.iter().map(|sample| sample.variant).collect();
    variants.sort_unstable();
    variants.dedup();
    variants
}

fn comparison((mode, load): (Mode, Kind), samples: &[Sample]) -> Comparison {
    let bare = |figure: Figure| {
        let all = samples.iter().filter(|sample| is_bare(sample.variant));
        stats::median(&all.map(figure).collect::<Vec<_>>()).unwrap_or(f64::NAN)
    };
    let others = variants(samples)
        .into_iter()
        .filter(|v| *v != Variant::Bare);
    let row = |variant| {
        let of: Vec<_> = samples
            .iter()
            .filter(|sample| sample.variant == variant)
            .collect();
        let errors: u64 = of.iter().map(|sample| sample.outcome.errors).sum();
        let answered: u64 = of.iter().map(|sample| sample.outcome.answered).sum();
        Row {
            variant,
            rate: ratio(samples, variant, RATE),
            p50: ratio(samples, variant, P50),
            p99: ratio(samples, variant, P99),
            server_cpu: ratio(samples, variant, SERVER_CPU),
            errors: errors as f64 / (errors + answered).max(1) as f64 * 1e3,
        }
    };
    Comparison {
        mode,
        load,
        bare: Bare {
            rate: bare(RATE),
            p50: bare(P50),
            p99: bare(P99),
            server_cpu: bare(SERVER_CPU),
        },
        rows: others.map(row).collect(),
    }
}

fn is_bare(variant: Variant) -> bool {
    matches!(variant, Variant::Bare | Variant::BareAgain)
}

/// Round by round, the variant against the bare server: against both of its
/// samples where there are two, and the second of these against the first.
fn ratio(samples: &[Sample], variant: Variant, figure: Figure) -> Option<Estimate> {
    let of_round = |round: usize, wanted: &dyn Fn(Variant) -> bool| {
        let found = samples
            .iter()
            .filter(|s| s.round == round && wanted(s.variant));
        let logs: Vec<f64> = found.map(|sample| figure(sample).ln()).collect();
        stats::mean(&logs).map(f64::exp)
    };
    let last = samples.iter().map(|sample| sample.round).max()?;
    let ratios: Vec<f64> = (1..=last)
        .filter_map(|round| {
            let this = of_round(round, &|v| v == variant)?;
            let bare = match variant {
                Variant::BareAgain => of_round(round, &|v| v == Variant::Bare)?,
                _ => of_round(round, &is_bare)?,
            };
            Some(this / bare)
        })
        .collect();
    Estimate::of_ratios(&ratios)
}

fn probe_cost(
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

/// The same for the calls of an unwatched process.
pub fn taxes(samples: &[TaxSample]) -> Vec<Tax> {
    let mut kinds: Vec<(Call, Variant)> = samples.iter().map(|s| (s.call, s.variant)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let of = |call, variant| -> Vec<&TaxSample> {
        let found = samples
            .iter()
            .filter(|s| (s.call, s.variant) == (call, variant));
        found.collect()
    };
    let tax = |(call, variant): (Call, Variant)| {
        let this = of(call, variant);
        let bare = of(call, Variant::Bare);
        let ratios: Vec<f64> = this
            .iter()
            .filter_map(|s| {
                Some(s.nanoseconds / bare.iter().find(|b| b.round == s.round)?.nanoseconds)
            })
            .collect();
        let times: Vec<f64> = this.iter().map(|sample| sample.nanoseconds).collect();
        Some(Tax {
            call,
            variant,
            nanoseconds: stats::median(&times)?,
            ratio: Estimate::of_ratios(&ratios).filter(|_| variant != Variant::Bare),
        })
    };
    kinds.into_iter().filter_map(tax).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::bpf::Held;
    use crate::bench::load::Outcome;
    use crate::bench::probe::Account;

    /// A sample of a second with so many requests.
    pub fn sample(round: usize, variant: Variant, answered: u64) -> Sample {
        Sample {
            round,
            mode: Mode::Embedded,
            load: Kind::Saturated,
            variant,
            outcome: Outcome {
                answered,
                errors: 0,
                seconds: 1.0,
                p50: 1.0 / answered as f64,
                p99: 2.0 / answered as f64,
            },
            server_cpu: 1e9 / answered as f64,
            probe: variant.hooks().map(|_| ProbeSample {
                cpu: 900.0,
                rss: 10 << 20,
                rss_peak: 12 << 20,
                held: Held {
                    map_bytes: 8 << 20,
                    program_bytes: 4096,
                    runs: 10 * answered,
                    nanoseconds: 1400 * answered,
                },
                start_ms: 120.0,
                logged: answered + 5,
                account: Account {
                    seen: answered + 5,
                    reported: answered + 4,
                    in_flight: 0,
                    lost: BTreeMap::from([("ring_full".into(), 1), ("map_full".into(), 0)]),
                    balanced: true,
                    attach_ms: 100.0,
                },
            }),
        }
    }

    /// Three rounds on a machine that gets slower, with wsgiprobe at 0.98.
    pub fn taken() -> Taken {
        let mut taken = Taken::default();
        for (round, bare) in [(1, 10_000), (2, 8_000), (3, 4_000)] {
            let variants = [
                (Variant::Bare, bare),
                (Variant::BareAgain, bare),
                (Variant::Sock, bare / 100 * 98),
            ];
            for (variant, answered) in variants {
                taken.compared.push(sample(round, variant, answered));
                let tax = |call, nanoseconds| TaxSample {
                    round,
                    variant,
                    call,
                    nanoseconds,
                };
                taken.tax.push(tax(Call::GetPpid, 100.0));
                taken.tax.push(tax(Call::ReadZero, 150.0));
            }
            taken.counted.push(sample(round, Variant::Sock, bare));
        }
        taken
    }

    #[test]
    fn a_machine_that_gets_slower_leaves_the_ratio_alone() {
        let results = Results::of(&taken());
        let comparison = &results.comparisons[0];
        assert!((comparison.bare.rate - 8000.0).abs() < 1e-6);
        let of = |variant| comparison.rows.iter().find(|row| row.variant == variant);
        let sock = of(Variant::Sock).unwrap();
        let rate = sock.rate.unwrap();
        assert!((rate.value - 0.98).abs() < 1e-6 && rate.rounds == 3);
        assert!((sock.server_cpu.unwrap().value - 1.0 / 0.98).abs() < 1e-6);
        let again = of(Variant::BareAgain).unwrap().rate.unwrap();
        assert!((again.value - 1.0).abs() < 1e-6);
        assert!(results.doubts().is_empty(), "{:?}", results.doubts());
    }

    #[test]
    fn a_difference_between_nothing_and_nothing_is_a_doubt() {
        let mut taken = taken();
        for sample in &mut taken.compared {
            if sample.variant == Variant::BareAgain {
                sample.outcome.answered = sample.outcome.answered * 9 / 10;
            }
        }
        let doubts = Results::of(&taken).doubts();
        assert_eq!(doubts.len(), 1);
        assert!(doubts[0].contains("throughput of bare against bare is 0.900"));
    }

    #[test]
    fn a_round_that_stood_still_and_a_load_that_failed_are_doubts() {
        let mut taken = taken();
        taken.compared[2].outcome.answered /= 2;
        taken.compared[5].outcome.errors = 100;
        let doubts = Results::of(&taken).doubts();
        assert_eq!(doubts.len(), 2, "{doubts:?}");
        assert!(doubts[0].contains("from 0.49 to 0.98"), "{doubts:?}");
        assert!(doubts[1].contains("‰ of the requests to sock failed"));
    }

    #[test]
    fn what_the_probe_takes_is_for_each_request() {
        let results = Results::of(&taken());
        let [probe] = &results.probes[..] else {
            panic!("{:?}", results.probes);
        };
        assert!((probe.bpf.unwrap().value - 1400.0).abs() < 1e-6);
        assert!((probe.runs.unwrap().value - 10.0).abs() < 1e-6);
        assert_eq!((probe.lost, probe.lost_by.len()), (3, 1));
        assert_eq!(probe.logged, probe.seen);
    }

    #[test]
    fn a_tax_is_paired_by_round() {
        let mut samples = Vec::new();
        for (round, bare, sock) in [(1, 100.0, 103.0), (2, 200.0, 206.0)] {
            for (variant, nanoseconds) in [(Variant::Bare, bare), (Variant::Sock, sock)] {
                samples.push(TaxSample {
                    round,
                    variant,
                    call: Call::Unix,
                    nanoseconds,
                });
            }
        }
        let taxes = taxes(&samples);
        assert_eq!(taxes[0].ratio, None);
        assert!((taxes[1].ratio.unwrap().value - 1.03).abs() < 1e-9);
    }
}
