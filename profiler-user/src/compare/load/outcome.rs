//! What the client saw.

use hdrhistogram::Histogram;

/// Latencies above count as this.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Quantiles are off by no more than a thousandth.
const DIGITS: u8 = 3;

/// Of one load.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Requests sent, answered or not.
    pub sent: u64,
    /// Answered with a status below 400.
    pub answered: u64,
    /// Answered with another one, or not at all.
    pub errors: u64,
    /// How long it took, seconds.
    pub seconds: f64,
    /// How long requests took.
    pub latency: Latency,
    /// Answers in each whole second; empty where nobody told.
    pub by_second: Vec<u64>,
}

/// How long requests took, seconds.
#[derive(Clone, Debug)]
pub enum Latency {
    /// Each of them was recorded, nanoseconds.
    Recorded(Box<Histogram<u64>>),
    /// Another program told some figures.
    Told {
        /// The mean.
        mean: Option<f64>,
        /// Percentile (0 to 100), and seconds; in order.
        percentiles: Vec<(f64, f64)>,
    },
}

impl Outcome {
    /// Nothing yet.
    pub(in super::super) fn new() -> Self {
        Self {
            sent: 0,
            answered: 0,
            errors: 0,
            seconds: 0.0,
            latency: Latency::Recorded(Box::new(histogram())),
            by_second: Vec::new(),
        }
    }

    /// Books a request that took so long, answered in this second of the load.
    pub(in super::super) fn record(&mut self, well: bool, nanoseconds: u64, second: usize) {
        self.sent += 1;
        self.answered += u64::from(well);
        self.errors += u64::from(!well);
        if let Latency::Recorded(histogram) = &mut self.latency {
            histogram.saturating_record(nanoseconds);
        }
        if self.by_second.len() <= second {
            self.by_second.resize(second + 1, 0);
        }
        self.by_second[second] += u64::from(well);
    }

    /// Answers a second.
    #[must_use]
    pub fn throughput(&self) -> f64 {
        self.answered as f64 / self.seconds
    }
}

impl Latency {
    /// The mean, seconds.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        match self {
            Self::Recorded(histogram) if histogram.is_empty() => None,
            Self::Recorded(histogram) => Some(histogram.mean() / 1e9),
            Self::Told { mean, .. } => *mean,
        }
    }

    /// What so many of a hundred requests took at most, seconds.
    #[must_use]
    pub fn percentile(&self, percentile: f64) -> Option<f64> {
        match self {
            Self::Recorded(histogram) if histogram.is_empty() => None,
            Self::Recorded(histogram) => {
                Some(histogram.value_at_percentile(percentile) as f64 / 1e9)
            }
            Self::Told { percentiles, .. } => percentiles
                .iter()
                .find(|(told, _)| (told - percentile).abs() < 1e-6)
                .map(|(_, seconds)| *seconds),
        }
    }
}

/// An empty one, nanoseconds. It grows as far as it has to.
pub(in super::super) fn histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1_000, LONGEST_NS, DIGITS)
        .expect("the bounds are constants that the histogram takes");
    histogram.auto(true);
    histogram
}
