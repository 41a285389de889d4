//! Verdicts in words.

use super::results::{Ratio, Verdict};

/// From here on "times as much" says more than a percentage.
const TIMES: f64 = 2.0;

/// What may be said of a ratio: "1.3 % less [0.8, 1.9]".
#[must_use]
pub fn verdict(ratio: &Ratio) -> String {
    let estimate = &ratio.estimate;
    let (value, low, high) = (estimate.value, estimate.low, estimate.high);
    match ratio.verdict {
        Verdict::More if value >= TIMES => {
            format!("{value:.1} times as much [{low:.1}, {high:.1}]")
        }
        Verdict::More => share("more", value - 1.0, low - 1.0, high - 1.0),
        Verdict::Less => share("less", 1.0 - value, 1.0 - high, 1.0 - low),
        Verdict::NoDifference => {
            let most = (high - 1.0).max(1.0 - low);
            format!("no difference that can be shown (within {})", percent(most))
        }
        Verdict::TooNoisy => {
            let seen = format!("{} to {}", signed(low), signed(high));
            match ratio.needed {
                Some(needed) => format!("too noisy ({seen}): about {needed} rounds would tell"),
                None => format!("too noisy ({seen}): more rounds are needed"),
            }
        }
        Verdict::TooFew => match ratio.needed {
            Some(needed) => format!(
                "too few rounds to tell: {}, and at least {needed} are needed",
                estimate.rounds
            ),
            None => format!("too few rounds to tell: {}", estimate.rounds),
        },
    }
}

fn share(word: &str, value: f64, low: f64, high: f64) -> String {
    let places = places(value);
    let [value, low, high] = [value, low, high].map(|share| format!("{:.places$}", 100.0 * share));
    format!("{value} % {word} [{low}, {high}]")
}

/// Of a share of 1.
fn percent(share: f64) -> String {
    format!("{:.*} %", places(share), 100.0 * share)
}

/// A ratio as the change that it is.
fn signed(ratio: f64) -> String {
    let sign = if ratio < 1.0 { '\u{2212}' } else { '+' };
    format!("{sign}{}", percent((ratio - 1.0).abs()))
}

/// Digits behind the point, of a percentage: two that mean something.
fn places(share: f64) -> usize {
    match share.abs() {
        ..0.0095 => 2,
        ..0.995 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::Estimate;
    use super::*;

    fn said(value: f64, low: f64, high: f64, verdict: Verdict, needed: Option<usize>) -> String {
        let estimate = Estimate {
            value,
            low,
            high,
            rounds: 3,
            min: low,
            max: high,
        };
        super::verdict(&Ratio {
            estimate,
            verdict,
            needed,
        })
    }

    #[test]
    fn a_difference_has_its_interval_in_its_own_direction() {
        let less = said(0.987, 0.981, 0.992, Verdict::Less, None);
        assert_eq!(less, "1.3 % less [0.8, 1.9]");
        let more = said(1.124, 1.101, 1.15, Verdict::More, None);
        assert_eq!(more, "12.4 % more [10.1, 15.0]");
        let little = said(1.0042, 1.0031, 1.0053, Verdict::More, None);
        assert_eq!(little, "0.42 % more [0.31, 0.53]");
        let times = said(3.21, 3.0, 3.4, Verdict::More, None);
        assert_eq!(times, "3.2 times as much [3.0, 3.4]");
    }

    #[test]
    fn what_cannot_be_said_is_not() {
        let none = said(1.001, 0.991, 1.004, Verdict::NoDifference, None);
        assert_eq!(none, "no difference that can be shown (within 0.90 %)");
        let noisy = said(1.02, 0.95, 1.1, Verdict::TooNoisy, Some(37));
        assert_eq!(
            noisy,
            "too noisy (\u{2212}5.0 % to +10.0 %): about 37 rounds would tell"
        );
        let few = said(1.02, 0.95, 1.1, Verdict::TooFew, None);
        assert_eq!(few, "too few rounds to tell: 3");
        let few = said(1.02, 0.95, 1.1, Verdict::TooFew, Some(5));
        assert_eq!(few, "too few rounds to tell: 3, and at least 5 are needed");
    }
}
