//! `cargo xtask check`: what can be said of the code without running it.
//!
//! Every step is done even after one has failed: one run shows all there is to
//! mend. That each `unsafe` has its `SAFETY` line is clippy's to see.

mod kernel;
mod lengths;

use std::process::Command;

use anyhow::{Result, bail};

use crate::progress::Progress;
use crate::workspace::cargo;
use crate::{command, docs};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 7] = [
    ("format", format),
    ("file lengths", lengths::check),
    ("licences, sources and bans", dependencies),
    ("clippy: user space", clippy),
    ("clippy: kernel programs", kernel::clippy),
    ("documentation", documentation),
    ("generated documents", docs::check),
];

/// Does every step; fails if any did.
pub fn run() -> Result<()> {
    let mut progress = Progress::new("check", STEPS.len());
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        if progress.step(name, step).is_err() {
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("to mend: {}", failed.join("; "));
    }
    Ok(())
}

fn format() -> Result<()> {
    command::run(cargo().args(["fmt", "--all", "--check"]))
}

/// Without advisories: a test must not depend on what was published since.
fn dependencies() -> Result<()> {
    anstream::println!("advisories are not read here: `cargo deny check advisories` fetches them");
    command::run(cargo().args([
        "deny",
        "--log-level=error",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}

fn clippy() -> Result<()> {
    command::run(
        user_space("clippy")
            .args(["--all-targets", "--all-features", "--"])
            .arg("--deny=warnings"),
    )
}

/// Private items too: the documentation is for those who work on the code.
fn documentation() -> Result<()> {
    command::run(
        user_space("doc")
            .args(["--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "--deny=warnings"),
    )
}

/// A cargo job for every crate but the one that is built for the kernel.
fn user_space(job: &str) -> Command {
    let mut cargo = cargo();
    cargo.args([job, "--workspace", "--exclude=profiler-ebpf"]);
    cargo
}
