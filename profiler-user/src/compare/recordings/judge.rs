//! Two recordings into what changed.
//!
//! First the routes: each in its duration, what came before it, and its errors. Then, of
//! the routes that changed, the parts: nobody looks at those of the others, so they do
//! not count as comparisons.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::difference::Difference;
use super::figure::{Figure, HEADS, PARTS, THREADS};
use super::many;
use super::mean::{MIN_BLOCKS, MIN_REQUESTS, Mean};
use super::recording::{Key, Recording, Row};
use super::results::{Alone, Change, Figures, Name, Results, Route, Side, TooFew};
use crate::output::human;

/// Times as many requests a second as the other: no longer the same load.
const OTHER_LOAD: f64 = 1.25;

/// Of the duration before: what a comparison should be able to tell from nothing.
const TELLS: f64 = 0.1;

/// Compares them.
#[must_use]
pub fn compare(before: &Recording, after: &Recording) -> Results {
    let mut results = Results {
        version: env!("CARGO_PKG_VERSION"),
        before: side(before),
        after: side(after),
        notes: notes(before, after),
        wrong: many::WRONG,
        misses: many::misses(&[]),
        misses_parts: many::misses(&[]),
        changed: Vec::new(),
        unchanged: Vec::new(),
        too_few: Vec::new(),
        new: Vec::new(),
        gone: Vec::new(),
    };
    let mut pairs = Vec::new();
    let keys: BTreeSet<&Key> = before.rows.keys().chain(after.rows.keys()).collect();
    for key in keys {
        match (before.rows.get(key), after.rows.get(key)) {
            (Some(was), Some(is)) => match too_few(key, was, is) {
                Some(too_few) => results.too_few.push(too_few),
                None => pairs.push(Pair::new(key, was, is)),
            },
            (Some(was), None) => results.gone.push(alone(key, was, before)),
            (None, Some(is)) => results.new.push(alone(key, is, after)),
            (None, None) => {}
        }
    }
    results.misses = many::misses(&chances(pairs.iter().flat_map(|pair| &pair.heads)));
    let misses = results.misses;
    let (mut changed, unchanged): (Vec<_>, Vec<_>) =
        pairs.into_iter().partition(|pair| pair.changed(misses));
    for pair in &mut changed {
        pair.divide();
    }
    let of_parts = changed.iter().flat_map(|pair| [&pair.parts, &pair.threads]);
    results.misses_parts = many::misses(&chances(of_parts.flatten()));
    let parts = results.misses_parts;
    let route = |pair: &Pair<'_>| pair.route((before, after), misses, parts);
    results.changed = changed.iter().map(route).collect();
    results.unchanged = unchanged.iter().map(route).collect();
    sort(&mut results);
    results
}

fn sort(results: &mut Results) {
    let requests = |route: &Route| Reverse(route.before.requests + route.after.requests);
    let by_weight = |one: &Route, other: &Route| other.weight.total_cmp(&one.weight);
    results.changed.sort_by_key(requests);
    results.changed.sort_by(by_weight);
    results.unchanged.sort_by_key(requests);
    results
        .too_few
        .sort_by_key(|few| Reverse(few.before + few.after));
    for alone in [&mut results.new, &mut results.gone] {
        alone.sort_by_key(|alone| Reverse(alone.figures.requests));
    }
}

/// A figure of a route in both.
type Compared = (Figure, Difference);

/// A route that both have often enough.
struct Pair<'a> {
    key: &'a Key,
    was: &'a Row,
    is: &'a Row,
    heads: Vec<Compared>,
    parts: Vec<Compared>,
    threads: Vec<Compared>,
}

impl<'a> Pair<'a> {
    fn new(key: &'a Key, was: &'a Row, is: &'a Row) -> Self {
        Self {
            key,
            was,
            is,
            heads: differences(was, is, &HEADS),
            parts: Vec::new(),
            threads: Vec::new(),
        }
    }

    fn changed(&self, misses: f64) -> bool {
        let mut heads = self.heads.iter();
        heads.any(|(_, difference)| difference.chance() <= misses)
    }

    fn divide(&mut self) {
        self.parts = differences(self.was, self.is, &PARTS);
        self.threads = differences(self.was, self.is, &THREADS);
    }

    fn route(&self, of: (&Recording, &Recording), misses: f64, misses_parts: f64) -> Route {
        let all = |compared: &[Compared], misses| -> Vec<Change> {
            compared.iter().map(|one| change(*one, misses)).collect()
        };
        let by_size = |compared: &[Compared]| {
            let mut changes = all(compared, misses_parts);
            let size = |change: &Change| change.difference.value.abs();
            changes.sort_by(|one, other| size(other).total_cmp(&size(one)));
            changes
        };
        Route {
            name: name(self.key),
            before: figures(self.was, of.0),
            after: figures(self.is, of.1),
            weight: self.weight(misses),
            longer: self.longer(misses),
            figures: all(&self.heads, misses),
            parts: by_size(&self.parts),
            threads: by_size(&self.threads),
        }
    }

    /// The width of an interval goes with the root of the time.
    fn longer(&self, misses: f64) -> Option<f64> {
        let mut heads = self.heads.iter();
        let (_, duration) = heads.find(|(figure, _)| *figure == Figure::Duration)?;
        let interval = duration.interval(misses);
        let wide = (interval.high - interval.low) / 2.0 / duration.before.value;
        let unclear = duration.chance() > misses && wide > TELLS;
        unclear.then(|| (wide / TELLS).powi(2))
    }

    fn weight(&self, misses: f64) -> f64 {
        let shown = self
            .heads
            .iter()
            .filter(|(figure, difference)| figure.is_time() && difference.chance() <= misses);
        let weights = shown.map(|(figure, difference)| {
            let (_, count) = self.is.total(*figure);
            difference.interval(misses).value.abs() * count as f64
        });
        // Not `sum`: of nothing, that is -0.
        weights.fold(0.0, |all, more| all + more)
    }
}

/// Those of the figures that both have often enough, and not always zero.
fn differences(was: &Row, is: &Row, figures: &[Figure]) -> Vec<Compared> {
    let compared = figures.iter().filter_map(|figure| {
        let mean = |row: &Row| Some(Mean::of(row.series(*figure))?.in_units(figure.unit()));
        let difference = Difference {
            before: mean(was)?,
            after: mean(is)?,
        };
        let ever = difference.before.value > 0.0 || difference.after.value > 0.0;
        ever.then_some((*figure, difference))
    });
    compared.collect()
}

fn chances<'a>(compared: impl Iterator<Item = &'a Compared>) -> Vec<f64> {
    compared
        .map(|(_, difference)| difference.chance())
        .collect()
}

fn change((figure, difference): Compared, misses: f64) -> Change {
    Change {
        name: figure.name(),
        before: difference.before.value,
        after: difference.after.value,
        difference: difference.interval(misses),
        ratio: difference.ratio(misses),
        shown: difference.chance() <= misses,
    }
}

/// `None` where there are enough.
fn too_few(key: &Key, was: &Row, is: &Row) -> Option<TooFew> {
    let lacks = |row: &Row| {
        let blocks = row.series(Figure::Errors).count();
        let of_blocks = MIN_BLOCKS as f64 / blocks.max(1) as f64;
        let of_requests = MIN_REQUESTS as f64 / row.stats.count.max(1) as f64;
        of_blocks.max(of_requests)
    };
    let longer = lacks(was).max(lacks(is));
    let needed = |row: &Row| (row.stats.count as f64 * lacks(row)).ceil() as u64;
    (longer > 1.0).then(|| TooFew {
        name: name(key),
        before: was.stats.count,
        after: is.stats.count,
        needed: needed(was).max(needed(is)),
        longer,
    })
}

fn name(key: &Key) -> Name {
    Name {
        method: key.method,
        route: key.route.to_string(),
    }
}

fn alone(key: &Key, row: &Row, of: &Recording) -> Alone {
    Alone {
        name: name(key),
        figures: figures(row, of),
    }
}

fn figures(row: &Row, of: &Recording) -> Figures {
    let stats = &row.stats;
    let seconds = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1e9);
    let share = |figure| {
        let (some, all) = row.total(figure);
        some as f64 / all.max(1) as f64
    };
    Figures {
        requests: stats.count,
        rate: rate(stats.count, of),
        mean: (stats.timed() > 0).then(|| stats.sum as f64 / stats.timed() as f64 / 1e9),
        p50: seconds(stats.p50()),
        p90: seconds(stats.p90()),
        p99: seconds(stats.p99()),
        errors: share(Figure::Errors),
        unanswered: share(Figure::Unanswered),
    }
}

/// A second; of a single moment, what it would be were that a second.
fn rate(requests: u64, of: &Recording) -> f64 {
    let seconds = of.seconds();
    requests as f64 / if seconds > 0.0 { seconds } else { 1.0 }
}

fn side(recording: &Recording) -> Side {
    Side {
        file: recording.name.clone(),
        began: human::time(recording.begin_unix_ns),
        seconds: recording.seconds(),
        requests: recording.requests,
        rate: rate(recording.requests, recording),
        block: recording.block_ns as f64 / 1e9,
        warnings: recording.warnings(),
    }
}

fn notes(before: &Recording, after: &Recording) -> Vec<String> {
    let mut notes = Vec::new();
    let span = |of: &Recording| (of.begin_unix_ns, of.end_unix_ns, of.requests);
    if span(before) == span(after) {
        notes.push("both hold the same requests: give two recordings".into());
        return notes;
    }
    if after.end_unix_ns <= before.begin_unix_ns {
        notes.push(format!(
            "{} was recorded before {}: are they the wrong way round?",
            after.name, before.name
        ));
    } else if before.begin_unix_ns < after.end_unix_ns && after.begin_unix_ns < before.end_unix_ns {
        notes.push("they were recorded at the same time, at least in part".into());
    }
    let (was, is) = (rate(before.requests, before), rate(after.requests, after));
    if was.max(is) > was.min(is) * OTHER_LOAD {
        notes.push(format!(
            "the load was another ({was:.1} requests/s, then {is:.1}): \
             what is slower or faster may be so for that alone"
        ));
    }
    for recording in [before, after] {
        let blocks = (recording.seconds() * 1e9 / recording.block_ns as f64).ceil();
        if blocks < MIN_BLOCKS as f64 {
            notes.push(format!(
                "{} is too short for anything to be said: record at least {:.0} seconds, \
                 better a minute",
                recording.name,
                (MIN_BLOCKS as f64 * recording.block_ns as f64 / 1e9).ceil()
            ));
        }
    }
    notes
}
