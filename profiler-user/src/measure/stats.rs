//! Ratios of paired measurements, with how sure they are.
//!
//! A round measures every variant once, within a minute or so: what the machine
//! does in that minute is in all of them, and leaves with the division. So each
//! round gives one ratio, and the rounds together the geometric mean of these and
//! a bootstrap interval over the rounds. From ten rounds on, a tenth of them is left
//! out at either end: a round in which the machine stood still is no answer. The
//! extremes are kept beside the estimate, for whoever has to judge that.
//!
//! The percentile bootstrap is too narrow for few rounds (at ten, it holds the
//! truth in about nine of ten cases where it promises 95 %). Its percentiles are
//! moved outwards, as Hesterberg does it in *What Teachers Should Know About the
//! Bootstrap* (2014, section 5.3): to where Student's distribution would put them.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

/// Samples drawn from the rounds.
const RESAMPLES: usize = 4_000;

/// The same draws for the same figures: a table can be made again.
const SEED: u64 = 20_261_121;

/// Share of the rounds that is left out at either end.
const TRIM: f64 = 0.1;

/// How much is left out on either side of a 95 % interval.
const TAIL: f64 = 0.025;

/// A figure, and where it is in 95 of 100 cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The best guess.
    pub value: f64,
    /// The interval's lower end; like the value if there was a single round.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// Rounds behind it.
    pub rounds: usize,
    /// The lowest round.
    pub min: f64,
    /// The highest round.
    pub max: f64,
}

impl Estimate {
    /// The geometric mean of positive figures, one a round; `None` without any.
    #[must_use]
    pub fn of_ratios(ratios: &[f64]) -> Option<Self> {
        let logs: Vec<f64> = ratios
            .iter()
            .filter(|ratio| ratio.is_finite() && **ratio > 0.0)
            .map(|ratio| ratio.ln())
            .collect();
        let of_logs = Self::of_mean(&logs)?;
        Some(Self {
            value: of_logs.value.exp(),
            low: of_logs.low.exp(),
            high: of_logs.high.exp(),
            rounds: of_logs.rounds,
            min: of_logs.min.exp(),
            max: of_logs.max.exp(),
        })
    }

    /// The mean of figures, one a round; `None` without any.
    #[must_use]
    pub fn of_mean(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let value = trimmed_mean(&sorted);
        let (low, high) = match sorted.len() {
            1 => (value, value),
            _ => interval(&sorted),
        };
        Some(Self {
            value,
            low,
            high,
            rounds: sorted.len(),
            min,
            max,
        })
    }

    /// Whether it lies around 1 within two hundredths: good enough for a null pair
    /// to believe in differences of a hundredth or two.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.rounds > 1 && self.includes(1.0) && self.low > 0.98 && self.high < 1.02
    }

    /// Whether the interval has it.
    #[must_use]
    pub fn includes(&self, figure: f64) -> bool {
        (self.low..=self.high).contains(&figure)
    }
}

/// `None` of nothing.
#[must_use]
pub fn mean(figures: &[f64]) -> Option<f64> {
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

/// The middle one, or the mean of the two in the middle; `None` of nothing.
#[must_use]
pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    Some(match sorted.len() % 2 {
        1 => upper,
        _ => f64::midpoint(sorted[sorted.len() / 2 - 1], upper),
    })
}

/// The smallest of sorted figures that has this share of them at or below it;
/// zero of nothing.
#[must_use]
pub fn percentile<T: Copy + Default>(sorted: &[T], share: f64) -> T {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// The mean of sorted figures without the outermost.
fn trimmed_mean(sorted: &[f64]) -> f64 {
    let cut = (sorted.len() as f64 * TRIM) as usize;
    let kept = &sorted[cut..sorted.len() - cut];
    kept.iter().sum::<f64>() / kept.len() as f64
}

/// The interval of the mean of two figures or more.
fn interval(figures: &[f64]) -> (f64, f64) {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut drawn = vec![0.0; figures.len()];
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            drawn.fill_with(|| figures[random.usize(..figures.len())]);
            drawn.sort_by(f64::total_cmp);
            trimmed_mean(&drawn)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let tail = widened_tail(figures.len());
    (percentile(&means, tail), percentile(&means, 1.0 - tail))
}

/// What to leave out on either side of the drawn means, so that 95 % are kept of
/// what is behind so few figures.
fn widened_tail(rounds: usize) -> f64 {
    let rounds = rounds as f64;
    let student = StudentsT::new(0.0, 1.0, rounds - 1.0).expect("two rounds or more");
    let normal = Normal::new(0.0, 1.0).expect("its own parameters");
    normal.cdf((rounds / (rounds - 1.0)).sqrt() * student.inverse_cdf(TAIL))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn ratios_are_averaged_so_that_half_and_double_cancel() {
        let estimate = Estimate::of_ratios(&[0.5, 2.0]).unwrap();
        assert!(close(estimate.value, 1.0));
        assert!(estimate.includes(1.0));
    }

    #[test]
    fn what_is_no_ratio_is_left_out() {
        let estimate = Estimate::of_ratios(&[2.0, 0.0, f64::NAN, f64::INFINITY, 2.0]).unwrap();
        assert_eq!(estimate.rounds, 2);
        assert!(close(estimate.value, 2.0));
        assert_eq!(Estimate::of_ratios(&[0.0]), None);
    }

    #[test]
    fn one_round_of_ten_may_stand_still() {
        let mut rounds = [0.99; 10];
        rounds[3] = 0.001;
        let estimate = Estimate::of_ratios(&rounds).unwrap();
        assert!(close(estimate.value, 0.99));
        assert!(close(estimate.min, 0.001) && close(estimate.max, 0.99));
    }

    #[test]
    fn one_round_has_no_width() {
        let estimate = Estimate::of_mean(&[3.0]).unwrap();
        assert!(close(estimate.low, 3.0) && close(estimate.high, 3.0));
    }

    #[test]
    fn the_same_figures_give_the_same_interval() {
        let figures = [1.0, 1.2, 0.9, 1.1];
        assert_eq!(Estimate::of_mean(&figures), Estimate::of_mean(&figures));
    }

    /// By hand, from the usual tables: at ten rounds Student's 2.262 times the root
    /// of 10/9 is 2.384, and 0.86 % of the normal distribution are below that.
    #[test]
    fn the_percentiles_are_moved_outwards() {
        for (rounds, tail) in [(5, 0.0010), (10, 0.0086), (20, 0.0159), (100, 0.0229)] {
            let ours = widened_tail(rounds);
            assert!((ours - tail).abs() < 0.0002, "{rounds} rounds: {ours}");
        }
    }

    /// Ten rounds of noise around a known truth, many times over.
    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let mut random = fastrand::Rng::with_seed(7);
        // Twelve uniform figures add up to about a normal one.
        let mut noise = || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let held = (0..400)
            .filter(|_| {
                let rounds: Vec<f64> = (0..10).map(|_| (0.05 * noise()).exp()).collect();
                Estimate::of_ratios(&rounds).unwrap().includes(1.0)
            })
            .count();
        assert!((366..=394).contains(&held), "{held} of 400");
    }

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn a_percentile_is_a_figure_that_was_measured() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 0.5), 50);
        assert_eq!(percentile(&hundred, 0.99), 99);
        assert_eq!(percentile(&[7_u64], 0.99), 7);
        assert_eq!(percentile::<u64>(&[], 0.5), 0);
    }
}
