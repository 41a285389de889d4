//! `cargo xtask docs`: the documents that are made of the code.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::command;
use crate::workspace::{cargo, root};

/// Writes them.
pub fn run() -> Result<()> {
    let path = metrics();
    fs::write(&path, written()?).with_context(|| path.display().to_string())?;
    anstream::println!("written: {}", path.display());
    Ok(())
}

/// Fails if they are not what would be written.
pub fn check() -> Result<()> {
    let path = metrics();
    let found = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    ensure!(
        found == written()?,
        "{} is stale: run `cargo xtask docs`",
        path.display()
    );
    Ok(())
}

fn metrics() -> PathBuf {
    root().join("docs/metrics.md")
}

fn written() -> Result<String> {
    command::read(cargo().args([
        "run",
        "--quiet",
        "--package=profiler-user",
        "--example=metrics_document",
    ]))
}
