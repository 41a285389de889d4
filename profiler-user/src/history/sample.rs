//! One step in time.

use serde::Serialize;

use super::groups::Cell;
use super::heat::Heat;
use super::timeline::Join;
use crate::aggregate::{Anatomy, SHARES, Stats, Window};
use crate::pool::Snapshot;

/// The parts of a request, in order: what a waterfall is made of.
pub const PARTS: [&str; 6] = [
    "accept_wait",
    "server_time",
    "queue_time",
    "daemon_time",
    "application_time",
    "send_time",
];

/// What happened within a step. Durations are nanoseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Its begin, milliseconds since the epoch.
    #[serde(rename = "s")]
    pub start_ms: u64,
    /// Its end, milliseconds since the epoch.
    #[serde(rename = "e")]
    pub end_ms: u64,
    /// Requests that finished.
    #[serde(rename = "n")]
    pub count: u64,
    /// As in [`Stats`].
    #[serde(rename = "x")]
    pub errors: u64,
    /// As in [`Stats`].
    #[serde(rename = "c")]
    pub client_errors: u64,
    /// p50, p90, p99 and the longest; zeros without requests.
    #[serde(rename = "q")]
    pub quantiles: [u64; 4],
    /// By duration.
    #[serde(rename = "h")]
    pub heat: Heat,
    /// Where the time went, by [`Share`](crate::aggregate::Share).
    #[serde(rename = "w")]
    pub shares: [u64; SHARES],
    /// Connections that waited to be accepted at its end; the most where steps were
    /// joined. `None` where nothing is known to listen.
    #[serde(rename = "l")]
    pub listen: Option<u32>,
    /// The servers, by group.
    #[serde(rename = "g")]
    pub groups: Vec<Cell>,
}

impl Sample {
    /// Of a window, with the groups as they were at its end.
    #[must_use]
    pub fn new(window: &Window, snapshot: &Snapshot, groups: Vec<Cell>) -> Self {
        let stats = &window.total;
        let mut heat = Heat::default();
        for (ns, count) in stats.durations() {
            heat.add(ns, count);
        }
        let queues = snapshot.listeners.iter().map(|listener| listener.queue);
        Self {
            start_ms: window.start_unix_ns / 1_000_000,
            end_ms: window.end_unix_ns / 1_000_000,
            count: stats.count,
            errors: stats.errors,
            client_errors: stats.client_errors,
            quantiles: quantiles(stats),
            heat,
            shares: stats.anatomy.shares.all(),
            listen: queues.reduce(u32::saturating_add),
            groups,
        }
    }

    const fn length_ms(&self) -> u64 {
        self.end_ms.saturating_sub(self.start_ms)
    }
}

impl Join for Sample {
    fn join(&mut self, next: &Self) {
        let lengths = (self.length_ms() as f64, next.length_ms() as f64);
        let timed = (self.heat.count(), next.heat.count());
        self.heat.merge(&next.heat);
        for (index, q) in [0.5, 0.9, 0.99].into_iter().enumerate() {
            let (mine, theirs) = (self.quantiles[index], next.quantiles[index]);
            self.quantiles[index] = match timed {
                (_, 0) => mine,
                (0, _) => theirs,
                // That of both lies between those of each.
                _ => self
                    .heat
                    .quantile(q)
                    .clamp(mine.min(theirs), mine.max(theirs)),
            };
        }
        self.quantiles[3] = self.quantiles[3].max(next.quantiles[3]);
        self.end_ms = next.end_ms;
        self.count += next.count;
        self.errors += next.errors;
        self.client_errors += next.client_errors;
        for (mine, theirs) in self.shares.iter_mut().zip(next.shares) {
            *mine = mine.saturating_add(theirs);
        }
        self.listen = self.listen.max(next.listen);
        for cell in &next.groups {
            match self.groups.iter_mut().find(|mine| mine.group == cell.group) {
                Some(mine) => mine.join(cell, lengths),
                None => self.groups.push(*cell),
            }
        }
    }
}

/// p50, p90, p99 and the longest.
pub(super) fn quantiles(stats: &Stats) -> [u64; 4] {
    [stats.p50(), stats.p90(), stats.p99(), stats.max()].map(Option::unwrap_or_default)
}

/// The sums of [`PARTS`].
pub(super) fn parts(anatomy: &Anatomy) -> [u64; PARTS.len()] {
    let mut parts = [0; PARTS.len()];
    for (name, sum) in anatomy.sums() {
        if let Some(index) = PARTS.iter().position(|part| *part == name) {
            parts[index] = sum.ns;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregator;
    use crate::request::sample;

    fn of(start: u64, durations_ms: &[u64]) -> Sample {
        let mut aggregator = Aggregator::new();
        for ms in durations_ms {
            let mut request = sample::request("/");
            request.times.duration = Some(ms * 1_000_000);
            aggregator.record(&request);
        }
        let window = aggregator.close(start * 1_000_000_000, (start + 1) * 1_000_000_000);
        Sample::new(&window, &Snapshot::default(), Vec::new())
    }

    #[test]
    fn joining_adds_up() {
        let (mut one, two) = (of(1, &[10, 20]), of(2, &[30, 40, 50]));
        one.join(&two);
        assert_eq!((one.start_ms, one.end_ms, one.count), (1_000, 3_000, 5));
        assert_eq!(one.heat.count(), 5);
        assert_eq!(one.quantiles[3], 50_000_000);
        let median = one.quantiles[0];
        assert!((10_000_000..=40_000_000).contains(&median), "{median}");
        assert_eq!(one.shares[0], 5 * 200_000);
    }

    #[test]
    fn a_quiet_step_leaves_quantiles_alone() {
        let (mut busy, mut quiet) = (of(1, &[10]), of(2, &[]));
        let before = busy.quantiles;
        busy.join(&quiet);
        assert_eq!(busy.quantiles, before);
        quiet.join(&of(3, &[10]));
        assert_eq!(quiet.quantiles, before);
    }

    #[test]
    fn every_part_is_known() {
        let mut anatomy = Anatomy::default();
        let mut request = sample::request("/");
        request.times.accept_wait = Some(7);
        anatomy.record(&request);
        assert!(parts(&anatomy).iter().all(|ns| *ns > 0));
    }
}
