//! `cargo xtask setup`: what building, testing and the demo need, on a Debian
//! that has rustup and nothing else.
//!
//! Each step looks first and says `already there` when it is: the second run
//! changes nothing and takes about a second. Order matters: the packages bring
//! the compilers and libraries that the later steps build with.

mod apt;
mod cargo_tools;
mod kubernetes;
pub mod packages;
mod rotel;
mod rustup;
mod victoria;

pub use rotel::program as collector;
use std::time::Instant;

use anyhow::Result;

use crate::progress::{Progress, bad, good, seconds};

/// A step that found its work done already, or did it.
enum Done {
    /// Nothing to do; what was found.
    AlreadyThere(String),
    /// Done just now; what was done.
    Now(String),
}

type Step = (&'static str, fn(&Progress) -> Result<Done>);

const STEPS: [Step; 10] = [
    ("rustup", rustup::present),
    ("rustfmt and clippy", rustup::components),
    ("Debian packages", packages::install),
    ("VictoriaMetrics", victoria::install),
    (
        "toolchain for the kernel programs",
        rustup::kernel_toolchain,
    ),
    ("bpf-linker", cargo_tools::bpf_linker),
    ("cargo-deny", cargo_tools::cargo_deny),
    ("cargo-fuzz", cargo_tools::cargo_fuzz),
    ("Rotel", rotel::installed),
    ("Helm, and Kubernetes' schemas", kubernetes::install),
];

/// Does every step; stops at the first that fails, as the next may build on it.
pub fn run() -> Result<()> {
    let mut progress = Progress::new("setup", STEPS.len());
    for (name, step) in STEPS {
        progress.begin();
        let began = Instant::now();
        match step(&progress) {
            Ok(Done::AlreadyThere(what)) => {
                progress.say(format_args!("{name}: already there ({what})"));
            }
            Ok(Done::Now(what)) => {
                let took = seconds(began.elapsed());
                progress.say(format_args!("{name}: {} in {took} ({what})", good("done")));
            }
            Err(error) => {
                progress.say(format_args!("{name}: {}", bad("FAILED")));
                return Err(error);
            }
        }
    }
    Ok(())
}
