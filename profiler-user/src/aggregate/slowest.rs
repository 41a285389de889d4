//! The slowest requests, whole: numbers say that something is slow, these show
//! what.

use crate::model::Request;

/// How many are kept.
pub const MAX_SLOWEST: usize = 5;

/// The slowest requests by `duration`, the slowest first; of two alike the earlier.
#[derive(Clone, Debug, Default)]
pub(super) struct Slowest(Vec<Request>);

impl Slowest {
    /// Keeps a copy of the request if it is among the slowest.
    pub(super) fn offer(&mut self, request: &Request) {
        let slower = |kept: &Request| kept.times.duration >= request.times.duration;
        let place = self.0.partition_point(slower);
        if place < MAX_SLOWEST && request.times.duration.is_some() {
            self.0.truncate(MAX_SLOWEST - 1);
            self.0.insert(place, request.clone());
        }
    }

    /// Offers all of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        for request in &other.0 {
            self.offer(request);
        }
    }

    pub(super) fn into_requests(self) -> Vec<Request> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::sample;

    fn slowest(durations: &[u64]) -> Slowest {
        let mut slowest = Slowest::default();
        for duration in durations {
            let mut request = sample::request("/");
            request.times.duration = Some(*duration);
            slowest.offer(&request);
        }
        slowest
    }

    fn durations(slowest: Slowest) -> Vec<u64> {
        let requests = slowest.into_requests().into_iter();
        requests.filter_map(|kept| kept.times.duration).collect()
    }

    #[test]
    fn keeps_the_slowest_in_order() {
        let kept = slowest(&[3, 1, 4, 1, 5, 9, 2, 6]);
        assert_eq!(durations(kept.clone()), [9, 6, 5, 4, 3]);
        let mut merged = slowest(&[7, 8, 1]);
        merged.merge(&kept);
        assert_eq!(durations(merged), [9, 8, 7, 6, 5]);
    }

    #[test]
    fn without_a_duration_it_is_not_slow() {
        let mut request = sample::request("/");
        request.times.duration = None;
        let mut slowest = Slowest::default();
        slowest.offer(&request);
        assert!(slowest.into_requests().is_empty());
    }
}
