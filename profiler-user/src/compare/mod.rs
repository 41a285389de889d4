//! `wsgiprobe compare`: what an instrument costs, and whether a change is better.
//!
//! # Layout
//! - [`figure`]: what is measured of a variant;
//! - [`results`]: what came out, as `--json` writes it; every output is made of these.

pub mod figure;
pub mod results;
