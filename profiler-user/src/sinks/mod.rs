//! Stub: another branch has the real one.
pub mod influxdb;
pub mod jsonl;
