//! The values of all metrics, from the start of the run on.

use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;

use super::catalogue::Id;
use super::declare::{Kind, Life, Metric};
use super::series::{Durations, Example, Label, Labels, Series, Value};
use super::{account, requests, servers};
use crate::aggregate::{BUCKET_BOUNDS_NS, MAX_OTHERS, MAX_ROWS, Stats};
use crate::identity::Identity;
use crate::model::Container;
use crate::pool::Snapshot;
use crate::request::route::OTHER;
use crate::tick::{About, Tick};

/// Series of one metric: a row of each container, route, method and status class has up to
/// nine (parts, peers). What comes on top is dropped, and counted.
const MAX_SERIES: usize = 10 * (MAX_ROWS + MAX_OTHERS);

/// How long the series of a container stay when nothing is heard of it any more: long enough
/// for every scrape, and to be found in what was scraped last.
const KEEP: Duration = Duration::from_mins(10);

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
    /// The window that last told of a container or workload.
    heard: HashMap<Arc<Identity>, u64>,
    /// Windows that [`KEEP`] is long.
    keep: u64,
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
            heard: HashMap::default(),
            keep: windows(KEEP, about.interval),
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
        self.hear(&tick.snapshot);
        account::feed(self, &tick.account);
        if let Some(report) = &tick.points {
            account::points(self, report);
        }
        self.total(Id::ProbeUnkept, [], self.unkept);
        self.forget(tick.snapshot.processes.len());
        self.forget_containers();
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

    /// The place of a row: its container and route, or the route of all that find none, at
    /// last that of several containers. `labels` are its method and class.
    pub(super) fn place(
        &self,
        identity: Option<&Arc<Identity>>,
        route: &Arc<str>,
        labels: [&'static str; 2],
    ) -> Place {
        let known = &self.families[Id::Requests as usize].series;
        let is_known = |identity: Option<&Arc<Identity>>, route: &Arc<str>| {
            let [method, class] = labels;
            known.contains_key(&(identity, [method.into(), class.into(), route.into()]).into())
        };
        if known.len() < MAX_ROWS || is_known(identity, route) {
            return (identity.cloned(), Arc::clone(route));
        }
        let route: Arc<str> = OTHER.into();
        let has_room = known.len() < MAX_ROWS + MAX_OTHERS;
        match identity {
            Some(_) if !has_room && !is_known(identity, &route) => {
                (Some(Arc::clone(Identity::several())), route)
            }
            _ => (identity.cloned(), route),
        }
    }

    /// What series say of that container, if there are any of it: the one that says most. Of
    /// one that found no place that of several: the host's are none of its.
    pub(super) fn identity(&self, container: &Container) -> Option<&Arc<Identity>> {
        let known = self.heard.keys();
        let of = known.filter(|identity| identity.is_of(container));
        of.max_by_key(|identity| (identity.attributes().len(), *identity))
            .or_else(|| Some(self.heard.get_key_value(Identity::several())?.0))
    }

    /// A window tells of that container.
    pub(super) fn heard(&mut self, identity: Option<&Arc<Identity>>) {
        if let Some(identity) = identity {
            self.heard.insert(Arc::clone(identity), self.windows);
        }
    }

    /// Counts further.
    pub(super) fn add(&mut self, id: Id, labels: impl Into<Labels>, amount: u64) {
        if let Some(Value::Count(count)) = self.value(id, labels, || Value::Count(0)) {
            *count = count.saturating_add(amount);
        }
    }

    /// Sets a count that was made elsewhere.
    pub(super) fn total(&mut self, id: Id, labels: impl Into<Labels>, value: u64) {
        if let Some(Value::Count(count)) = self.value(id, labels, || Value::Count(0)) {
            *count = value;
        }
    }

    /// Sets a level.
    pub(super) fn level(&mut self, id: Id, labels: impl Into<Labels>, value: f64) {
        if let Some(Value::Level(level)) = self.value(id, labels, || Value::Level(0.0)) {
            *level = value;
        }
    }

    /// Adds durations.
    pub(super) fn durations(&mut self, id: Id, labels: impl Into<Labels>, stats: &Stats) {
        let none = || Value::Durations(Box::default());
        if let Some(Value::Durations(durations)) = self.value(id, labels, none) {
            durations.add(stats);
        }
    }

    /// Takes an example, if there is such a series.
    pub(super) fn example(&mut self, id: Id, labels: impl Into<Labels>, example: Example) {
        let series = self.families[id as usize].series.get_mut(&labels.into());
        if let Some(Value::Durations(durations)) = series.map(|series| &mut series.value) {
            let Durations { examples, .. } = &mut **durations;
            examples[BUCKET_BOUNDS_NS.partition_point(|bound| *bound < example.ns)] = Some(example);
        }
    }

    fn value(
        &mut self,
        id: Id,
        labels: impl Into<Labels>,
        first: impl FnOnce() -> Value,
    ) -> Option<&mut Value> {
        let labels = labels.into();
        let family = &mut self.families[id as usize];
        debug_assert_eq!(
            family.metric.attributes.len(),
            labels.values.len(),
            "{id:?}"
        );
        if family.series.len() >= MAX_SERIES && !family.series.contains_key(&labels) {
            self.unkept += 1;
            return None;
        }
        // What lives as long as the run has counted from its begin, whenever it was
        // first seen; the others, and a container's, since the window that brought them.
        let start_unix_ns = match (family.metric.life, family.metric.kind) {
            (Life::Run, Kind::Counter | Kind::Histogram) if labels.identity.is_none() => {
                self.began_unix_ns
            }
            _ => self.window.0,
        };
        let series = family.series.entry(labels);
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

    /// Processes of a container tell of it, too: one that is idle has not gone.
    fn hear(&mut self, snapshot: &Snapshot) {
        for identity in snapshot.identities.values() {
            self.heard(Some(identity));
        }
    }

    /// Ends the series of containers that have gone, all of one at once: none of its counters
    /// begins anew while it lives.
    fn forget_containers(&mut self) {
        let (now, known) = (self.windows, self.heard.len());
        let keep = self.keep;
        self.heard.retain(|_, last| now - *last < keep);
        if self.heard.len() == known {
            return;
        }
        let heard = &self.heard;
        let lives = |labels: &Labels| {
            let identity = labels.identity.as_ref();
            identity.is_none_or(|identity| heard.contains_key(identity))
        };
        for family in &mut self.families {
            if family.metric.life == Life::Run {
                family.series.retain(|labels, _| lives(labels));
            }
        }
    }
}

/// Container and route of a row.
pub(super) type Place = (Option<Arc<Identity>>, Arc<str>);

/// How many of that length it takes; one at least.
fn windows(time: Duration, interval: Duration) -> u64 {
    let number = time.as_nanos().div_ceil(interval.as_nanos().max(1));
    u64::try_from(number).unwrap_or(u64::MAX).max(1)
}
