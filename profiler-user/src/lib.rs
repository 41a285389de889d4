//! The user side of wsgiprobe.

pub mod aggregate;
pub mod cli;
pub mod discovery;
pub mod error;
pub mod ingest;
pub mod model;
pub mod output;
pub mod privileges;
pub mod probe;
pub mod request;
pub mod sinks;
pub mod summary;
