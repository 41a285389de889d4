//! Requests into numbers per interval.
//!
//! [`Aggregator`] folds each request into the [`Stats`] of its [`labels`];
//! [`Aggregator::close`] hands the interval over as a [`Window`]. What sinks and
//! the terminal show is read from windows; nothing else counts requests.

pub mod labels;
mod stats;
mod window;

pub use stats::{BUCKET_BOUNDS_NS, BUCKETS, Stats};
pub use window::{Aggregator, MAX_ROWS, Row, Window};

#[cfg(test)]
mod tests;
