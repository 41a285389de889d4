//! Intervals: rows of [`Stats`] by route, method and status.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;

use foldhash::HashMap;

use super::peers::Named;
use super::slowest::Slowest;
use super::{Stats, labels};
use crate::model::{Request, Wait};
use crate::request::route::OTHER;

/// Rows of their own in an interval and in the run; requests of more go to the
/// row of the route [`OTHER`], without their status, which adds at most one row for each
/// pair of method and status class. With histograms of 1 to 27 kB this is the bound on memory.
pub const MAX_ROWS: usize = 2_000;

/// What tells one row from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    route: Arc<str>,
    method: &'static str,
    status_class: &'static str,
    status: Option<u16>,
}

/// The requests of one route, method and status.
#[derive(Clone, Debug)]
pub struct Row {
    /// The path's group.
    pub route: Arc<str>,
    /// Of [`labels::method`].
    pub method: &'static str,
    /// Of [`labels::status_class`].
    pub status_class: &'static str,
    /// The status itself; `None` where there is none, and for [`OTHER`] past [`MAX_ROWS`].
    pub status: Option<u16>,
    /// Their numbers.
    pub stats: Stats,
}

/// The requests that finished in a stretch of time.
#[derive(Clone, Debug)]
pub struct Window {
    /// Begin, wall clock: nanoseconds since the epoch.
    pub start_unix_ns: u64,
    /// End, wall clock: nanoseconds since the epoch.
    pub end_unix_ns: u64,
    /// In no particular order; only those with requests.
    pub rows: Vec<Row>,
    /// Of all rows.
    pub total: Stats,
    /// At most [`MAX_SLOWEST`](super::MAX_SLOWEST), the slowest first.
    pub slowest: Vec<Request>,
}

impl Window {
    /// The rows merged by route, worst first: by 99th percentile, which is what a
    /// user of the slowest requests feels; then by time taken in all, then by
    /// name. Routes without any duration come last.
    #[must_use]
    pub fn by_route(&self) -> Vec<(Arc<str>, Stats)> {
        let mut merged: HashMap<Arc<str>, Stats> = HashMap::default();
        for row in &self.rows {
            merged
                .entry(Arc::clone(&row.route))
                .or_default()
                .merge(&row.stats);
        }
        let mut routes: Vec<_> = merged.into_iter().collect();
        routes.sort_by_cached_key(|(route, stats)| {
            (Reverse((stats.p99(), stats.sum)), Arc::clone(route))
        });
        routes
    }

    /// The rows merged by route, method and status class. Most classes have one status:
    /// those rows are given as they are.
    #[must_use]
    pub fn by_class(&self) -> Vec<Cow<'_, Row>> {
        let mut places = HashMap::default();
        let mut merged: Vec<Cow<'_, Row>> = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let place = *places
                .entry((&row.route, row.method, row.status_class))
                .or_insert(merged.len());
            match merged.get_mut(place) {
                Some(first) => {
                    let first = first.to_mut();
                    first.status = None;
                    first.stats.merge(&row.stats);
                }
                None => merged.push(Cow::Borrowed(row)),
            }
        }
        merged
    }

    /// Its length in seconds; 0 if the clock was set back.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.end_unix_ns.saturating_sub(self.start_unix_ns) as f64 / 1e9
    }
}

/// Folds requests into the interval that is open and into the whole run.
#[derive(Debug, Default)]
pub struct Aggregator {
    open: Table,
    run: Table,
    peers: Named,
}

impl Aggregator {
    /// With nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a request to the open interval.
    pub fn record(&mut self, request: &Request) {
        let key = Key {
            route: Arc::clone(&request.route),
            method: labels::method(request.method.as_deref()),
            status_class: labels::status_class(request.status),
            status: labels::status(request.status),
        };
        let stats = self.open.row(key);
        stats.record(request);
        if let (Some(peer), Some(ns)) = (&request.upstream, request.waited(Wait::Upstream)) {
            let peers = &mut stats.anatomy.peers;
            peers.record(self.peers.name(peer), ns);
        }
        self.open.slowest.offer(request);
    }

    /// Closes the interval, adds it to the run, and opens the next one.
    pub fn close(&mut self, start_unix_ns: u64, end_unix_ns: u64) -> Window {
        let closed = std::mem::take(&mut self.open);
        for (key, stats) in &closed.rows {
            self.run.row(key.clone()).merge(stats);
        }
        self.run.slowest.merge(&closed.slowest);
        closed.into_window(start_unix_ns, end_unix_ns)
    }

    /// All closed intervals as one.
    #[must_use]
    pub fn run(&self, start_unix_ns: u64, end_unix_ns: u64) -> Window {
        self.run.clone().into_window(start_unix_ns, end_unix_ns)
    }
}

#[derive(Clone, Debug, Default)]
struct Table {
    rows: HashMap<Key, Stats>,
    slowest: Slowest,
}

impl Table {
    fn row(&mut self, mut key: Key) -> &mut Stats {
        if self.rows.len() >= MAX_ROWS && !self.rows.contains_key(&key) {
            key.route = OTHER.into();
            key.status = None;
        }
        self.rows.entry(key).or_default()
    }

    fn into_window(self, start_unix_ns: u64, end_unix_ns: u64) -> Window {
        let mut total = Stats::new();
        let rows = self
            .rows
            .into_iter()
            .map(|(key, stats)| {
                total.merge(&stats);
                Row {
                    route: key.route,
                    method: key.method,
                    status_class: key.status_class,
                    status: key.status,
                    stats,
                }
            })
            .collect();
        Window {
            start_unix_ns,
            end_unix_ns,
            rows,
            total,
            slowest: self.slowest.into_requests(),
        }
    }
}
