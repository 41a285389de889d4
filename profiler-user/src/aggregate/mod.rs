//! Requests into numbers per interval.
//!
//! [`Aggregator`] folds each request into the [`Stats`] of its [`labels`];
//! [`Aggregator::close`] hands the interval over as a [`Window`]. What sinks and
//! the terminal show is read from windows; nothing else counts requests.
//!
//! - `anatomy`: sums of where the time went; `shares` the same without overlap.
//! - `peers`: whom requests waited for; `served_by`: which container served a route.
//! - `slowest`: the slowest requests, whole.

mod anatomy;
pub mod labels;
mod peers;
mod served_by;
mod shares;
mod slowest;
mod stats;
mod window;

pub use anatomy::{Anatomy, FIGURES, Figure, Sum};
pub use peers::{MAX_NAMED_PEERS, MAX_PEERS, OTHER_PEER, Peers, Waited};
pub use served_by::ServedBy;
pub use shares::{SHARES, Share, Shares};
pub use slowest::MAX_SLOWEST;
pub use stats::{BUCKET_BOUNDS_NS, BUCKETS, Stats};
pub use window::{Aggregator, MAX_OTHERS, MAX_ROWS, Row, Window};

#[cfg(test)]
mod tests;
