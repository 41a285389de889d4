//! Two means: how far apart they are, and how sure that is.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::mean::Mean;

/// A figure, and where it is in all but a given share of cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The best guess.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Two independent means, the second less the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The first.
    pub before: Mean,
    /// The second.
    pub after: Mean,
}

impl Difference {
    fn value(&self) -> f64 {
        self.after.value - self.before.value
    }

    fn error(&self) -> f64 {
        (self.before.variance + self.after.variance).sqrt()
    }

    /// Student's distribution with the degrees of freedom that Welch (1947) gives two
    /// means of different variance.
    fn student(&self) -> StudentsT {
        let squared = |mean: &Mean| mean.variance.powi(2) / (mean.blocks - 1.0).max(1.0);
        let all = (self.before.variance + self.after.variance).powi(2);
        let freedom = all / (squared(&self.before) + squared(&self.after));
        let freedom = if freedom.is_finite() { freedom } else { 1.0 };
        StudentsT::new(0.0, 1.0, freedom.max(1.0)).expect("one degree of freedom or more")
    }

    /// How often chance alone would put them so far apart: 0 to 1.
    #[must_use]
    pub fn chance(&self) -> f64 {
        let (value, error) = (self.value().abs(), self.error());
        if value == 0.0 {
            return 1.0;
        }
        if error == 0.0 {
            return 0.0;
        }
        2.0 * self.student().sf(value / error)
    }

    /// The interval that misses the truth in this share of cases. It leaves zero out
    /// where [`chance`](Self::chance) is less than that.
    #[must_use]
    pub fn interval(&self, misses: f64) -> Interval {
        let (value, reach) = (self.value(), self.reach(misses));
        Interval {
            value,
            low: value - reach,
            high: value + reach,
        }
    }

    /// How many times the first the second is. After Fieller (1954), so that it leaves
    /// one out just where the difference leaves zero out; `None` where the first may as
    /// well be zero.
    #[must_use]
    pub fn ratio(&self, misses: f64) -> Option<Interval> {
        let times = self.times(misses);
        let variance = |mean: &Mean| times * times * mean.variance;
        let (first, second) = (self.before.value, self.after.value);
        // The ratios r for which r x first is no further from second than chance has it:
        // those between the roots of a r^2 - 2 b r + c.
        let a = first * first - variance(&self.before);
        let b = first * second;
        let c = second * second - variance(&self.after);
        if first <= 0.0 || a <= 0.0 {
            return None;
        }
        let root = (b * b - a * c).max(0.0).sqrt();
        Some(Interval {
            value: second / first,
            low: (b - root) / a,
            high: (b + root) / a,
        })
    }

    /// Standard errors to either side.
    fn times(&self, misses: f64) -> f64 {
        if self.error() == 0.0 {
            return 0.0;
        }
        -self.student().inverse_cdf(misses / 2.0)
    }

    fn reach(&self, misses: f64) -> f64 {
        self.times(misses) * self.error()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mean(value: f64, error: f64, blocks: f64) -> Mean {
        Mean {
            value,
            variance: error * error,
            blocks,
        }
    }

    /// From the usual table: 2.262 standard errors at nine degrees of freedom.
    #[test]
    fn as_the_table_has_it() {
        let difference = Difference {
            before: mean(10.0, 0.0, 10.0),
            after: mean(13.0, 1.0, 10.0),
        };
        let interval = difference.interval(0.05);
        assert!((interval.low - (3.0 - 2.262)).abs() < 0.001, "{interval:?}");
        assert!((difference.chance() - 0.014_96).abs() < 1e-4);
        let ratio = difference.ratio(0.05).unwrap();
        assert!((ratio.low - (1.3 - 0.2262)).abs() < 1e-4, "{ratio:?}");
    }

    #[test]
    fn what_never_varies_differs_for_sure_or_not_at_all() {
        let same = Difference {
            before: mean(10.0, 0.0, 10.0),
            after: mean(10.0, 0.0, 10.0),
        };
        assert!(same.chance() >= 1.0);
        let other = Difference {
            after: mean(11.0, 0.0, 10.0),
            ..same
        };
        assert_eq!((other.chance(), other.interval(0.01).low), (0.0, 1.0));
        let none = Difference {
            before: mean(0.0, 0.0, 10.0),
            ..other
        };
        assert_eq!(none.ratio(0.05), None);
    }

    proptest! {
        /// One decides by chance, and shows intervals: both have to say the same.
        #[test]
        fn all_agree(
            values in (0.1..10.0_f64, 0.1..10.0_f64),
            errors in (1e-3..1.0_f64, 1e-3..1.0_f64),
            blocks in (3.0..60.0_f64, 3.0..60.0_f64),
            misses in 1e-6..0.1_f64,
        ) {
            let difference = Difference {
                before: mean(values.0, errors.0, blocks.0),
                after: mean(values.1, errors.1, blocks.1),
            };
            let chance = difference.chance();
            prop_assume!((chance / misses - 1.0).abs() > 1e-3);
            let interval = difference.interval(misses);
            let differs = interval.low > 0.0 || interval.high < 0.0;
            prop_assert_eq!(differs, chance < misses, "{:?} {}", interval, chance);
            if let Some(ratio) = difference.ratio(misses) {
                prop_assert_eq!(ratio.low > 1.0 || ratio.high < 1.0, differs);
                prop_assert!(ratio.low <= ratio.value && ratio.value <= ratio.high);
            }
        }
    }
}
