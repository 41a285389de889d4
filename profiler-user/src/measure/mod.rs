//! How to measure side by side, and what may be said of it afterwards.
//!
//! Shared with the project's own bench, which must not build the kernel programs:
//! `xtask` includes this file by its path. So nothing here may name another part of
//! either crate, and what only one of them needs is not here.

pub mod machine;
pub mod plan;
pub mod stats;
