//! The comparison with the ground truth: each request of the access log reported
//! exactly once, nothing else, and every field right.

mod clocks;
mod pairs;

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};

use self::clocks::Clocks;
use self::pairs::pair;
use crate::access_log::Entry;
use crate::accurate;
use crate::emulated::emulated;
use crate::latency::Differences;
use crate::probe::Report;
use crate::report::Request;

/// How far the median of `duration - %D` may be from 0, microseconds.
const MEDIAN_TOLERANCE_US: f64 = 100.0;

/// The counter of responses whose beginning was before the attach.
const BEGUN_BEFORE: &str = "started_before_attach";

/// All that Apache sends before a final response.
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// A comparison: strict, but for what is named beforehand.
#[must_use = "nothing is compared before `run`"]
pub struct Check<'a> {
    entries: &'a [Entry],
    report: &'a Report,
    sent: HashMap<String, u64>,
    any_sizes: bool,
    durations: bool,
    begun_before: u64,
    may_be_unlogged: Box<dyn Fn(&Request) -> bool + 'a>,
}

impl<'a> Check<'a> {
    /// Everything is compared.
    pub fn new(entries: &'a [Entry], report: &'a Report) -> Self {
        Self {
            entries,
            report,
            sent: HashMap::new(),
            any_sizes: false,
            durations: false,
            begun_before: 0,
            may_be_unlogged: Box::new(|_| false),
        }
    }

    /// Takes the request's size from the client, which is exact; `%I` is not
    /// (see [`crate::access_log`]).
    pub fn sent(mut self, path: impl Into<String>, bytes: usize) -> Self {
        self.sent.insert(path.into(), bytes as u64);
        self
    }

    /// Leaves sizes alone: the test looks at them itself.
    pub fn any_sizes(mut self) -> Self {
        self.any_sizes = true;
        self
    }

    /// Compares `duration` with `%D` too: the median must be close. Without this the
    /// difference is only printed, since on busy cores threads wait between the last
    /// write and the entry in the log, which `%D` includes.
    pub fn durations(mut self) -> Self {
        self.durations = true;
        self
    }

    /// So many requests had begun when wsgiprobe attached: each must be reported
    /// as incomplete or counted as lost for that reason.
    pub fn begun_before_attach(mut self, count: u64) -> Self {
        self.begun_before = count;
        self
    }

    /// Apache need not have logged these: it was killed over them, or its client
    /// left before their turn came.
    pub fn unlogged(mut self, may: impl Fn(&Request) -> bool + 'a) -> Self {
        self.may_be_unlogged = Box::new(may);
        self
    }

    /// Compares, and prints the figures.
    pub fn run(self) -> Result<()> {
        self.equation()?;
        let requests: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.is_request())
            .collect();
        let reported: Vec<&Request> = self
            .report
            .requests
            .iter()
            .filter(|request| !request.incomplete)
            .collect();
        let pairs = pair(&requests, &reported, &self.may_be_unlogged)?;
        let clocks = Clocks::of(self.entries);
        let wrong: Vec<_> = pairs
            .iter()
            .map(|pair| (pair, self.differences(&clocks, pair.0, pair.1)))
            .filter(|(_, differences)| !differences.is_empty())
            .collect();
        if let Some(((entry, request), _)) = wrong.first() {
            let all = wrong.iter().flat_map(|(_, differences)| differences);
            bail!(
                "{} requests are wrong: {}\n{entry:?}\n{request:?}\nnotes: {:?}",
                wrong.len(),
                all.take(8).cloned().collect::<Vec<_>>().join("; "),
                self.report.summary.further.get("notes"),
            );
        }
        println!("{} requests, each reported once", pairs.len());
        self.latency(&pairs)
    }

    /// `seen = reported + in flight + lost`, and nothing lost that was not expected.
    fn equation(&self) -> Result<()> {
        let summary = &self.report.summary;
        let lost = summary.total_lost();
        ensure!(
            summary.seen == summary.reported + summary.in_flight + lost,
            "seen {} is not reported {} + in flight {} + lost {lost}",
            summary.seen,
            summary.reported,
            summary.in_flight,
        );
        ensure!(
            summary.reported == self.report.requests.len() as u64,
            "{} requests written, {} said to be",
            self.report.requests.len(),
            summary.reported,
        );
        let begun_before = summary.lost.get(BEGUN_BEFORE).copied().unwrap_or(0);
        ensure!(lost == begun_before, "lost: {:?}", summary.lost);
        let incomplete = self
            .report
            .requests
            .iter()
            .filter(|request| request.incomplete)
            .count();
        ensure!(
            begun_before + incomplete as u64 == self.begun_before,
            "{} requests had begun before the attach: {incomplete} reported so, {begun_before} lost",
            self.begun_before,
        );
        ensure!(
            summary.in_flight == 0,
            "{} still in flight; logged and not reported: {:?}\nwsgiprobe: {}",
            summary.in_flight,
            self.unreported(),
            self.report.stderr
        );
        Ok(())
    }

    /// Some of what was logged and not reported, to see what happened.
    fn unreported(&self) -> Vec<&Entry> {
        let known = |entry: &&Entry| {
            let mut requests = self.report.requests.iter();
            requests.any(|one| one.client.port() == entry.client_port && one.path == entry.path)
        };
        let entries = self.entries.iter().filter(|entry| entry.is_request());
        entries.filter(|entry| !known(entry)).take(3).collect()
    }

    fn differences(&self, clocks: &Clocks, entry: &Entry, request: &Request) -> Vec<String> {
        let mut wrong = Vec::new();
        let name = request.path.as_deref().unwrap_or("-");
        let mut compare = |field: &str, theirs: String, ours: String| {
            if theirs != ours {
                wrong.push(format!("{name:.60}: {field} {ours}, logged {theirs}"));
            }
        };
        compare(
            "method",
            format!("{:?}", entry.method),
            format!("{:?}", request.method),
        );
        // Apache logs the status that it meant to send.
        let interim = entry.aborted && entry.response_bytes == CONTINUE.len() as u64;
        let sent = entry.response_bytes > 0 && !interim;
        let status = sent.then_some(entry.status);
        // A program cannot wait for a page that the kernel moves meanwhile, and may be left out
        // while a map is looked into, which takes milliseconds where processors are emulated.
        // It has to say so.
        let summary = &self.report.summary;
        let missed = summary.note("opaque_io") + summary.note("skipped_runs");
        let unread = emulated() && missed > 0;
        if unread && request.status.is_none() {
            println!("{name}: its status was not seen, and that was counted");
        } else {
            compare(
                "status",
                format!("{status:?}"),
                format!("{:?}", request.status),
            );
        }
        compare(
            "close to the logged time",
            "true".to_owned(),
            clocks.agree(entry, request).to_string(),
        );
        compare("pid", entry.pid.to_string(), request.pid.to_string());
        if !self.any_sizes {
            let read = request.request_bytes;
            let fallback = if entry.may_have_received(read) {
                read
            } else {
                entry.request_bytes
            };
            let sent = self.sent.get(name).copied().unwrap_or(fallback);
            compare("request bytes", sent.to_string(), read.to_string());
            let answered = entry.response_bytes.to_string();
            compare(
                "response bytes",
                answered,
                request.response_bytes.to_string(),
            );
        }
        wrong
    }

    fn latency(&self, pairs: &[(&Entry, &Request)]) -> Result<()> {
        let differences = Differences::of(pairs);
        println!("{differences}");
        if !self.durations {
            return Ok(());
        }
        let median = differences.median().context("no request has a duration")?;
        accurate!(
            median.abs() < MEDIAN_TOLERANCE_US,
            "the median is over {MEDIAN_TOLERANCE_US} us: {differences}"
        );
        Ok(())
    }
}
