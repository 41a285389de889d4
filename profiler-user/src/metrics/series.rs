//! The values of a metric.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use super::exponential::Exponential;
use super::span_names::SpanNames;
use crate::aggregate::{BUCKETS, Stats};
use crate::identity::Identity;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// One of few.
    Word(&'static str),
    /// Whatever came.
    Text(Arc<str>),
    /// A number.
    Number(u64),
    /// This series does not have it.
    Absent,
}

impl Label {
    /// As text; `None` where there is none.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Word(word) => Some((*word).into()),
            Self::Text(text) => Some((&**text).into()),
            Self::Number(number) => Some(number.to_string().into()),
            Self::Absent => None,
        }
    }
}

impl From<&'static str> for Label {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<u32> for Label {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&Arc<str>> for Label {
    fn from(text: &Arc<str>) -> Self {
        Self::Text(Arc::clone(text))
    }
}

/// What tells a series from the others of its metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels {
    /// The container or workload that it is of.
    pub identity: Option<Arc<Identity>>,
    /// In the order of the metric's attributes.
    pub values: Box<[Label]>,
}

impl<const N: usize> From<[Label; N]> for Labels {
    fn from(values: [Label; N]) -> Self {
        (None, values).into()
    }
}

impl<const N: usize> From<(Option<&Arc<Identity>>, [Label; N])> for Labels {
    fn from((identity, values): (Option<&Arc<Identity>>, [Label; N])) -> Self {
        Self {
            identity: identity.cloned(),
            values: values.into(),
        }
    }
}

/// A value as it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A sum, in the metric's unit; for seconds in nanoseconds.
    Count(u64),
    /// A level, in the metric's unit.
    Level(f64),
    /// Durations.
    Durations(Box<Durations>),
}

/// Durations in both forms of a histogram. Nanoseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The shortest and the longest.
    pub extremes: Option<(u64, u64)>,
    /// By [`BUCKET_BOUNDS_NS`](crate::aggregate::BUCKET_BOUNDS_NS), not cumulative.
    pub buckets: [u64; BUCKETS],
    /// By exponential buckets.
    pub exponential: Exponential,
    /// The latest example of each bucket.
    pub examples: [Option<Example>; BUCKETS],
}

impl Durations {
    /// Adds all of `stats`.
    pub(super) fn add(&mut self, stats: &Stats) {
        self.count += stats.timed();
        self.sum = self.sum.saturating_add(stats.sum);
        if let (Some(min), Some(max)) = (stats.min(), stats.max()) {
            let (least, most) = self.extremes.unwrap_or((min, max));
            self.extremes = Some((least.min(min), most.max(max)));
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(stats.buckets) {
            *mine += theirs;
        }
        for (ns, count) in stats.durations() {
            self.exponential.add(ns, count);
        }
    }
}

/// A request that stands for those of its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// Its duration, nanoseconds.
    pub ns: u64,
    /// When it ended: wall clock, nanoseconds since the epoch.
    pub end_unix_ns: u64,
    /// The process that finished it.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// What its spans are called, where it has some.
    pub spans: SpanNames,
}

/// A series.
#[derive(Clone, Debug)]
pub struct Series {
    /// As it stands.
    pub value: Value,
    /// When it began: wall clock, nanoseconds since the epoch.
    pub start_unix_ns: u64,
    /// The window that last told of it.
    pub(super) last: u64,
}

/// Address and port of a peer.
pub(super) fn peer(peer: &str) -> (Label, Label) {
    if let Ok(socket) = peer.parse::<SocketAddr>() {
        return address(socket);
    }
    match peer.strip_prefix("unix:").unwrap_or(peer) {
        "" => (Label::Absent, Label::Absent),
        path => (Label::Text(path.into()), Label::Absent),
    }
}

/// Address and port.
pub(super) fn address(socket: SocketAddr) -> (Label, Label) {
    let address = socket.ip().to_string();
    (Label::Text(address.into()), u32::from(socket.port()).into())
}
