//! `wsgiprobe compare`: what an instrument costs, and whether a change is better.
//!
//! # Layout
//! - [`figure`]: what is measured of a variant;
//! - [`results`]: what came out, as `--json` writes it; every output is made of these;
//! - [`words`]: what may be said of a ratio;
//! - [`page`]: an HTML file with plots; [`influx`]: points for InfluxDB.

pub mod figure;
pub mod influx;
pub mod page;
pub mod results;
pub mod words;
