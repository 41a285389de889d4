//! `cargo xtask vendor`: hold the chart library in the repository against npm's, by the
//! integrity that is recorded here.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{command, workspace};

const PACKAGE: &str = "uplot@1.6.32";

/// `dist.integrity` of it, which npm checks what it fetched against.
const INTEGRITY: &str = "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+\
                         jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==";

const FOLDER: &str = "profiler-user/assets/vendor/uplot";

/// Files of ours, and of the package.
const FILES: [(&str, &str); 3] = [
    ("uPlot.iife.min.js", "package/dist/uPlot.iife.min.js"),
    ("uPlot.min.css", "package/dist/uPlot.min.css"),
    ("LICENSE", "package/LICENSE"),
];

/// What to do about a difference.
#[derive(clap::Args)]
pub struct Options {
    /// Put npm's files into the repository
    #[arg(long)]
    update: bool,
}

/// Fetches the package, and compares or replaces.
pub fn run(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let said = command::read(
        Command::new("npm")
            .args(["pack", PACKAGE, "--json", "--pack-destination"])
            .arg(folder.path()),
    )?;
    let said: serde_json::Value = serde_json::from_str(&said).context("npm's answer")?;
    let packed = &said[0];
    ensure!(
        packed["integrity"] == INTEGRITY,
        "npm has another {PACKAGE}: {}, not {INTEGRITY}",
        packed["integrity"]
    );
    let file = packed["filename"].as_str().context("npm names no file")?;
    command::run_quietly(
        Command::new("tar")
            .arg("xzf")
            .arg(folder.path().join(file))
            .arg("-C")
            .arg(folder.path()),
    )?;
    let ours = workspace::root().join(FOLDER);
    for (name, path) in FILES {
        one(&folder.path().join(path), &ours.join(name), options.update)?;
    }
    anstream::println!("{FOLDER} is {PACKAGE}, {INTEGRITY}");
    Ok(())
}

fn one(theirs: &Path, ours: &Path, update: bool) -> Result<()> {
    if update {
        fs::copy(theirs, ours).with_context(|| format!("writing {}", ours.display()))?;
        return Ok(());
    }
    let same = fs::read(theirs)? == fs::read(ours)?;
    ensure!(
        same,
        "{} is not that of {PACKAGE}: cargo xtask vendor --update",
        ours.display()
    );
    Ok(())
}
