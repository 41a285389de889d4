//! What is said at the end: the whole run, and where every request went.

use std::fmt::Write as _;

use super::bar::legend;
use super::slowest::slowest;
use super::text::{Line, Tone};
use super::{human, interval, table};
use crate::aggregate::Window;
use crate::sinks::Delivered;
use crate::summary::{SKIPPED_RUNS, Summary, UNDECODED};

/// Routes shown of the whole run.
const TOP: usize = 25;

/// Slowest requests shown of the whole run.
const SLOWEST: usize = 3;

/// The last block: `run` is the whole of it as one window.
#[must_use]
pub fn account(run: &Window, summary: &Summary, delivered: &[Delivered]) -> Vec<Line> {
    let seconds = run.seconds();
    let whole = interval::overall(&run.total, seconds);
    let mut lines = vec![Line::new(Tone::Strong, format!("whole run  {whole}"))];
    let (routes, served) = (run.by_route(), run.served_by());
    lines.extend(table::routes(&routes, &served, seconds, TOP));
    if run.total.anatomy.shares.total() > 0 {
        lines.push(legend());
    }
    lines.extend(slowest(&run.slowest, SLOWEST, true));
    lines.extend(equation(summary));
    lines.extend(delivered.iter().map(|output| {
        let tone = if output.failed {
            Tone::Warning
        } else {
            Tone::Plain
        };
        Line::new(tone, format!("wrote  {}", output.text))
    }));
    lines.push(cost(summary));
    lines
}

/// Where every request went, and what else was noticed.
pub(crate) fn equation(summary: &Summary) -> Vec<Line> {
    let lost = summary.lost.sum();
    let sum = format!(
        "seen {} = reported {} + in flight {} + lost {lost}",
        summary.seen, summary.reported, summary.in_flight,
    );
    let mut lines = if summary.balanced {
        vec![Line::new(Tone::Plain, sum)]
    } else {
        let text = format!("{sum} does not hold: a bug of wsgiprobe, please report it");
        vec![Line::new(Tone::Warning, text)]
    };
    lines.extend(summary.lost.non_zero().map(|(name, count)| {
        let text = format!("  lost {count} {name}: {}", words(summary, name));
        Line::new(Tone::Warning, text)
    }));
    lines.extend(summary.notes.non_zero().map(|(name, count)| {
        let limit = summary.limits.iter().any(|hit| hit.counter == name);
        let tone = if limit { Tone::Warning } else { Tone::Faint };
        Line::new(
            tone,
            format!("  note {count} {name}: {}", words(summary, name)),
        )
    }));
    lines
}

fn cost(summary: &Summary) -> Line {
    let probe = &summary.probe;
    let mut text = format!(
        "cost  {:.2}s CPU, {} of memory",
        probe.cpu_s,
        human::bytes(probe.rss_bytes),
    );
    if let Some(bytes) = probe.kernel_bytes {
        // Writing to a String does not fail.
        let _ = write!(text, " and {} in the kernel", human::bytes(bytes));
    }
    if let (Some(runs), Some(ns)) = (probe.bpf_runs, probe.bpf_ns) {
        let each = human::duration(ns.checked_div(runs));
        let programs = format!(
            ", {} in {runs} runs in the kernel ({each} each)",
            human::duration(Some(ns))
        );
        text.push_str(&programs);
    }
    Line::new(Tone::Faint, text)
}

/// Which limit was hit, or else what the counter means.
fn words<'a>(summary: &'a Summary, counter: &str) -> &'a str {
    let mut hits = summary.limits.iter();
    hits.find(|hit| hit.counter == counter)
        .map_or_else(|| advice(counter), |hit| hit.words.as_str())
}

/// What a counter that no limit bounds means for the operator, and what to do about it.
fn advice(counter: &str) -> &'static str {
    match counter {
        "unparsed" => "their bytes were out of reach (io_uring?); try --hooks syscall",
        "started_before_attach" => "under way when wsgiprobe started; nothing to do",
        UNDECODED => "kernel and user side disagree; a bug of wsgiprobe, please report it",
        "non_http" => "connections that do not speak HTTP/1 (TLS, HTTP/2, others)",
        "partial_line" => "connections closed inside a request line, unanswered",
        "path_truncated" => "paths reported cut, and marked so",
        SKIPPED_RUNS => "program runs that the kernel left out; parts of requests may be missing",
        "thread_unknown" => "threads that the kernel had no memory for; what they do is not seen",
        "opaque_io" => "reads or writes whose bytes were out of reach",
        _ => "see the documentation",
    }
}

#[cfg(test)]
mod tests {
    use profiler_common::stats::Counter;

    use super::super::tests::window;
    use super::*;
    use crate::limits::Limit;
    use crate::summary::tests::sample;

    fn text(seen: u64) -> String {
        let delivered = Delivered {
            text: "16 requests to x".into(),
            failed: false,
        };
        let lines = account(&window(&[(1_000_000, 200)]), &sample(seen), &[delivered]);
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        texts[4..].join("\n")
    }

    #[test]
    fn every_request_is_accounted_for() {
        assert_eq!(
            text(16),
            "seen 16 = reported 10 + in flight 3 + lost 3\n  \
             lost 2 ring_full: requests lost: user space could not keep up; \
             the ring buffer was full: raise --ring-size (4.0 MiB)\n  \
             lost 1 undecoded: kernel and user side disagree; a bug of wsgiprobe, please report it\n  \
             note 4 non_http: connections that do not speak HTTP/1 (TLS, HTTP/2, others)\n\
             wrote  16 requests to x\n\
             cost  0.50s CPU, 1.0 KiB of memory and 8.0 MiB in the kernel"
        );
        assert!(text(17).contains("does not hold"));
    }

    #[test]
    fn every_counter_has_advice() {
        let counters = Counter::ALL.iter().filter(|c| c.is_loss() || c.is_note());
        let names = counters.map(|counter| counter.name());
        for name in names.chain([UNDECODED]) {
            let limit = Limit::of(name).is_some();
            assert_ne!(limit, advice(name) != advice("?"), "{name}");
        }
    }
}
