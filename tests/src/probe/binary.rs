//! Finds the wsgiprobe to test.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// Names the binary; without it, the one built beside these tests is taken.
pub const VARIABLE: &str = "WSGIPROBE_BIN";

/// The binary under test.
pub fn find() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        let path = PathBuf::from(named);
        return path
            .canonicalize()
            .with_context(|| format!("{VARIABLE}={}", path.display()));
    }
    // target/<profile>/deps/e2e-<hash>: that profile first, then the others.
    let own = std::env::current_exe()?;
    let profile = own.ancestors().nth(2).context("no target directory")?;
    let target = profile.parent().context("no target directory")?;
    let candidates = [
        profile.to_owned(),
        target.join("debug"),
        target.join("release"),
    ];
    let found = candidates
        .iter()
        .map(|folder| folder.join("wsgiprobe"))
        .find(|path| path.exists());
    match found {
        Some(path) => Ok(path),
        None => bail!(
            "no wsgiprobe in {}: build it (`cargo build -p profiler-user`) or name it in {VARIABLE}",
            target.display()
        ),
    }
}
