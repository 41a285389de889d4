//! `cargo xtask bench`: what wsgiprobe costs, measured so that it can be believed.
//!
//! # Layout
//! - [`overhead`]: all variants against the bare server, in interleaved rounds:
//!   the [`plan`] says in which order, a [`sample`] is one measurement (of an
//!   [`apache`], under a [`load`], with a [`probe`] or none);
//! - [`tax`]: what others pay who are not watched, one of the [`calls`] at a time;
//! - [`lineup`]: `wsgiprobe compare` on the instruments of `deploy/compare`;
//! - [`rate`]: whether anything is lost when the server is as fast as it can be;
//! - [`node`]: what a node full of containers costs, idle;
//! - [`cpu`], [`bpf`], [`machine`]: figures that the kernel keeps ([`measure`] is shared
//!   with `wsgiprobe compare`);
//! - [`stats`] makes estimates of them, [`results`] puts them together, [`report`]
//!   prints them ([`table`]), and [`goals`] holds them against what was promised.

mod apache;
mod bpf;
mod calls;
mod cpu;
mod goals;
mod lineup;
mod load;
#[path = "../../../profiler-user/src/measure/mod.rs"]
mod measure;
mod node;
mod overhead;
mod probe;
mod rate;
mod report;
mod results;
mod rounds;
mod sample;
mod table;
mod tax;
mod variant;

use anyhow::Result;
use measure::{machine, plan, stats};

use crate::root;

/// What is measured.
#[derive(clap::Subcommand)]
pub enum Bench {
    /// Throughput, latency, CPU and memory: wsgiprobe and instruments in the
    /// process against the bare server, in interleaved rounds.
    Overhead(overhead::Options),
    /// `wsgiprobe compare` on the usual instruments, one of them wsgiprobe.
    LineUp(lineup::Options),
    /// What the system calls of an unwatched process cost more.
    Tax(tax::Options),
    /// Whether a request is lost at the highest rate that Apache reaches.
    Rate(rate::Options),
    /// A simulated node, full of containers that do nothing: how long the start takes,
    /// and whether CPU and memory stay within what the manifests allow.
    Node(node::Options),
}

/// Measures it.
pub fn run(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Overhead(options) => {
            root::require("bench overhead")?;
            overhead::run(options)
        }
        Bench::LineUp(options) => {
            root::require("bench line-up")?;
            lineup::run(options)
        }
        Bench::Tax(options) => {
            root::require("bench tax")?;
            tax::run(options)
        }
        Bench::Rate(options) => {
            root::require("bench rate")?;
            rate::run(options)
        }
        Bench::Node(options) => {
            root::require("bench node")?;
            node::run(options)
        }
    }
}
