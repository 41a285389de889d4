//! What others pay who are not watched.

use serde::Serialize;

use crate::bench::calls::Call;
use crate::bench::stats::{self, Estimate};
use crate::bench::tax::TaxSample;
use crate::bench::variant::Variant;

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

/// Adds up the samples.
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
mod tests {
    use super::*;

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
