//! What a request's spans are called. Made of the request itself, so that an example in a
//! histogram and the span, which go different ways, agree.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::model::Request;

/// The names of a request's spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanNames([u64; 2]);

impl SpanNames {
    /// Of no other request: no thread reads two at one time.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let half = |which: u8| {
            let mut hasher = DefaultHasher::new();
            which.hash(&mut hasher);
            request.time_unix_ns.hash(&mut hasher);
            request.end_unix_ns.hash(&mut hasher);
            (request.pid, request.tid).hash(&mut hasher);
            (request.client, request.server).hash(&mut hasher);
            // Zero means that there is none.
            hasher.finish() | 1
        };
        Self([half(0), half(1)])
    }

    /// The trace that they make.
    #[must_use]
    pub fn trace(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.0[0].to_be_bytes());
        id[8..].copy_from_slice(&self.0[1].to_be_bytes());
        id
    }

    /// One of them; 0 is the request's own.
    #[must_use]
    pub fn span(&self, place: u8) -> [u8; 8] {
        let mut hasher = DefaultHasher::new();
        (self.0, place).hash(&mut hasher);
        (hasher.finish() | 1).to_be_bytes()
    }
}
