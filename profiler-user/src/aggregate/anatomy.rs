//! Where the time of a set of requests went.

use super::{Peers, Shares};
use crate::model::{Request, Wait};

/// A time of a request: nanoseconds, `None` where it is not known.
pub type Figure = fn(&Request) -> Option<u64>;

/// What is summed up, by the name that outputs use. `cpu` and all that begins with
/// `wait_` are known of the same requests.
pub const FIGURES: [(&str, Figure); 18] = [
    ("accept_wait", |request| request.times.accept_wait),
    ("read_time", |request| request.times.read_time),
    ("server_time", |request| request.times.server_time),
    ("queue_time", |request| request.times.queue_time),
    ("daemon_time", |request| request.times.daemon_time),
    ("application_time", |request| request.times.application_time),
    ("send_time", |request| request.times.send_time),
    ("busy_time", |request| request.times.busy_time),
    ("cpu", Request::cpu),
    ("cpu_apache", Request::cpu_apache),
    ("cpu_daemon", |request| Some(request.daemon_spent?.cpu)),
    ("wait_runqueue", |request| request.waited(Wait::Runqueue)),
    ("wait_lock", |request| request.waited(Wait::Lock)),
    ("wait_upstream", |request| request.waited(Wait::Upstream)),
    ("wait_client", |request| request.waited(Wait::Client)),
    ("wait_disk", |request| request.waited(Wait::Disk)),
    ("wait_sleep", |request| request.waited(Wait::Sleep)),
    ("wait_other", |request| request.waited(Wait::Other)),
];

/// A sum, and how many requests it is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Nanoseconds.
    pub ns: u64,
    /// Requests of which it is known.
    pub count: u64,
}

impl Sum {
    /// Nanoseconds a request; `None` where it is known of none.
    #[must_use]
    pub fn mean(self) -> Option<u64> {
        self.ns.checked_div(self.count)
    }

    fn merge(&mut self, other: Self) {
        self.ns = self.ns.saturating_add(other.ns);
        self.count += other.count;
    }
}

/// Where the time of a set of requests went.
#[derive(Clone, Debug, Default)]
pub struct Anatomy {
    sums: [Sum; FIGURES.len()],
    /// The same without overlap, of the requests of which all of it is known.
    pub shares: Shares,
    /// Whom they waited for; the [`Aggregator`](super::Aggregator) says, since not
    /// every peer is named.
    pub peers: Peers,
}

impl Anatomy {
    /// Adds a request, all but the peer that it waited for.
    pub fn record(&mut self, request: &Request) {
        for (sum, (_, figure)) in self.sums.iter_mut().zip(&FIGURES) {
            if let Some(ns) = figure(request) {
                sum.merge(Sum { ns, count: 1 });
            }
        }
        if let Some(shares) = Shares::of(request) {
            self.shares.merge(&shares);
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.sums.iter_mut().zip(other.sums) {
            mine.merge(theirs);
        }
        self.shares.merge(&other.shares);
        self.peers.merge(&other.peers);
    }

    /// The sums of [`FIGURES`], by name.
    pub fn sums(&self) -> impl Iterator<Item = (&'static str, Sum)> {
        FIGURES.iter().map(|(name, _)| *name).zip(self.sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mode;
    use crate::request::sample;

    fn sum(anatomy: &Anatomy, name: &str) -> Sum {
        let found = anatomy.sums().find(|(known, _)| *known == name);
        found.unwrap().1
    }

    #[test]
    fn sums_what_is_known_and_counts_of_how_many() {
        let mut anatomy = Anatomy::default();
        let known = sample::request("/a");
        let mut alone = known.clone();
        alone.mode = Some(Mode::Http);
        alone.daemon_spent = None;
        alone.times.queue_time = None;
        let mut unknown = alone.clone();
        unknown.spent = None;
        for request in [&known, &alone, &unknown] {
            anatomy.record(request);
        }
        let of = |ns, count| Sum { ns, count };
        assert_eq!(sum(&anatomy, "accept_wait"), of(0, 0));
        assert_eq!(sum(&anatomy, "queue_time"), of(200_000, 1));
        assert_eq!(sum(&anatomy, "server_time"), of(300_000, 3));
        assert_eq!(sum(&anatomy, "cpu"), of(900_000, 2));
        assert_eq!(sum(&anatomy, "cpu_apache"), of(150_000, 1));
        assert_eq!(sum(&anatomy, "cpu_daemon"), of(600_000, 1));
        assert_eq!(sum(&anatomy, "wait_lock"), of(150_000, 2));
        assert_eq!(sum(&anatomy, "wait_client"), of(40_000, 2));
        assert_eq!(sum(&anatomy, "wait_upstream").mean(), Some(125_000));
        assert_eq!(sum(&anatomy, "accept_wait").mean(), None);
    }

    #[test]
    fn merging_is_recording_all() {
        let request = sample::request("/a");
        let (mut one, mut two) = (Anatomy::default(), Anatomy::default());
        one.record(&request);
        two.record(&request);
        two.record(&request);
        one.merge(&one.clone());
        assert_eq!(one.sums, two.sums);
        assert_eq!(one.shares, two.shares);
    }
}
