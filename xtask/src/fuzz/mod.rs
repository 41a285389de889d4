//! `cargo xtask fuzz`: a fixed number of made-up inputs for all that reads what comes
//! over the wire, and Miri on what is shared with the kernel.
//!
//! The targets, and what each holds them against, are in `tests/fuzz/`. An input that
//! breaks something is left in `tests/fuzz/artifacts/`.

mod miri;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command;
use crate::progress::Progress;
use crate::workspace::{self, cargo};

const TARGETS: [&str; 6] = [
    "head",
    "operations",
    "environ",
    "handover",
    "record",
    "line",
];

/// How much of it.
#[derive(clap::Args)]
pub struct Options {
    /// Inputs for each target.
    #[arg(long, default_value_t = 100_000)]
    runs: u64,
    /// Only this target, and no Miri.
    #[arg(long, value_parser = TARGETS)]
    target: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            runs: 100_000,
            target: None,
        }
    }
}

/// Does every target; fails if any did.
pub fn run(options: &Options) -> Result<()> {
    let targets: Vec<_> = match &options.target {
        Some(target) => vec![target.as_str()],
        None => TARGETS.to_vec(),
    };
    let mut progress = Progress::new("fuzz", targets.len() + 1);
    if command::first_line(cargo().args(["fuzz", "--version"])).is_none() {
        bail!("cargo-fuzz is not installed: `cargo xtask setup`, or `cargo install cargo-fuzz`");
    }
    let mut failed = Vec::new();
    for target in targets {
        let done = progress.step(target, || fuzz(target, options.runs));
        failed.extend(done.is_err().then_some(target));
    }
    match (&options.target, miri::missing()) {
        (Some(_), _) => {}
        (None, Some(why)) => {
            progress.begin();
            progress.say(format_args!("Miri: skipped, {why}"));
        }
        (None, None) => {
            let done = progress.step("Miri", miri::run);
            failed.extend(done.is_err().then_some("Miri"));
        }
    }
    if !failed.is_empty() {
        bail!("to mend: {}", failed.join("; "));
    }
    Ok(())
}

/// The same inputs each time: the committed ones, and what comes of them. New ones
/// are kept apart.
fn fuzz(target: &str, runs: u64) -> Result<()> {
    let found = tempfile::tempdir().context("creating a folder for inputs")?;
    let mut fuzzer = cargo();
    fuzzer.args(["fuzz", "run", "--fuzz-dir=tests/fuzz"]);
    // What it finds needs no sanitizer, which the stable compiler has none of: the
    // code under test has no `unsafe`.
    fuzzer.args(["--sanitizer=none", target]);
    fuzzer.arg(found.path()).arg(corpus(target));
    fuzzer.args(["--", "-seed=1", "-verbosity=0"]);
    fuzzer.arg(format!("-runs={runs}"));
    with_own_target(&mut fuzzer)?;
    command::run_quietly(&mut fuzzer)
}

fn corpus(target: &str) -> PathBuf {
    workspace::root().join("tests/fuzz/corpus").join(target)
}

/// Other flags than the workspace's: in one folder they would undo each other's work.
fn with_own_target(cargo: &mut Command) -> Result<()> {
    cargo.env("CARGO_TARGET_DIR", workspace::target_dir()?.join("fuzz"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_run_and_has_a_corpus() {
        let folder = workspace::root().join("tests/fuzz/fuzz_targets");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        let mut targets = TARGETS;
        targets.sort_unstable();
        assert_eq!(files, targets);
        for target in targets {
            assert!(std::fs::read_dir(corpus(target)).unwrap().count() > 2);
        }
    }
}
