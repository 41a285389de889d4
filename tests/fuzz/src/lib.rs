//! What the fuzz targets work on.
//!
//! Parts of `profiler-user` are mounted here as source: to link that crate would
//! mean to build the kernel programs, with the fuzzer's instrumentation.

#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::new_without_default,
    missing_docs,
    reason = "sources of other crates, of which only a part is used here"
)]

#[path = "../../../profiler-common/tests/pairing/host.rs"]
pub mod host;
pub mod input;

#[path = "../../../profiler-user/src/ingest/mod.rs"]
pub mod ingest;
#[path = "../../../profiler-user/src/model.rs"]
pub mod model;

/// What `ingest` asks of the probe.
pub mod probe {
    use profiler_common::intern::Blob;

    /// What records name by hash.
    pub trait Blobs {
        /// The blob of that hash, if it is there.
        fn blob(&self, hash: u64) -> Option<Blob>;
    }
}

#[path = "../../../profiler-user/src/request/patterns.rs"]
pub mod patterns;
#[path = "../../../profiler-user/src/request/route.rs"]
pub mod route;

/// What `ingest` asks of `request`.
pub mod request {
    pub use super::{patterns, route};
}
