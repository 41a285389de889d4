//! One recording, read through once: the sums of each route, in blocks of time.
//!
//! How long a recording is, is known at its end. So blocks begin short, and whenever
//! there are too many, each two become one of twice the length: from [`SHORTEST_NS`] x
//! [`MAX_BLOCKS`] on there are between half as many and [`MAX_BLOCKS`], whatever the
//! length, in bounded memory.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use foldhash::HashMap;

use super::figure::{Figure, Sums};
use crate::aggregate::{Stats, labels};
use crate::model::Request;
use crate::report::lines::{self, Left};
use crate::request::route::OTHER;

/// Blocks of a recording.
pub const MAX_BLOCKS: u64 = 60;

/// A block of a recording that has just begun.
const SHORTEST_NS: u64 = 250_000_000;

/// Routes and methods that are kept apart, those after go to the route [`OTHER`]. With
/// blocks of 192 bytes and a histogram of 1 to 27 kB this bounds memory at about 75 MB.
const MAX_ROUTES: usize = 2_000;

/// What tells one row from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The path's group.
    pub route: Arc<str>,
    /// Of [`labels::method`].
    pub method: &'static str,
}

/// The requests of one route and method.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// All together.
    pub stats: Stats,
    /// By the number of the block, those with requests.
    blocks: BTreeMap<u64, Sums>,
}

impl Row {
    /// The blocks in which the figure is known of a request: its sum (nanoseconds, or
    /// requests), and of how many.
    pub fn series(&self, figure: Figure) -> impl Iterator<Item = (u64, u64)> {
        let blocks = self.blocks.values().map(move |block| block.get(figure));
        blocks.filter(|(_, count)| *count > 0)
    }

    /// The same of all blocks together.
    #[must_use]
    pub fn total(&self, figure: Figure) -> (u64, u64) {
        self.series(figure)
            .fold((0, 0), |(sum, count), (more, of)| {
                (sum.saturating_add(more), count + of)
            })
    }
}

/// What a file held.
#[derive(Debug)]
pub struct Recording {
    /// For people.
    pub name: String,
    /// Requests read.
    pub requests: u64,
    /// By route and method.
    pub rows: HashMap<Key, Row>,
    /// When the first began: nanoseconds since the epoch.
    pub begin_unix_ns: u64,
    /// When the last ended.
    pub end_unix_ns: u64,
    /// Length of a block.
    pub block_ns: u64,
    /// First and last block, in lengths of a block since the epoch.
    blocks: Option<(u64, u64)>,
    left: Left,
    /// Requests that found no place of their own.
    crowded: u64,
}

impl Recording {
    /// Reads a file; `-` is stdin.
    pub fn open(path: &Path) -> Result<Self> {
        let (name, from) = lines::open(path)?;
        let recording = Self::read(from, &name).with_context(|| format!("cannot read {name}"))?;
        anyhow::ensure!(
            recording.requests > 0,
            "{name} holds no request: give a file that --jsonl has written"
        );
        Ok(recording)
    }

    /// Reads lines; `name` is for people.
    pub fn read(from: impl BufRead, name: &str) -> io::Result<Self> {
        let mut recording = Self::new(name);
        recording.left = lines::read(from, |request| recording.record(request))?;
        Ok(recording)
    }

    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            requests: 0,
            rows: HashMap::default(),
            begin_unix_ns: u64::MAX,
            end_unix_ns: 0,
            block_ns: SHORTEST_NS,
            blocks: None,
            left: Left::default(),
            crowded: 0,
        }
    }

    /// From the first begin to the last end, seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.end_unix_ns.saturating_sub(self.begin_unix_ns) as f64 / 1e9
    }

    /// What was wrong with it, a line each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.left.warnings();
        if self.crowded > 0 {
            warnings.push(format!(
                "{} requests of more than {MAX_ROUTES} routes and methods are counted as {OTHER}: \
                 give wsgiprobe patterns for routes",
                self.crowded
            ));
        }
        warnings
    }

    pub(super) fn record(&mut self, request: &Request) {
        let end = request.end_unix_ns;
        self.requests += 1;
        self.begin_unix_ns = self.begin_unix_ns.min(request.time_unix_ns);
        self.end_unix_ns = self.end_unix_ns.max(end);
        let block = self.block(end);
        let row = self.row(request);
        row.stats.record(request);
        row.blocks.entry(block).or_default().record(request);
    }

    /// The block that this moment is in.
    fn block(&mut self, unix_ns: u64) -> u64 {
        loop {
            let block = unix_ns / self.block_ns;
            let (first, last) = self.blocks.unwrap_or((block, block));
            let (first, last) = (first.min(block), last.max(block));
            if last - first < MAX_BLOCKS {
                self.blocks = Some((first, last));
                return block;
            }
            self.join();
        }
    }

    /// Makes each two blocks one.
    fn join(&mut self) {
        self.block_ns *= 2;
        self.blocks = self.blocks.map(|(first, last)| (first / 2, last / 2));
        for row in self.rows.values_mut() {
            for (block, sums) in std::mem::take(&mut row.blocks) {
                row.blocks.entry(block / 2).or_default().merge(&sums);
            }
        }
    }

    fn row(&mut self, request: &Request) -> &mut Row {
        let mut key = Key {
            route: Arc::clone(&request.route),
            method: labels::method(request.method.as_deref()),
        };
        if self.rows.len() >= MAX_ROUTES && !self.rows.contains_key(&key) {
            key.route = OTHER.into();
            self.crowded += 1;
        }
        self.rows.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::sample;

    /// A recording of requests that ended so many nanoseconds after a second.
    fn ended(ends: &[u64]) -> Recording {
        let mut recording = Recording::new("file");
        for end in ends {
            let mut request = sample::request("/a");
            request.end_unix_ns = 1_000_000_000 + end;
            request.time_unix_ns = request.end_unix_ns - 1_000;
            recording.record(&request);
        }
        recording
    }

    fn only(recording: &Recording) -> &Row {
        assert_eq!(recording.rows.len(), 1);
        recording.rows.values().next().unwrap()
    }

    proptest! {
        #[test]
        fn no_request_is_lost_and_blocks_stay_few(
            ends in prop::collection::vec(0..10_000_000_000_000_u64, 1..200)
        ) {
            let recording = ended(&ends);
            let series: Vec<_> = only(&recording).series(Figure::Duration).collect();
            prop_assert_eq!(series.iter().map(|(_, count)| *count).sum::<u64>(), ends.len() as u64);
            prop_assert!(series.len() as u64 <= MAX_BLOCKS);
            let (first, last) = recording.blocks.unwrap();
            prop_assert!(last - first < MAX_BLOCKS);
            // No longer than they have to be.
            let span = ends.iter().max().unwrap() - ends.iter().min().unwrap();
            let needed = span / recording.block_ns + 1;
            prop_assert!(recording.block_ns == SHORTEST_NS || needed * 2 + 2 >= MAX_BLOCKS);
        }
    }

    #[test]
    fn a_steady_load_has_blocks_of_equal_count() {
        let ends: Vec<u64> = (0..20_000).map(|n| n * 10_000_000).collect();
        let recording = ended(&ends);
        assert_eq!(recording.block_ns, 4_000_000_000);
        let series: Vec<_> = only(&recording).series(Figure::Duration).collect();
        assert!((MAX_BLOCKS / 2..=MAX_BLOCKS).contains(&(series.len() as u64)));
        let inner = &series[1..series.len() - 1];
        assert!(inner.iter().all(|(_, count)| *count == 400));
    }

    #[test]
    fn routes_are_bounded() {
        let mut recording = Recording::new("file");
        for n in 0..MAX_ROUTES + 10 {
            recording.record(&sample::request(&format!("/{n}")));
        }
        assert_eq!(recording.rows.len(), MAX_ROUTES + 1);
        assert!(recording.warnings()[0].starts_with("10 requests of more than"));
    }

    #[test]
    fn methods_are_kept_apart() {
        let mut recording = Recording::new("file");
        let mut post = sample::request("/a");
        post.method = Some("POST".into());
        recording.record(&sample::request("/a"));
        recording.record(&post);
        assert_eq!(recording.rows.len(), 2);
    }
}
