//! The OpenTelemetry collector that tests send to: a Python package with a program in it.

use std::path::PathBuf;

use anyhow::Result;

use super::Done;
use crate::progress::Progress;
use crate::workspace;

#[path = "../../../tests/src/rotel/install.rs"]
mod install;

/// Where the tests look for it.
pub fn installed(progress: &Progress) -> Result<Done> {
    let cache = cache()?;
    if install::program(&cache).is_some() {
        return Ok(Done::AlreadyThere(install::PACKAGE.to_owned()));
    }
    progress.say(format_args!("pip install {}", install::PACKAGE));
    let program = install::install(&cache)?;
    Ok(Done::Now(program.display().to_string()))
}

/// Its program, if it is installed.
pub fn program() -> Result<Option<PathBuf>> {
    Ok(install::program(&cache()?))
}

/// `$XDG_CACHE_HOME/wsgiprobe`, else beside the build: as the harness has it.
fn cache() -> Result<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").filter(|named| !named.is_empty());
    Ok(match named {
        Some(named) => PathBuf::from(named).join("wsgiprobe"),
        None => workspace::target_dir()?.join("wsgiprobe-cache"),
    })
}
