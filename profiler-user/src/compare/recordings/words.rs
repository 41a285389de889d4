//! Figures and their intervals as people read them.

use super::difference::Interval;
use super::results::Change;
use crate::output::human;

/// Seconds, to three digits; `-` where not known.
pub fn time(seconds: Option<f64>) -> String {
    human::duration(seconds.map(|seconds| (seconds * 1e9).round() as u64))
}

/// A share in percent.
pub fn share(share: f64) -> String {
    format!("{:.*}%", decimals(share * 100.0), share * 100.0)
}

/// Seconds more or less: `+10.2ms [9.8, 10.7]`, one unit for all three.
pub fn more_time(difference: &Interval) -> String {
    // The bounds lie where the three digits would round up to four.
    let (unit, name) = match difference.value.abs() {
        ..999.5e-9 => (1e-9, "ns"),
        ..999.5e-6 => (1e-6, "µs"),
        ..999.5e-3 => (1e-3, "ms"),
        _ => (1.0, "s"),
    };
    more(difference, unit, name)
}

/// Of a share: `+3.10 points [2.00, 4.20]`, hundredths.
pub fn more_share(difference: &Interval) -> String {
    more(difference, 0.01, " points")
}

/// `1.20 to 1.31 times`.
pub fn times(ratio: &Interval) -> String {
    let digits = decimals(ratio.value);
    format!("{:.digits$} to {:.digits$} times", ratio.low, ratio.high)
}

/// What a figure went from and to.
pub fn from_to(change: &Change) -> String {
    format!(
        "{} -> {}",
        time(Some(change.before)),
        time(Some(change.after))
    )
}

fn more(difference: &Interval, unit: f64, name: &str) -> String {
    let [value, low, high] =
        [difference.value, difference.low, difference.high].map(|figure| figure / unit);
    let digits = decimals(value);
    format!("{value:+.digits$}{name} [{low:.digits$}, {high:.digits$}]")
}

/// Of three digits, those behind the point.
fn decimals(value: f64) -> usize {
    match value.abs() {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(value: f64, low: f64, high: f64) -> Interval {
        Interval { value, low, high }
    }

    #[test]
    fn three_digits_and_one_unit() {
        let queue = interval(0.010_21, 0.009_8, 0.010_7);
        assert_eq!(more_time(&queue), "+10.2ms [9.8, 10.7]");
        let less = interval(-1.5e-6, -2e-6, -9.999e-7);
        assert_eq!(more_time(&less), "-1.50µs [-2.00, -1.00]");
        assert_eq!(
            more_time(&interval(0.999_6, 0.5, 1.5)),
            "+1.00s [0.50, 1.50]"
        );
        assert_eq!(
            more_share(&interval(0.031, 0.02, 0.042)),
            "+3.10 points [2.00, 4.20]"
        );
        assert_eq!(times(&interval(12.0, 11.0, 13.04)), "11.0 to 13.0 times");
        assert_eq!((share(0.5), share(0.0)), ("50.0%".into(), "0.00%".into()));
    }
}
