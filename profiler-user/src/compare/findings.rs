//! From what was measured to what came out.

use hdrhistogram::Histogram;
use jiff::Timestamp;

use super::figure::{Figure, Figures};
use super::load::{Latency, Load, histogram};
use super::results::{self, Estimate, Ratio, Requests, Results, Round, Says};
use super::rounds::Taken;
use super::sample::Sample;
use super::variant::{Plan, Variant};
use super::verdict;
use crate::measure::machine::Machine;

/// Steps of a distribution for each halving of what is left of the requests.
const STEPS: u32 = 5;

/// Adds it all up. `notes` and `stolen` are what was seen of the machine.
#[must_use]
pub fn results(
    plan: &Plan,
    taken: &Taken,
    machine: &Machine,
    stolen: f64,
    notes: Vec<String>,
) -> Results {
    let of = |number: usize| -> Vec<&Sample> {
        let samples = taken.samples.iter();
        samples.filter(|sample| sample.variant == number).collect()
    };
    let baseline = of(plan.baseline);
    let variants = plan.variants.iter().enumerate().map(|(number, variant)| {
        let ratios = (number != plan.baseline).then_some(&baseline[..]);
        of_variant(variant, &of(number), ratios, plan.resolution)
    });
    Results {
        version: env!("CARGO_PKG_VERSION").into(),
        command: std::env::args().skip(1).collect(),
        began: Timestamp::try_from(taken.began).unwrap_or_default(),
        machine: results::Machine {
            kernel: machine.kernel.clone(),
            cpu: machine.cpu.clone(),
            cpus: machine.cpus,
            load: machine.load,
            stolen,
        },
        notes,
        plan: of_plan(plan, taken.finished),
        baseline: plan.variants[plan.baseline].name.clone(),
        variants: variants.collect(),
    }
}

fn of_plan(plan: &Plan, finished: usize) -> results::Plan {
    let (load, connections) = match &plan.load {
        Load::Closed { connections } => (results::Load::Closed, connections),
        Load::Fixed { connections, .. } => (results::Load::Fixed, connections),
        Load::Command { connections, .. } => (results::Load::Command, connections),
    };
    let rate = match &plan.load {
        Load::Fixed { rate, .. } => Some(f64::from(rate.get())),
        _ => None,
    };
    let command = match &plan.load {
        Load::Command { words, .. } => Some(words.join(" ")),
        _ => None,
    };
    results::Plan {
        rounds: plan.rounds as usize,
        finished,
        time: plan.time.as_secs_f64(),
        warm_up: plan.warm_up.as_secs_f64(),
        load,
        connections: connections.get() as usize,
        rate,
        url: plan.url.clone(),
        command,
    }
}

fn of_variant(
    variant: &Variant,
    samples: &[&Sample],
    baseline: Option<&[&Sample]>,
    resolution: f64,
) -> results::Variant {
    let figures = Figures::of(|figure| {
        let values = samples
            .iter()
            .filter_map(|sample| sample.figures.get(figure).copied());
        Estimate::of_mean(&values.collect::<Vec<_>>())
    });
    let ratios =
        baseline.map(|baseline| Figures::of(|figure| ratio(samples, baseline, figure, resolution)));
    let hooks = samples.iter().find_map(|sample| sample.hooks.clone());
    results::Variant {
        name: variant.name.clone(),
        wsgiprobe: hooks,
        server: variant.server.as_ref().map(|words| words.join(" ")),
        figures,
        ratios,
        requests: requests(samples),
        says: says(samples),
        distribution: distribution(samples),
        rounds: samples.iter().map(|sample| round(sample)).collect(),
    }
}

/// Of the same rounds.
fn ratio(
    samples: &[&Sample],
    baseline: &[&Sample],
    figure: Figure,
    resolution: f64,
) -> Option<Ratio> {
    let ratios = samples.iter().filter_map(|sample| {
        let partner = baseline.iter().find(|other| other.round == sample.round)?;
        Some(sample.figures.get(figure)? / partner.figures.get(figure)?)
    });
    verdict::of(&ratios.collect::<Vec<_>>(), resolution)
}

fn requests(samples: &[&Sample]) -> Requests {
    let sum = |count: fn(&Sample) -> Option<u64>| -> Option<u64> {
        samples.iter().map(|sample| count(sample)).sum()
    };
    Requests {
        sent: sum(|sample| Some(sample.sent)).unwrap_or(0),
        answered: sum(|sample| Some(sample.sent - sample.failed)).unwrap_or(0),
        errors: sum(|sample| Some(sample.failed)).unwrap_or(0),
        logged: sum(|sample| sample.logged),
        reported: sum(|sample| Some(sample.said?.requests)),
    }
}

/// Means of the rounds, weighed by their requests.
fn says(samples: &[&Sample]) -> Option<Says> {
    let mut weight = 0.0;
    let (mut mean, mut client_mean) = (0.0, 0.0);
    for sample in samples {
        let requests = sample.sent as f64;
        mean += sample.said?.mean? * requests;
        client_mean += sample.client_mean? * requests;
        weight += requests;
    }
    (weight > 0.0).then(|| Says {
        mean: mean / weight,
        client_mean: client_mean / weight,
    })
}

/// Of all rounds together, if each request was recorded; otherwise empty.
fn distribution(samples: &[&Sample]) -> Vec<(f64, f64)> {
    let mut all: Histogram<u64> = histogram();
    for sample in samples {
        if let Latency::Recorded(histogram) = &sample.outcome.latency {
            // It grows as far as it has to.
            let _ = all.add(&**histogram);
        }
    }
    let steps = all.iter_quantiles(STEPS);
    let mut points: Vec<(f64, f64)> = steps
        .map(|step| (step.percentile(), step.value_iterated_to() as f64 / 1e9))
        .collect();
    points.dedup_by_key(|point| point.0);
    points
}

fn round(sample: &Sample) -> Round {
    Round {
        round: sample.round,
        at: sample.at.as_secs_f64(),
        figures: sample.figures.clone(),
        answered: sample.outcome.answered,
        errors: sample.outcome.errors,
        seconds: sample.outcome.by_second.clone(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::load::Outcome;
    use super::super::results::Verdict;
    use super::super::said::Said;
    use super::*;

    /// A round of a variant in which each request took that long.
    pub fn sample(variant: usize, round: usize, ns: u64, requests: u64) -> Sample {
        let mut outcome = Outcome::new();
        for _ in 0..requests {
            outcome.record(true, ns, 0);
        }
        outcome.seconds = 1.0;
        let mean = outcome.latency.mean();
        let figures = Figures::of(|figure| match figure {
            Figure::Throughput => Some(outcome.throughput()),
            Figure::Mean => mean,
            Figure::ServerCpu => Some(100e-6),
            _ => None,
        });
        Sample {
            variant,
            round,
            at: Duration::from_secs(round as u64),
            outcome,
            figures,
            sent: requests + 10,
            failed: 2,
            logged: Some(requests + 9),
            said: (variant == 1).then_some(Said {
                requests: requests + 8,
                mean: Some(0.5e-3),
            }),
            client_mean: mean,
            hooks: None,
            others: 0.0,
        }
    }

    /// Two variants, the second of which is a tenth slower.
    pub fn two(rounds: usize) -> Results {
        let plan = super::super::variant::tests::plan(&["bare", "slow"]);
        let samples = (1..=rounds).flat_map(|round| {
            let by_chance = round as u64 % 3;
            [
                sample(0, round, 1_000_000, 1_000 + by_chance),
                sample(1, round, 1_100_000, 900 - by_chance),
            ]
        });
        let taken = Taken {
            began: SystemTime::UNIX_EPOCH,
            samples: samples.collect(),
            finished: rounds,
        };
        let machine = Machine::look().unwrap();
        results(&plan, &taken, &machine, 0.0, Vec::new())
    }

    #[test]
    fn a_tenth_is_found() {
        let results = two(10);
        let [bare, slow] = &results.variants[..] else {
            panic!("{results:?}")
        };
        assert!(bare.is_baseline());
        let ratio = slow.ratios.as_ref().unwrap().throughput.unwrap();
        assert_eq!(ratio.verdict, Verdict::Less);
        assert!((ratio.estimate.value - 0.9).abs() < 0.01);
        let cpu = slow.ratios.as_ref().unwrap().server_cpu.unwrap();
        assert_eq!(cpu.verdict, Verdict::NoDifference);
        assert_eq!(slow.ratios.as_ref().unwrap().p99, None);
    }

    #[test]
    fn requests_are_added_up() {
        let results = two(2);
        let slow = &results.variants[1];
        assert_eq!(slow.requests.sent, 899 + 898 + 20);
        assert_eq!(slow.requests.errors, 4);
        assert_eq!(slow.requests.answered, slow.requests.sent - 4);
        assert_eq!(slow.requests.reported, Some(slow.requests.sent - 4));
        assert_eq!(results.variants[0].requests.reported, None);
        let says = slow.says.unwrap();
        assert!((says.mean - 0.5e-3).abs() < 1e-9 && (says.client_mean - 1.1e-3).abs() < 1e-5);
    }

    #[test]
    fn a_distribution_rises() {
        let distribution = two(3).variants.remove(0).distribution;
        assert!(
            distribution
                .windows(2)
                .all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1)
        );
        let last = distribution.last().unwrap();
        assert!((last.0 - 100.0).abs() < 1e-9 && (last.1 - 1e-3).abs() < 1e-5);
    }
}
