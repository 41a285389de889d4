//! What may be said of a ratio.
//!
//! A figure is shown with its 95 % interval. But a dozen figures of each variant are
//! looked at, and of twenty such intervals one misses: a difference counts as shown
//! only where the 99.5 % interval leaves out 1 as well (Bonferroni's correction for
//! ten).

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::results::{Ratio, Verdict};
use crate::measure::stats::Estimate;

/// Rounds from which on something is concluded: of eight, chance alone has all on the
/// same side once in 128 runs; of five, once in 16.
pub const FEWEST: usize = 8;

/// How much is left out on either side of the interval that is shown.
const TAIL: f64 = 0.025;

/// The same of the interval that a difference is shown by.
const STRICT_TAIL: f64 = TAIL / 10.0;

/// Of ratios, one a round. `resolution` is half the width of an interval that is narrow
/// enough to say that there is no difference, as a share.
#[must_use]
pub fn of(ratios: &[f64], resolution: f64) -> Option<Ratio> {
    let estimate = Estimate::of_ratios(ratios)?;
    let half = (estimate.high / estimate.low).ln() / 2.0;
    let narrow = resolution.ln_1p();
    let (verdict, needed) = if estimate.rounds < FEWEST {
        (Verdict::TooFew, Some(needed(&estimate, half, narrow)))
    } else if is_shown(&estimate) {
        let verdict = if estimate.value > 1.0 {
            Verdict::More
        } else {
            Verdict::Less
        };
        (verdict, None)
    } else if half <= narrow {
        (Verdict::NoDifference, None)
    } else {
        // Not fewer than there were: by chance a half may seem to be enough.
        let needed = needed(&estimate, half, narrow).max(estimate.rounds + 1);
        (Verdict::TooNoisy, Some(needed))
    };
    Some(Ratio {
        estimate,
        verdict,
        needed,
    })
}

/// Rounds that would probably show the difference that there seems to be, or that there
/// is none: intervals narrow with the root of the rounds.
fn needed(estimate: &Estimate, half: f64, narrow: f64) -> usize {
    let enough = narrow.max(estimate.value.ln().abs() / wider(estimate.rounds).unwrap_or(1.0));
    let rounds = estimate.rounds as f64 * (half / enough).powi(2);
    (rounds.ceil() as usize).max(FEWEST)
}

/// How much wider the interval is that a difference is shown by; `None` of one round.
fn wider(rounds: usize) -> Option<f64> {
    let student = StudentsT::new(0.0, 1.0, rounds as f64 - 1.0).ok()?;
    Some(student.inverse_cdf(STRICT_TAIL) / student.inverse_cdf(TAIL))
}

/// Whether the wider interval leaves out 1.
fn is_shown(estimate: &Estimate) -> bool {
    let Some(wider) = wider(estimate.rounds) else {
        return false;
    };
    let value = estimate.value.ln();
    let low = value - (value - estimate.low.ln()) * wider;
    let high = value + (estimate.high.ln() - value) * wider;
    low > 0.0 || high < 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(ratios: &[f64]) -> (Verdict, Option<usize>) {
        let ratio = of(ratios, 0.02).unwrap();
        (ratio.verdict, ratio.needed)
    }

    #[test]
    fn what_is_far_from_one_is_shown() {
        let slower: Vec<f64> = (0..10).map(|n| 0.9 + 0.002 * f64::from(n)).collect();
        assert_eq!(verdict(&slower), (Verdict::Less, None));
        let faster: Vec<f64> = slower.iter().map(|ratio| 1.0 / ratio).collect();
        assert_eq!(verdict(&faster), (Verdict::More, None));
    }

    #[test]
    fn what_is_narrow_around_one_is_no_difference() {
        let same: Vec<f64> = (0..10).map(|n| 0.9955 + 0.001 * f64::from(n)).collect();
        assert_eq!(verdict(&same), (Verdict::NoDifference, None));
    }

    #[test]
    fn what_is_wide_takes_more_rounds() {
        let noisy = [0.8, 1.2, 0.9, 1.1, 1.15, 0.85, 1.0, 1.05];
        let (verdict, needed) = verdict(&noisy);
        assert_eq!(verdict, Verdict::TooNoisy);
        assert!(needed.unwrap() > 50, "{needed:?}");
    }

    /// A tenth, in noise of a fifth: to show it takes fewer rounds than to measure it
    /// to two hundredths.
    #[test]
    fn what_seems_to_be_there_may_be_shown_sooner() {
        let ratios = [0.8, 1.05, 0.85, 1.0, 0.95, 0.75, 0.9, 1.02, 0.88, 0.86];
        let (verdict, needed) = verdict(&ratios);
        assert_eq!(verdict, Verdict::TooNoisy);
        assert!((11..40).contains(&needed.unwrap()), "{needed:?}");
    }

    #[test]
    fn few_rounds_conclude_nothing() {
        let (verdict, needed) = verdict(&[0.5, 0.5, 0.5, 0.5]);
        assert_eq!((verdict, needed), (Verdict::TooFew, Some(FEWEST)));
        assert!(of(&[], 0.02).is_none());
    }

    /// A against A, many times: a dozen figures each, as many as one run has.
    #[test]
    fn of_runs_without_a_difference_hardly_one_shows_any() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut noise = || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let runs_with_one = (0..100)
            .filter(|_| {
                (0..10).any(|_| {
                    let rounds: Vec<f64> = (0..10).map(|_| (0.05 * noise()).exp()).collect();
                    matches!(
                        of(&rounds, 0.02).unwrap().verdict,
                        Verdict::More | Verdict::Less
                    )
                })
            })
            .count();
        assert!(runs_with_one <= 12, "{runs_with_one} of 100");
    }
}
