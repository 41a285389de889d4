//! Intervals: rows of [`Stats`] by container, route, method and status.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;

use foldhash::HashMap;

use super::peers::Named;
use super::slowest::Slowest;
use super::{ServedBy, Stats, labels};
use crate::identity::{Detail, Identities, Identity};
use crate::model::{Container, Request, Wait};
use crate::request::route::OTHER;

/// Rows of their own in an interval and in the run; requests of more go to the
/// row of the route [`OTHER`], without their status, which adds at most one row for each
/// pair of method and status class. With histograms of 1 to 27 kB this is the bound on memory.
pub const MAX_ROWS: usize = 2_000;

/// Rows of that kind that still say which container they are of, so that no container's sum is
/// lost among many routes. Those of more are of [`Identity::several`]: whoever starts
/// containers does not choose how many rows there are.
pub const MAX_OTHERS: usize = 500;

/// What tells one row from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    route: Arc<str>,
    method: &'static str,
    status_class: &'static str,
    status: Option<u16>,
    identity: Option<Arc<Identity>>,
}

/// The requests of one container, route, method and status.
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
    /// The container that served them; `None` on the host itself, and where nothing is said of
    /// containers. Of the whole run, in which rows are of all containers: the one that served
    /// the route, or [`Identity::several`].
    pub identity: Option<Arc<Identity>>,
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

    /// Which container served each route: [`Identity::several`] where it was not one alone.
    /// Empty unless there is more than one to tell apart.
    #[must_use]
    pub fn served_by(&self) -> ServedBy {
        let mut served = ServedBy::default();
        for row in &self.rows {
            served.note(&row.route, row.identity.as_ref());
        }
        served.unless_one()
    }

    /// The rows merged by container, route, method and status class. Most classes have one status:
    /// those rows are given as they are.
    #[must_use]
    pub fn by_class(&self) -> Vec<Cow<'_, Row>> {
        let mut places = HashMap::default();
        let mut merged: Vec<Cow<'_, Row>> = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let place = *places
                .entry((&row.identity, &row.route, row.method, row.status_class))
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
    identities: Identities,
    /// Of the run.
    served_by: ServedBy,
}

impl Aggregator {
    /// With nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, that says so much of containers; otherwise each is told apart.
    #[must_use]
    pub fn with(detail: Detail) -> Self {
        Self {
            identities: Identities::new(detail),
            ..Self::default()
        }
    }

    /// What rows say of that container.
    pub fn identity(&mut self, container: &Arc<Container>) -> Option<Arc<Identity>> {
        self.identities.of(container)
    }

    /// Adds a request to the open interval.
    pub fn record(&mut self, request: &Request) {
        let container = request.container.as_ref();
        let key = Key {
            route: Arc::clone(&request.route),
            method: labels::method(request.method.as_deref()),
            status_class: labels::status_class(request.status),
            status: labels::status(request.status),
            identity: container.and_then(|container| self.identities.of(container)),
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
            // Of all containers: in a long run more come and go than there are rows.
            let mut of_all = key.clone();
            of_all.identity = None;
            let of_all = self.run.place(of_all);
            self.served_by.note(&of_all.route, key.identity.as_ref());
            self.run.rows.entry(of_all).or_default().merge(stats);
        }
        self.identities.tidy();
        self.run.slowest.merge(&closed.slowest);
        closed.into_window(start_unix_ns, end_unix_ns)
    }

    /// All closed intervals as one.
    #[must_use]
    pub fn run(&self, start_unix_ns: u64, end_unix_ns: u64) -> Window {
        let mut run = self.run.clone().into_window(start_unix_ns, end_unix_ns);
        for row in &mut run.rows {
            row.identity = self.served_by.of(&row.route).cloned();
        }
        run
    }
}

#[derive(Clone, Debug, Default)]
struct Table {
    rows: HashMap<Key, Stats>,
    slowest: Slowest,
}

impl Table {
    fn row(&mut self, key: Key) -> &mut Stats {
        let key = self.place(key);
        self.rows.entry(key).or_default()
    }

    /// The row that it goes to.
    fn place(&self, mut key: Key) -> Key {
        if self.rows.len() < MAX_ROWS || self.rows.contains_key(&key) {
            return key;
        }
        key.route = OTHER.into();
        key.status = None;
        let is_full = self.rows.len() >= MAX_ROWS + MAX_OTHERS;
        if is_full && key.identity.is_some() && !self.rows.contains_key(&key) {
            key.identity = Some(Arc::clone(Identity::several()));
        }
        key
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
                    identity: key.identity,
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
