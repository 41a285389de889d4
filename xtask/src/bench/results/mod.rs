//! What the samples come to.

mod comparison;
mod others;
mod own;

use serde::Serialize;

pub use self::comparison::Comparison;
pub use self::others::{Tax, taxes};
pub use self::own::ProbeCost;
use super::load::Kind;
use super::rounds::Taken;
use super::sample::Sample;
use super::variant::{Mode, Variant};

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
                probes.extend(own::probe_cost(kind, variant, &compared, &counted));
            }
            comparisons.push(comparison::comparison(kind, &compared));
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

fn variants(samples: &[Sample]) -> Vec<Variant> {
    let mut variants: Vec<Variant> = samples.iter().map(|sample| sample.variant).collect();
    variants.sort_unstable();
    variants.dedup();
    variants
}

#[cfg(test)]
pub mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::bench::bpf::Held;
    use crate::bench::calls::Call;
    use crate::bench::load::Outcome;
    use crate::bench::probe::Account;
    use crate::bench::sample::ProbeSample;
    use crate::bench::tax::TaxSample;

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
        assert!(!doubts[0].contains("CPU"));
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
}
