//! The slowest requests of each route within a window, whole.
//!
//! A window has the slowest of all routes; a look at one route wants its own.

use std::sync::Arc;

use foldhash::HashMap;

use crate::model::Request;

/// Kept of each route.
pub const SLOWEST: usize = 5;

/// The slowest of each route, the slowest first. As many routes as there are
/// (`--max-routes`).
#[derive(Debug, Default)]
pub struct Samples(HashMap<Arc<str>, Vec<Request>>);

impl Samples {
    /// Keeps a copy of the request if it is among the slowest of its route.
    pub fn offer(&mut self, request: &Request) {
        if let Some(kept) = self.0.get_mut(&request.route) {
            keep(kept, request);
        } else {
            let kept = self.0.entry(Arc::clone(&request.route)).or_default();
            keep(kept, request);
        }
    }

    /// Offers all of `other`.
    pub(super) fn absorb(&mut self, other: Self) {
        for request in other.0.into_values().flatten() {
            self.offer(&request);
        }
    }

    /// Those of a route.
    pub(super) fn of(&self, route: &str) -> &[Request] {
        self.0.get(route).map_or(&[], Vec::as_slice)
    }
}

/// Puts it in its place, if it has one.
pub(super) fn keep(kept: &mut Vec<Request>, request: &Request) {
    let slower = |other: &Request| other.times.duration >= request.times.duration;
    let place = kept.partition_point(slower);
    if place < SLOWEST && request.times.duration.is_some() {
        kept.truncate(SLOWEST - 1);
        kept.insert(place, request.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::sample;

    #[test]
    fn every_route_has_its_own() {
        let mut samples = Samples::default();
        for (route, ns) in [("/a", 3), ("/b", 900), ("/a", 7), ("/a", 1), ("/a", 5)] {
            let mut request = sample::request(route);
            request.times.duration = Some(ns);
            samples.offer(&request);
        }
        let mut more = Samples::default();
        for ns in [2, 6] {
            let mut request = sample::request("/a");
            request.times.duration = Some(ns);
            more.offer(&request);
        }
        samples.absorb(more);
        let durations = |route| -> Vec<u64> {
            let kept = samples.of(route).iter();
            kept.filter_map(|request| request.times.duration).collect()
        };
        assert_eq!(durations("/a"), [7, 6, 5, 3, 2]);
        assert_eq!(durations("/b"), [900]);
        assert!(durations("/c").is_empty());
    }
}
