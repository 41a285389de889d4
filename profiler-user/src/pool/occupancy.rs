//! Which threads were taken by requests, and when.
//!
//! A request takes a thread of the daemon, and all the while one of Apache's that
//! waits for it: both are recorded, each under its own process. A request counts
//! where it finished; its time counts in every interval that it touches. Threads
//! still at work as an interval ends are added from the list of serving threads;
//! when their request has finished later, its span is cut off where the interval
//! began, so that nothing counts twice.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;

use super::Serving;
use super::sweep::{self, Stretch};
use crate::model::{Mode, Request, Span};

/// Spans kept at a time: 2 MB. At two a request this is what 65 000 requests an
/// interval need. Of further ones the length is kept, which is all but what
/// [`Occupied::full_ns`] asks for.
const MAX_SPANS: usize = 1 << 17;

/// One process within the interval.
#[derive(Debug, Default)]
struct Open {
    threads: HashMap<u32, Vec<Stretch>>,
    requests: u64,
    /// Length of the spans that found no place.
    unplaced_ns: u64,
}

/// Collects the spans of an interval.
#[derive(Debug)]
pub(super) struct Occupancy {
    processes: BTreeMap<u32, Open>,
    spans: usize,
    max_spans: usize,
    /// When the open interval began.
    begin: u64,
}

/// One process in an interval that is over.
#[derive(Debug)]
pub(super) struct Occupied {
    /// It.
    pub pid: u32,
    /// Its threads that have served.
    pub serving: BTreeSet<u32>,
    /// Those at a request as the interval ended.
    pub busy: u32,
    /// Thread time spent on requests, nanoseconds.
    pub busy_ns: u64,
    /// Requests that finished.
    pub requests: u64,
    /// A line for each thread; `None` if spans are missing.
    lines: Option<Vec<Vec<Stretch>>>,
}

impl Occupied {
    /// How long so many threads were at requests at once, nanoseconds.
    pub(super) fn full_ns(&self, threads: u32) -> Option<u64> {
        let lines = self.lines.as_ref()?;
        Some(sweep::overlap(lines, threads as usize))
    }
}

impl Occupancy {
    /// With an interval that begins then: nanoseconds since the epoch.
    pub(super) fn new(begin: u64) -> Self {
        Self {
            processes: BTreeMap::new(),
            spans: 0,
            max_spans: MAX_SPANS,
            begin,
        }
    }

    /// Takes a finished request.
    pub(super) fn record(&mut self, request: &Request) {
        self.add(request.pid, request.tid, request.busy);
        if let (Some(Mode::Daemon), Some(pid), Some(tid)) =
            (request.mode, request.daemon_pid, request.daemon_tid)
        {
            self.add(pid, tid, request.daemon_busy);
        }
    }

    fn add(&mut self, pid: u32, tid: u32, span: Option<Span>) {
        let process = self.processes.entry(pid).or_default();
        process.requests += 1;
        let Some(span) = span else {
            return;
        };
        let thread = process.threads.entry(tid).or_default();
        if self.spans < self.max_spans {
            thread.push((span.begin_unix_ns, span.end_unix_ns));
            self.spans += 1;
        } else {
            let begin = span.begin_unix_ns.max(self.begin);
            process.unplaced_ns += span.end_unix_ns.saturating_sub(begin);
        }
    }

    /// Ends the interval `start..end`: each process with a serving thread, or with
    /// requests in it, in order.
    pub(super) fn close(&mut self, start: u64, end: u64, serving: &[Serving]) -> Vec<Occupied> {
        let mut known: BTreeMap<u32, Vec<&Serving>> = BTreeMap::new();
        for thread in serving {
            known.entry(thread.pid).or_default().push(thread);
        }
        let mut open = std::mem::take(&mut self.processes);
        let pids: BTreeSet<u32> = known.keys().chain(open.keys()).copied().collect();
        (self.begin, self.spans) = (end, 0);
        pids.into_iter()
            .map(|pid| {
                let mut process = open.remove(&pid).unwrap_or_default();
                let mut tids = BTreeSet::new();
                for thread in known.remove(&pid).unwrap_or_default() {
                    tids.insert(thread.tid);
                    if let Some(since) = thread.busy_since_unix_ns {
                        let spans = process.threads.entry(thread.tid).or_default();
                        spans.push((since, u64::MAX));
                    }
                }
                tids.extend(process.threads.keys());
                self.finish(pid, &process, tids, start, end)
            })
            .collect()
    }

    fn finish(
        &mut self,
        pid: u32,
        process: &Open,
        serving: BTreeSet<u32>,
        start: u64,
        end: u64,
    ) -> Occupied {
        let mut busy = 0;
        let mut lines = Vec::with_capacity(process.threads.len());
        for (tid, spans) in &process.threads {
            let goes_on = |(begin, until): &Stretch| *begin < end && *until > end;
            busy += u32::from(spans.iter().any(goes_on));
            lines.push(sweep::union(spans.iter().copied(), start, end));
            self.carry(pid, *tid, spans, end);
        }
        let placed: u64 = lines.iter().map(|line| sweep::length(line)).sum();
        let available = (end.saturating_sub(start)).saturating_mul(serving.len() as u64);
        Occupied {
            pid,
            serving,
            busy,
            // Without their places two spans of a thread may overlap.
            busy_ns: (placed + process.unplaced_ns).min(available),
            requests: process.requests,
            lines: (process.unplaced_ns == 0).then_some(lines),
        }
    }

    /// Keeps what reaches into the next interval: requests that finished between the
    /// interval's end and the moment it was closed.
    fn carry(&mut self, pid: u32, tid: u32, spans: &[Stretch], end: u64) {
        let late = spans
            .iter()
            .filter(|(_, until)| *until > end && *until < u64::MAX);
        for span in late {
            let process = self.processes.entry(pid).or_default();
            process.threads.entry(tid).or_default().push(*span);
            self.spans += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::sample;

    const PID: u32 = 7;

    fn span(begin: u64, end: u64) -> Span {
        Span {
            begin_unix_ns: begin,
            end_unix_ns: end,
        }
    }

    fn request(tid: u32, begin: u64, end: u64) -> Request {
        Request {
            pid: PID,
            tid,
            mode: Some(Mode::Embedded),
            daemon_pid: None,
            daemon_tid: None,
            busy: Some(span(begin, end)),
            ..sample::request("/")
        }
    }

    fn serving(tid: u32, busy_since_unix_ns: Option<u64>) -> Serving {
        Serving {
            pid: PID,
            tid,
            busy_since_unix_ns,
        }
    }

    fn close(occupancy: &mut Occupancy, start: u64, serving: &[Serving]) -> Occupied {
        let mut all = occupancy.close(start, start + 100, serving);
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[test]
    fn a_long_request_counts_in_each_interval_and_never_twice() {
        let mut occupancy = Occupancy::new(0);
        let at_work = [serving(1, Some(60)), serving(2, None)];
        let first = close(&mut occupancy, 0, &at_work);
        assert_eq!((first.busy_ns, first.busy, first.requests), (40, 1, 0));
        let second = close(&mut occupancy, 100, &at_work);
        assert_eq!((second.busy_ns, second.busy, second.requests), (100, 1, 0));
        occupancy.record(&request(1, 60, 230));
        let third = close(&mut occupancy, 200, &[serving(1, None), serving(2, None)]);
        assert_eq!((third.busy_ns, third.busy, third.requests), (30, 0, 1));
        assert_eq!(third.serving.len(), 2);
    }

    #[test]
    fn what_finished_after_the_end_is_shared_with_the_next_interval() {
        let mut occupancy = Occupancy::new(0);
        // Seen at work when the threads were listed, finished when they were drained.
        occupancy.record(&request(1, 90, 105));
        occupancy.record(&request(1, 101, 104));
        let first = close(&mut occupancy, 0, &[serving(1, Some(90))]);
        assert_eq!((first.busy_ns, first.busy, first.requests), (10, 1, 2));
        let second = close(&mut occupancy, 100, &[serving(1, None)]);
        assert_eq!((second.busy_ns, second.busy, second.requests), (5, 0, 0));
        let third = close(&mut occupancy, 200, &[serving(1, None)]);
        assert_eq!(third.busy_ns, 0);
    }

    #[test]
    fn full_is_when_all_are_at_work() {
        let mut occupancy = Occupancy::new(0);
        occupancy.record(&request(1, 0, 50));
        occupancy.record(&request(1, 50, 70));
        occupancy.record(&request(2, 40, 60));
        let pool = close(&mut occupancy, 0, &[serving(3, Some(30))]);
        assert_eq!((pool.full_ns(3), pool.full_ns(4)), (Some(20), Some(0)));
        assert_eq!((pool.busy_ns, pool.serving.len()), (160, 3));
    }

    #[test]
    fn a_daemon_and_the_child_that_waits_for_it_are_two_pools() {
        let mut occupancy = Occupancy::new(0);
        let mut one = sample::request("/");
        one.busy = Some(span(10, 90));
        one.daemon_busy = Some(span(20, 80));
        occupancy.record(&one);
        let pools = occupancy.close(0, 100, &[]);
        let found: Vec<_> = pools
            .iter()
            .map(|p| (p.pid, p.busy_ns, p.requests))
            .collect();
        assert_eq!(found, [(16_595, 60, 1), (16_596, 80, 1)]);
        assert!(occupancy.close(100, 200, &[]).is_empty());
    }

    #[test]
    fn memory_is_bounded_and_busy_time_still_right() {
        let mut occupancy = Occupancy::new(100);
        occupancy.max_spans = 1;
        for (begin, end) in [(90, 110), (110, 120), (95, 105)] {
            occupancy.record(&request(end as u32, begin, end));
        }
        let pool = close(&mut occupancy, 100, &[]);
        assert_eq!((pool.busy_ns, pool.requests), (10 + 10 + 5, 3));
        assert_eq!(pool.full_ns(1), None);
        occupancy.record(&request(1, 210, 220));
        assert_eq!(close(&mut occupancy, 200, &[]).full_ns(1), Some(10));
    }
}
