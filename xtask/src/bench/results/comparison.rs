//! All variants beside each other.

use serde::Serialize;

use super::variants;
use crate::bench::load::Kind;
use crate::bench::sample::Sample;
use crate::bench::stats::{self, Estimate};
use crate::bench::variant::{Mode, Variant};

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

impl Row {
    /// What makes this row doubtful, if it leaves the application alone.
    pub fn doubts(&self) -> Vec<String> {
        let name = self.variant.name();
        let mut doubts = Vec::new();
        let figures = [("throughput", self.rate), ("server CPU", self.server_cpu)];
        for (figure, estimate) in figures {
            if let Some(estimate) = estimate
                && self.variant == Variant::BareAgain
                && estimate.rounds > 1
                && !estimate.is_one()
            {
                doubts.push(format!(
                    "{figure} of bare against bare is {:.3}, from {:.3} to {:.3}: \
                     smaller differences mean nothing here",
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

/// Adds up the samples of one mode and load.
pub fn comparison((mode, load): (Mode, Kind), samples: &[Sample]) -> Comparison {
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
