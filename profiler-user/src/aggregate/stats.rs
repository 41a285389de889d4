//! The numbers of a set of requests.

use std::fmt;

use hdrhistogram::Histogram;

use super::{Anatomy, Sum};
use crate::model::{Outcome, Request};

/// Upper bounds (inclusive) of the explicit buckets of
/// `http.server.request.duration`, nanoseconds. From 5 ms up those that
/// OpenTelemetry's semantic conventions advise; below, finer ones: a WSGI
/// application often answers within a millisecond.
pub const BUCKET_BOUNDS_NS: [u64; 19] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    75_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    750_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    7_500_000_000,
    10_000_000_000,
];

/// Buckets: one below each bound and one above the last.
pub const BUCKETS: usize = BUCKET_BOUNDS_NS.len() + 1;

/// Quantiles are off by no more than 1 %: two digits, a tenth of the memory of
/// three.
const DIGITS: u8 = 2;

/// Resolution of the quantiles, nanoseconds. Finer than what a socket call costs.
const FINEST_NS: u64 = 1_000;

/// Durations above (one hour) count as this in quantiles; `max` stays exact.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// The numbers of a set of requests. Durations are nanoseconds.
///
/// A request to which nothing was written has no duration: it counts in `count`
/// and `errors`, and is in none of the duration figures.
#[derive(Clone)]
pub struct Stats {
    /// Requests.
    pub count: u64,
    /// Those with status 500 or above, and those that ended neither well nor by an
    /// upgrade.
    pub errors: u64,
    /// Those with status 400 to 499.
    pub client_errors: u64,
    /// Sum of durations.
    pub sum: u64,
    /// Head and body as read from the sockets, bytes.
    pub request_bytes: u64,
    /// All that was written in answer, bytes.
    pub response_bytes: u64,
    /// Requests per bucket of [`BUCKET_BOUNDS_NS`], not cumulative.
    pub buckets: [u64; BUCKETS],
    /// Where the time went.
    pub anatomy: Anatomy,
    min: u64,
    max: u64,
    ttfb_sum: u64,
    ttfb_count: u64,
    durations: Histogram<u64>,
}

impl Stats {
    /// Of no request.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "constants that are known to work"
    )]
    pub fn new() -> Self {
        let mut durations = Histogram::new_with_bounds(FINEST_NS, 2 * FINEST_NS, DIGITS)
            .expect("the bounds are constants that the histogram takes");
        // Most routes never see an hour: grow only as far as needed.
        durations.auto(true);
        Self {
            count: 0,
            errors: 0,
            client_errors: 0,
            sum: 0,
            request_bytes: 0,
            response_bytes: 0,
            buckets: [0; BUCKETS],
            anatomy: Anatomy::default(),
            min: u64::MAX,
            max: 0,
            ttfb_sum: 0,
            ttfb_count: 0,
            durations,
        }
    }

    /// Adds a request.
    #[expect(clippy::missing_panics_doc, reason = "the histogram grows to an hour")]
    pub fn record(&mut self, request: &Request) {
        self.count += 1;
        self.errors += u64::from(is_error(request));
        self.client_errors += u64::from(matches!(request.status, Some(400..=499)));
        self.request_bytes = self.request_bytes.saturating_add(request.request_bytes);
        self.response_bytes = self.response_bytes.saturating_add(request.response_bytes);
        self.anatomy.record(request);
        if let Some(ns) = request.times.duration {
            self.sum = self.sum.saturating_add(ns);
            self.min = self.min.min(ns);
            self.max = self.max.max(ns);
            self.buckets[BUCKET_BOUNDS_NS.partition_point(|bound| *bound < ns)] += 1;
            self.durations
                .record(ns.min(LONGEST_NS))
                .expect("it resizes itself, and an hour is within reach");
        }
        if let Some(ns) = request.times.ttfb {
            self.ttfb_sum = self.ttfb_sum.saturating_add(ns);
            self.ttfb_count += 1;
        }
    }

    /// Adds all of `other`, as if each request had been recorded here.
    #[expect(clippy::missing_panics_doc, reason = "all histograms are made alike")]
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.client_errors += other.client_errors;
        self.sum = self.sum.saturating_add(other.sum);
        self.request_bytes = self.request_bytes.saturating_add(other.request_bytes);
        self.response_bytes = self.response_bytes.saturating_add(other.response_bytes);
        self.anatomy.merge(&other.anatomy);
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *mine += theirs;
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.ttfb_sum = self.ttfb_sum.saturating_add(other.ttfb_sum);
        self.ttfb_count += other.ttfb_count;
        self.durations
            .add(&other.durations)
            .expect("it resizes itself, and all share one precision");
    }

    /// Requests that have a duration.
    #[must_use]
    pub fn timed(&self) -> u64 {
        self.durations.len()
    }

    /// The duration that the share `q` (0 to 1) of requests did not exceed, to
    /// 1 %; `None` without durations.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        // The histogram answers with the top of a bucket; no request was there.
        (self.timed() > 0).then(|| {
            self.durations
                .value_at_quantile(q)
                .clamp(self.min, self.max)
        })
    }

    /// Median duration.
    #[must_use]
    pub fn p50(&self) -> Option<u64> {
        self.quantile(0.5)
    }

    /// 90th percentile of durations.
    #[must_use]
    pub fn p90(&self) -> Option<u64> {
        self.quantile(0.9)
    }

    /// 99th percentile of durations.
    #[must_use]
    pub fn p99(&self) -> Option<u64> {
        self.quantile(0.99)
    }

    /// Shortest duration, exact.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (self.timed() > 0).then_some(self.min)
    }

    /// Longest duration, exact.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.timed() > 0).then_some(self.max)
    }

    /// Mean duration.
    #[must_use]
    pub fn mean(&self) -> Option<u64> {
        self.sum.checked_div(self.timed())
    }

    /// All durations as the quantiles know them, to 1 % or half a microsecond, and how
    /// many there are of each.
    pub fn durations(&self) -> impl Iterator<Item = (u64, u64)> {
        self.durations.iter_recorded().map(|step| {
            let ns = self.durations.median_equivalent(step.value_iterated_to());
            (ns.clamp(self.min, self.max), step.count_at_value())
        })
    }

    /// Times to the first byte of the final response.
    #[must_use]
    pub const fn ttfb(&self) -> Sum {
        Sum {
            ns: self.ttfb_sum,
            count: self.ttfb_count,
        }
    }

    /// Mean time to the first byte of the final response.
    #[must_use]
    pub fn ttfb_mean(&self) -> Option<u64> {
        self.ttfb_sum.checked_div(self.ttfb_count)
    }
}

impl Default for Stats {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stats")
            .field("count", &self.count)
            .field("errors", &self.errors)
            .field("client_errors", &self.client_errors)
            .field("p50", &self.p50())
            .field("p99", &self.p99())
            .field("max", &self.max())
            .finish_non_exhaustive()
    }
}

fn is_error(request: &Request) -> bool {
    request.status.is_some_and(|status| status >= 500)
        || !matches!(request.outcome, Outcome::Ok | Outcome::Upgraded)
}
