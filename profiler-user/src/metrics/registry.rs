//! The values of all metrics, from the start of the run on.

use std::sync::Arc;

use foldhash::HashMap;

use super::catalogue::Id;
use super::declare::{Kind, Life, Metric};
use super::series::{Durations, Example, Label, Labels, Series, Value};
use super::{account, requests, servers};
use crate::aggregate::{BUCKET_BOUNDS_NS, MAX_ROWS, Stats};
use crate::request::route::OTHER;
use crate::tick::{About, Tick};

/// Series of one metric: a row of each route, method and status class has up to nine
/// (parts, peers). What comes on top is dropped, and counted.
const MAX_SERIES: usize = 10 * MAX_ROWS;

/// From that many processes on they take turns (`pool::sampler`): one that is not told
/// of may live.
const TURNS_FROM: usize = 200;

/// Windows until each of the processes was told of: there are at most 8 192, 200 a turn.
const ROUND: u64 = 50;

/// A metric with its series.
#[derive(Debug)]
pub struct Family {
    /// What it is.
    pub metric: &'static Metric,
    series: HashMap<Labels, Series>,
}

impl Family {
    /// Its series, by label.
    #[must_use]
    pub fn series(&self) -> Vec<(&Labels, &Series)> {
        let mut series: Vec<_> = self.series.iter().collect();
        series.sort_unstable_by_key(|(labels, _)| *labels);
        series
    }
}

/// All values. Fed with each window; bounded, whatever comes.
#[derive(Debug)]
pub struct Registry {
    families: Vec<Family>,
    windows: u64,
    /// Begin and end of the last window: wall clock, nanoseconds since the epoch.
    window: (u64, u64),
    /// Begin of the run, likewise.
    began_unix_ns: u64,
    unkept: u64,
}

impl Registry {
    /// With nothing in it but what is known of the run.
    #[must_use]
    pub fn new(about: &About) -> Self {
        let family = |id: &Id| Family {
            metric: id.metric(),
            series: HashMap::default(),
        };
        let mut registry = Self {
            families: Id::ALL.iter().map(family).collect(),
            windows: 0,
            window: (about.began_unix_ns, about.began_unix_ns),
            began_unix_ns: about.began_unix_ns,
            unkept: 0,
        };
        let kernel = Label::Text(about.kernel.as_str().into());
        let labels = [about.version.into(), about.hooks.into(), kernel];
        registry.level(Id::BuildInfo, labels, 1.0);
        registry
    }

    /// Takes a window.
    pub fn tick(&mut self, tick: &Tick) {
        self.windows += 1;
        self.window = (tick.window.start_unix_ns, tick.window.end_unix_ns);
        requests::feed(self, &tick.window);
        servers::feed(self, &tick.snapshot);
        account::feed(self, &tick.account);
        if let Some(report) = &tick.points {
            account::points(self, report);
        }
        self.total(Id::ProbeUnkept, [], self.unkept);
        self.forget(tick.snapshot.processes.len());
    }

    /// Those that have series, in the order of [`Id::ALL`].
    pub fn families(&self) -> impl Iterator<Item = &Family> {
        let families = self.families.iter();
        families.filter(|family| !family.series.is_empty())
    }

    /// End of the last window: wall clock, nanoseconds since the epoch.
    #[must_use]
    pub const fn now_unix_ns(&self) -> u64 {
        self.window.1
    }

    /// The route of a row, or the one of all that find no place.
    pub(super) fn route<'a>(
        &self,
        of: &'a Arc<str>,
        other: &'a Arc<str>,
        row: [&'static str; 2],
    ) -> &'a Arc<str> {
        let known = &self.families[Id::Requests as usize].series;
        if known.len() < MAX_ROWS
            || known.contains_key(&[row[0].into(), row[1].into(), of.into()][..])
        {
            return of;
        }
        debug_assert_eq!(&**other, OTHER);
        other
    }

    /// Counts further.
    pub(super) fn add<const N: usize>(&mut self, id: Id, labels: [Label; N], amount: u64) {
        if let Some(Value::Count(count)) = self.value(id, labels, || Value::Count(0)) {
            *count = count.saturating_add(amount);
        }
    }

    /// Sets a count that was made elsewhere.
    pub(super) fn total<const N: usize>(&mut self, id: Id, labels: [Label; N], value: u64) {
        if let Some(Value::Count(count)) = self.value(id, labels, || Value::Count(0)) {
            *count = value;
        }
    }

    /// Sets a level.
    pub(super) fn level<const N: usize>(&mut self, id: Id, labels: [Label; N], value: f64) {
        if let Some(Value::Level(level)) = self.value(id, labels, || Value::Level(0.0)) {
            *level = value;
        }
    }

    /// Adds durations.
    pub(super) fn durations<const N: usize>(&mut self, id: Id, labels: [Label; N], stats: &Stats) {
        let none = || Value::Durations(Box::default());
        if let Some(Value::Durations(durations)) = self.value(id, labels, none) {
            durations.add(stats);
        }
    }

    /// Takes an example, if there is such a series.
    pub(super) fn example(&mut self, id: Id, labels: &[Label], example: Example) {
        let series = self.families[id as usize].series.get_mut(labels);
        if let Some(Value::Durations(durations)) = series.map(|series| &mut series.value) {
            let Durations { examples, .. } = &mut **durations;
            examples[BUCKET_BOUNDS_NS.partition_point(|bound| *bound < example.ns)] = Some(example);
        }
    }

    fn value<const N: usize>(
        &mut self,
        id: Id,
        labels: [Label; N],
        first: impl FnOnce() -> Value,
    ) -> Option<&mut Value> {
        let family = &mut self.families[id as usize];
        debug_assert_eq!(family.metric.attributes.len(), N, "{id:?}");
        if family.series.len() >= MAX_SERIES && !family.series.contains_key(&labels[..]) {
            self.unkept += 1;
            return None;
        }
        // What lives as long as the run has counted from its begin, whenever it was
        // first seen; the others since the window that brought them.
        let start_unix_ns = match (family.metric.life, family.metric.kind) {
            (Life::Run, Kind::Counter | Kind::Histogram) => self.began_unix_ns,
            _ => self.window.0,
        };
        let series = family.series.entry(Box::new(labels));
        let series = series.or_insert_with(|| Series {
            value: first(),
            start_unix_ns,
            last: 0,
        });
        series.last = self.windows;
        Some(&mut series.value)
    }

    /// Ends the series of what has ended.
    fn forget(&mut self, processes: usize) {
        let round = if processes < TURNS_FROM { 1 } else { ROUND };
        let now = self.windows;
        for family in &mut self.families {
            let within = match family.metric.life {
                Life::Run => continue,
                Life::Window => 1,
                Life::Process => round,
            };
            family.series.retain(|_, series| now - series.last < within);
        }
    }
}
