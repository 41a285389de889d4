//! Numbers as people read them.

use std::time::{Duration, UNIX_EPOCH};

/// A duration in nanoseconds, to three digits: `950ns`, `1.25ms`, `2m05s`;
/// `-` where there is none.
#[must_use]
pub fn duration(ns: Option<u64>) -> String {
    let Some(ns) = ns else {
        return "-".into();
    };
    let value = ns as f64;
    // The bounds lie where the three digits would round up to four.
    match ns {
        0..1_000 => format!("{ns}ns"),
        1_000..999_500 => format!("{}µs", digits(value / 1e3)),
        999_500..999_500_000 => format!("{}ms", digits(value / 1e6)),
        999_500_000..59_950_000_000 => format!("{}s", digits(value / 1e9)),
        _ => {
            let seconds = (value / 1e9).round() as u64;
            format!("{}m{:02}s", seconds / 60, seconds % 60)
        }
    }
}

/// Wall clock (nanoseconds since the epoch), to the second.
#[must_use]
pub fn time(unix_ns: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_nanos(unix_ns);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Events per second, to three digits.
#[must_use]
pub fn rate(count: u64, seconds: f64) -> String {
    if seconds <= 0.0 {
        return "-".into();
    }
    digits(count as f64 / seconds)
}

/// `part` of `whole` in percent.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0%".into();
    }
    format!("{}%", digits(100.0 * part as f64 / whole as f64))
}

/// A number and its noun: `1 error`, `2 errors`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn digits(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Bytes in binary units.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    bytesize::ByteSize(bytes).display().iec().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_three_digits() {
        let cases = [
            (0, "0ns"),
            (999, "999ns"),
            (1_250, "1.25µs"),
            (999_499, "999µs"),
            (999_500, "1.00ms"),
            (12_345_678, "12.3ms"),
            (999_499_999, "999ms"),
            (1_000_000_000, "1.00s"),
            (59_949_999_999, "59.9s"),
            (125_000_000_000, "2m05s"),
        ];
        for (ns, expected) in cases {
            assert_eq!(duration(Some(ns)), expected);
        }
        assert_eq!(duration(None), "-");
    }

    #[test]
    fn rates_and_shares() {
        assert_eq!(rate(3, 2.0), "1.50");
        assert_eq!(rate(12_345, 1.0), "12345");
        assert_eq!(rate(3, 0.0), "-");
        assert_eq!(percent(1, 3), "33.3%");
        assert_eq!(percent(0, 0), "0%");
        assert_eq!(count(1, "error"), "1 error");
        assert_eq!(count(0, "error"), "0 errors");
    }
}
