//! What is said each interval.

use super::bar::legend;
use super::slowest::slowest;
use super::text::{Line, Tone};
use super::{human, table};
use crate::aggregate::{Stats, Window};

/// Routes shown per interval.
const TOP: usize = 10;

/// Slowest requests shown per interval.
const SLOWEST: usize = 3;

/// Words intervals. A quiet stretch is worth one line, and the legend of the bars
/// is told once.
#[derive(Debug, Default)]
pub struct Intervals {
    quiet: bool,
    explained: bool,
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
        let time = human::time(window.end_unix_ns);
        let text = format!("{time}  {}", overall(&window.total, seconds));
        let mut lines = vec![Line::new(tone, text)];
        let (routes, served) = (window.by_route(), window.served_by());
        lines.extend(table::routes(&routes, &served, seconds, TOP));
        if !self.explained && window.total.anatomy.shares.total() > 0 {
            self.explained = true;
            lines.push(legend());
        }
        lines.extend(slowest(&window.slowest, SLOWEST, false));
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

#[cfg(test)]
mod tests {
    use super::super::tests::window;
    use super::*;
    use crate::aggregate::Aggregator;
    use crate::model::{Mode, Wait};
    use crate::request::sample;

    #[test]
    fn a_quiet_stretch_is_one_line() {
        let mut intervals = Intervals::default();
        assert_eq!(
            intervals.lines(&window(&[]))[0].text,
            "1970-01-01T00:00:01Z  no requests"
        );
        assert!(intervals.lines(&window(&[])).is_empty());
        assert_eq!(intervals.lines(&window(&[(1_000_000, 200)])).len(), 4);
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

    #[test]
    fn shows_where_the_time_went() {
        let mut aggregator = Aggregator::new();
        for n in [1, 2, 4, 3] {
            let mut report = sample::request(&format!("/report/{n}"));
            report.route = "/report/{id}".into();
            report.times.queue_time = Some(n * 10_000_000);
            report.times.application_time = Some(30_000_000);
            report.times.duration = Some(30_300_000 + n * 10_000_000);
            let spent = report.daemon_spent.as_mut().unwrap();
            spent.cpu = 12_000_000;
            spent.wait[Wait::Lock as usize] = 4_000_000;
            spent.wait[Wait::Upstream as usize] = 13_000_000;
            aggregator.record(&report);
        }
        aggregator.record(&sample::request("/"));
        let mut logo = sample::request("/logo.png");
        (logo.mode, logo.daemon_spent) = (Some(Mode::Static), None);
        logo.times.queue_time = None;
        aggregator.record(&logo);
        let mut unknown = sample::request("/unknown");
        (unknown.spent, unknown.times.duration) = (None, Some(90_000));
        aggregator.record(&unknown);
        let mut intervals = Intervals::default();
        let window = aggregator.close(0, 1_000_000_000);
        let lines = intervals.lines(&window);
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "1970-01-01T00:00:01Z  7 requests, 7.00/s, 0 errors (0%), p50 40.4ms, p90 70.3ms, p99 70.3ms, max 70.3ms",
                " requests  req/s  errors  4xx     p50     p90     p99     max  route",
                "        4   4.00       0    0  50.3ms  70.3ms  70.3ms  70.3ms  /report/{id}",
                "    qqqqqqqqq####lluuuuu  queue 45%, app cpu 22%, lock 7%, upstream 127.0.0.1:5432 24%",
                "        1   1.00       0    0  1.50ms  1.50ms  1.50ms  1.50ms  /",
                "    qqqaa########lluuur.  queue 14%, apache 12%, app cpu 40%, lock 10%, upstream 127.0.0.1:5432 17%",
                "        1   1.00       0    0  1.50ms  1.50ms  1.50ms  1.50ms  /logo.png",
                "    aaaaaaaaaaaaaaaaaaaa  apache 99%",
                "        1   1.00       0    0  90.0µs  90.0µs  90.0µs  90.0µs  /unknown",
                "  q queue  a apache  # app cpu  l lock  u upstream  c client  d disk  s sleep  r runqueue  . other",
                "  slowest  70.3ms GET /report/4 200: queue 40.0ms, app cpu 12.0ms, upstream 127.0.0.1:5432 13.0ms",
                "           60.3ms GET /report/3 200: queue 30.0ms, app cpu 12.0ms, upstream 127.0.0.1:5432 13.0ms",
                "           50.3ms GET /report/2 200: queue 20.0ms, app cpu 12.0ms, upstream 127.0.0.1:5432 13.0ms"
            ]
        );
        let explained = |lines: &[Line]| lines.contains(&legend());
        assert!(explained(&lines) && !explained(&intervals.lines(&window)));
    }
}
