//! Rotel's package: installed by `cargo xtask setup`, or by the first test that needs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A fixed version, so that the cache can be trusted.
pub const PACKAGE: &str = "rotel==0.0.1a15";

/// Its program, if it is in that cache.
#[must_use]
pub fn program(cache: &Path) -> Option<PathBuf> {
    let venv = venv(cache);
    if !venv.join("complete").exists() {
        return None;
    }
    let libraries = fs::read_dir(venv.join("lib")).ok()?.flatten();
    let mut programs =
        libraries.map(|library| library.path().join("site-packages/rotel/rotel-agent"));
    programs.find(|program| program.exists())
}

/// Puts it there.
pub fn install(cache: &Path) -> Result<PathBuf> {
    let venv = venv(cache);
    fs::create_dir_all(cache)?;
    run(Command::new("/usr/bin/python3")
        .args(["-m", "venv", "--clear"])
        .arg(&venv))?;
    run(Command::new(venv.join("bin/pip")).args([
        "install",
        "--quiet",
        "--no-cache-dir",
        PACKAGE,
    ]))?;
    fs::write(venv.join("complete"), "")?;
    program(cache).context("the package has no rotel-agent")
}

fn venv(cache: &Path) -> PathBuf {
    cache.join(PACKAGE.replace("==", "-"))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output();
    let output = output.with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {said}");
    Ok(())
}
