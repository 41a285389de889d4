//! The routes of a run.

use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use serde::Serialize;

use super::sample::{PARTS, parts, quantiles};
use super::timeline::Join;
use crate::aggregate::{SHARES, Stats, Window};
use crate::request::route::OTHER;

/// Routes kept apart; requests of those that come later are in one more, `_other`.
pub const MAX_ROUTES: usize = 200;

/// Steps of a route's small chart.
pub const STEPS: usize = 120;

/// A step of a route: requests, and the sum of their durations in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Step(pub u64, pub u64);

impl Join for Step {
    fn join(&mut self, next: &Self) {
        self.0 += next.0;
        self.1 = self.1.saturating_add(next.1);
    }
}

#[derive(Clone, Debug, Default)]
struct Route {
    stats: Stats,
    /// From the first step of the run that had it.
    steps: Vec<Step>,
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Routes {
    all: HashMap<Arc<str>, Route>,
    /// How many windows a step of a route is now, and which window comes next.
    windows: u64,
    next: u64,
    total: Stats,
    /// Those that the last window had.
    touched: HashSet<Arc<str>>,
}

/// A route, as the page gets it. Durations are nanoseconds.
#[derive(Debug, Serialize)]
pub struct Row<'a> {
    /// Its name.
    #[serde(rename = "r")]
    route: &'a str,
    #[serde(rename = "n")]
    count: u64,
    #[serde(rename = "x")]
    errors: u64,
    #[serde(rename = "c")]
    client_errors: u64,
    /// p50, p90, p99, longest.
    #[serde(rename = "q")]
    quantiles: [u64; 4],
    /// Sum of durations.
    #[serde(rename = "d")]
    sum: u64,
    #[serde(rename = "w")]
    shares: [u64; SHARES],
    #[serde(rename = "a")]
    parts: [u64; PARTS.len()],
    /// Whom it waited for, and how long.
    #[serde(rename = "u")]
    peers: Vec<(&'a str, u64)>,
    /// Requests of each step.
    #[serde(rename = "k")]
    steps: Vec<u64>,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            all: HashMap::default(),
            windows: 1,
            next: 0,
            total: Stats::new(),
            touched: HashSet::default(),
        }
    }
}

impl Routes {
    /// Adds a window.
    pub fn push(&mut self, window: &Window) {
        self.total.merge(&window.total);
        self.touched.clear();
        if self.next / self.windows >= STEPS as u64 {
            self.halve();
        }
        let step = (self.next / self.windows) as usize;
        self.next += 1;
        for row in &window.rows {
            let name = if self.has_place(&row.route) {
                Arc::clone(&row.route)
            } else {
                OTHER.into()
            };
            let route = self.all.entry(Arc::clone(&name)).or_default();
            route.stats.merge(&row.stats);
            if route.steps.len() <= step {
                route.steps.resize(step + 1, Step::default());
            }
            route.steps[step].join(&Step(row.stats.count, row.stats.sum));
            self.touched.insert(name);
        }
    }

    fn has_place(&self, route: &str) -> bool {
        // It takes no place from those that have a name, in whatever order they come.
        let named = self.all.len() - usize::from(self.all.contains_key(OTHER));
        self.all.contains_key(route) || route == OTHER || named < MAX_ROUTES
    }

    fn halve(&mut self) {
        self.windows *= 2;
        for route in self.all.values_mut() {
            let pairs = route.steps.chunks(2);
            route.steps = pairs
                .map(|pair| {
                    let mut step = pair[0];
                    pair[1..].iter().for_each(|next| step.join(next));
                    step
                })
                .collect();
        }
    }

    /// The whole run.
    #[must_use]
    pub const fn total(&self) -> &Stats {
        &self.total
    }

    /// Windows a step.
    #[must_use]
    pub const fn windows(&self) -> u64 {
        self.windows
    }

    /// All routes, or those of the last window only: those of most time first.
    #[must_use]
    pub fn rows(&self, touched_only: bool) -> Vec<Row<'_>> {
        let wanted = |name: &Arc<str>| !touched_only || self.touched.contains(name);
        let routes = self.all.iter().filter(|(name, _)| wanted(name));
        let mut rows: Vec<_> = routes.map(|(name, route)| row(name, route)).collect();
        rows.sort_by(|a, b| b.sum.cmp(&a.sum).then_with(|| a.route.cmp(b.route)));
        rows
    }
}

fn row<'a>(name: &'a str, route: &'a Route) -> Row<'a> {
    let stats = &route.stats;
    Row {
        route: name,
        count: stats.count,
        errors: stats.errors,
        client_errors: stats.client_errors,
        quantiles: quantiles(stats),
        sum: stats.sum,
        shares: stats.anatomy.shares.all(),
        parts: parts(&stats.anatomy),
        peers: stats
            .anatomy
            .peers
            .iter()
            .map(|(peer, waited)| (peer, waited.ns))
            .collect(),
        steps: route.steps.iter().map(|step| step.0).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregator;
    use crate::request::sample;

    fn window(paths: impl IntoIterator<Item = String>) -> Window {
        let mut aggregator = Aggregator::new();
        for path in paths {
            aggregator.record(&sample::request(&path));
        }
        aggregator.close(0, 1_000_000_000)
    }

    #[test]
    fn are_bounded_and_no_request_is_missing() {
        let mut routes = Routes::default();
        for n in 0..3 {
            routes.push(&window((0..150).map(|route| format!("/{n}/{route}"))));
        }
        let rows = routes.rows(false);
        assert_eq!(rows.len(), MAX_ROUTES + 1);
        assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), 450);
        assert_eq!(routes.total().count, 450);
        let other = rows.iter().find(|row| row.route == OTHER).unwrap();
        assert_eq!(other.count, 250);
        assert_eq!(routes.rows(true).len(), 1, "only what changed");
    }

    #[test]
    fn the_rest_takes_no_place_of_a_route() {
        let mut routes = Routes::default();
        routes.push(&window([OTHER.into()]));
        routes.push(&window((0..MAX_ROUTES).map(|route| format!("/{route}"))));
        let rows = routes.rows(false);
        assert_eq!(rows.len(), MAX_ROUTES + 1);
        assert!(rows.iter().all(|row| row.count == 1));
    }

    #[test]
    fn steps_cover_the_run() {
        let mut routes = Routes::default();
        let count = STEPS * 3 + 1;
        for n in 0..count {
            let path = if n % 2 == 0 { "/even" } else { "/odd" };
            routes.push(&window([path.into()]));
        }
        assert_eq!(routes.windows(), 4);
        for row in routes.rows(false) {
            assert!(row.steps.len() <= STEPS);
            assert_eq!(row.steps.iter().sum::<u64>(), row.count);
            assert_eq!(row.steps[0], 2);
        }
    }
}
