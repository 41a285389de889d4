//! What is said each interval.

use std::time::{Duration, UNIX_EPOCH};

use super::text::{Line, Tone};
use super::{human, table};
use crate::aggregate::{Stats, Window};

/// Routes shown per interval.
const TOP: usize = 10;

/// Words intervals; remembers whether the last was quiet, since a quiet stretch
/// is worth one line.
#[derive(Debug, Default)]
pub struct Intervals {
    quiet: bool,
}

impl Intervals {
    /// The lines for a window.
    pub fn lines(&mut self, window: &Window) -> Vec<Line> {
        let was_quiet = std::mem::replace(&mut self.quiet, window.total.count == 0);
        if self.quiet && was_quiet {
            return Vec::new();
        }
        let seconds = window.seconds();
        let tone = if self.quiet {
            Tone::Faint
        } else {
            Tone::Strong
        };
        let time = time(window.end_unix_ns);
        let text = format!("{time}  {}", overall(&window.total, seconds));
        let mut lines = vec![Line::new(tone, text)];
        lines.extend(table::routes(&window.by_route(), seconds, TOP));
        lines
    }
}

/// A set of requests in one line.
#[must_use]
pub fn overall(stats: &Stats, seconds: f64) -> String {
    if stats.count == 0 {
        return "no requests".into();
    }
    format!(
        "{}, {}/s, {} ({}), p50 {}, p90 {}, p99 {}, max {}",
        human::count(stats.count, "request"),
        human::rate(stats.count, seconds),
        human::count(stats.errors, "error"),
        human::percent(stats.errors, stats.count),
        human::duration(stats.p50()),
        human::duration(stats.p90()),
        human::duration(stats.p99()),
        human::duration(stats.max()),
    )
}

fn time(unix_ns: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_nanos(unix_ns);
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::tests::window;
    use super::*;

    #[test]
    fn a_quiet_stretch_is_one_line() {
        let mut intervals = Intervals::default();
        assert_eq!(
            intervals.lines(&window(&[]))[0].text,
            "1970-01-01T00:00:01Z  no requests"
        );
        assert!(intervals.lines(&window(&[])).is_empty());
        assert_eq!(intervals.lines(&window(&[(1_000_000, 200)])).len(), 3);
        assert_eq!(intervals.lines(&window(&[])).len(), 1);
    }

    #[test]
    fn an_interval_begins_with_the_whole() {
        let lines = Intervals::default().lines(&window(&[(2_000_000, 200), (2_000_000, 503)]));
        assert_eq!(
            lines[0].text,
            "1970-01-01T00:00:01Z  2 requests, 2.00/s, 1 error (50.0%), \
             p50 2.00ms, p90 2.00ms, p99 2.00ms, max 2.00ms"
        );
    }
}
