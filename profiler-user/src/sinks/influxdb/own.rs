//! What the run itself costs and loses: one point a window, of the window alone.
//!
//! Measurement `wsgiprobe.probe`, at the window's end, with the tag `host.name`.
//!
//! | field | type | is |
//! |---|---|---|
//! | `cpu_time` | float, s | CPU time of wsgiprobe itself; not in the first window, of which the attach is part |
//! | `memory_usage` `kernel_memory` `kernel_memory_limit` | integer, bytes | its resident memory; that of the maps; the same if every map were full |
//! | `bpf_runs` | integer | runs of the kernel programs, where the kernel counts them |
//! | `bpf_time` | float, s | time inside them, likewise |
//! | `seen` `reported` | integer | requests that the kernel side saw; that were handed to every output |
//! | `in_flight` | integer | requests seen, and neither reported nor lost |
//! | `lost` | integer | requests seen that will not be reported |
//! | `lost_...` `note_...` | integer | the same by reason; what else was noticed, as in the summary |
//! | `points_written` `points_dropped` `points_rejected` | integer | points that this database took, that were given up, that it refused |
//! | `points_spooled` | integer | points that wait on disk |
//!
//! What is not known is left out.

use super::line::Line;
use crate::summary::Summary;
use crate::tick::Points;

const MEASUREMENT: &str = "wsgiprobe.probe";

/// Remembers the last window's counters, to tell of the next one alone.
#[derive(Debug, Default)]
pub(super) struct Own {
    last: Option<(Summary, Points)>,
}

impl Own {
    /// Writes the point of a window that ended with this account.
    pub(super) fn window(
        &mut self,
        out: &mut String,
        hostname: &str,
        account: &Summary,
        points: &Points,
        time_unix_ns: u64,
    ) {
        let last = self.last.as_ref();
        let before = |of: &dyn Fn(&Summary) -> u64| last.map_or(0, |(account, _)| of(account));
        let grown = |of: &dyn Fn(&Summary) -> u64| of(account).saturating_sub(before(of));
        let mut line = Line::new(out, MEASUREMENT).tag("host.name", hostname);
        let (cost, cost_before) = (&account.probe, last.map(|(account, _)| &account.probe));
        if let Some(before) = cost_before {
            line = line.float("cpu_time", (cost.cpu_s - before.cpu_s).max(0.0));
        }
        line = line.integer("memory_usage", cost.rss_bytes);
        if let (Some(now), Some(most)) = (cost.kernel_bytes, cost.kernel_bytes_max) {
            line = line
                .integer("kernel_memory", now)
                .integer("kernel_memory_limit", most);
        }
        if cost.bpf_runs.is_some() && cost.bpf_ns.is_some() {
            let ns = grown(&|account| account.probe.bpf_ns.unwrap_or(0));
            line = line
                .integer(
                    "bpf_runs",
                    grown(&|account| account.probe.bpf_runs.unwrap_or(0)),
                )
                .seconds("bpf_time", Some(ns));
        }
        line = line
            .integer("seen", grown(&|account| account.seen))
            .integer("reported", grown(&|account| account.reported))
            .integer("in_flight", account.in_flight)
            .integer("lost", grown(&|account| account.lost.sum()));
        for (reason, _) in account.lost.all() {
            let count = grown(&|account| account.lost.get(reason));
            line = line.integer(&format!("lost_{reason}"), count);
        }
        for (note, _) in account.notes.all() {
            let count = grown(&|account| account.notes.get(note));
            line = line.integer(&format!("note_{note}"), count);
        }
        let before = last.map_or(Points::default(), |(_, points)| *points);
        for ((fate, now), (_, before)) in points.gone().into_iter().zip(before.gone()) {
            line = line.integer(&format!("points_{fate}"), now.saturating_sub(before));
        }
        line.integer("points_spooled", points.spooled)
            .end(time_unix_ns);
        self.last = Some((account.clone(), *points));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::sample;

    #[test]
    fn each_window_is_of_itself() {
        let (mut own, mut out) = (Own::default(), String::new());
        let first = sample(16);
        let mut second = sample(21);
        second.probe.cpu_s += 0.25;
        (second.probe.bpf_runs, second.probe.bpf_ns) = (Some(10), Some(2_000));
        let mut points = Points {
            written: 5,
            dropped: 2,
            ..Points::default()
        };
        own.window(&mut out, "h", &first, &points, 1);
        (points.written, points.spooled) = (9, 3);
        own.window(&mut out, "h", &second, &points, 2);
        let lines: Vec<&str> = out.lines().collect();
        assert!(
            lines[0].starts_with(
                "wsgiprobe.probe,host.name=h memory_usage=1024i,kernel_memory=8388608i,\
                 kernel_memory_limit=41943040i,seen=16i,reported=10i,in_flight=3i,lost=3i,\
                 lost_ring_full=2i,"
            ),
            "{}",
            lines[0]
        );
        assert!(lines[0].contains(",lost_undecoded=1i,note_non_http=4i,"));
        assert!(lines[0].ends_with(
            "points_written=5i,points_dropped=2i,points_rejected=0i,points_spooled=0i 1"
        ));
        assert!(
            lines[1].starts_with("wsgiprobe.probe,host.name=h cpu_time=0.25,memory_usage=1024i,"),
            "{}",
            lines[1]
        );
        assert!(lines[1].contains(
            ",bpf_runs=10i,bpf_time=0.000002,seen=5i,reported=0i,in_flight=3i,lost=0i,\
             lost_ring_full=0i,"
        ));
        assert!(lines[1].ends_with(
            "points_written=4i,points_dropped=0i,points_rejected=0i,points_spooled=3i 2"
        ));
    }
}
