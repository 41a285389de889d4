//! Where things are in this repository, and cargo to build them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result};

use crate::command;

/// The repository's top folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
}

/// cargo, in the workspace, as a developer would call it.
///
/// `cargo xtask` describes the package it runs to its child. Handed on, that
/// would look like a change to packages which watch it, and rebuild them.
pub fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root());
    for (name, _) in std::env::vars_os() {
        if is_of_this_package(&name) {
            cargo.env_remove(name);
        }
    }
    cargo
}

fn is_of_this_package(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// Where cargo puts what it builds.
pub fn target_dir() -> Result<PathBuf> {
    let metadata =
        command::read(cargo().args(["metadata", "--no-deps", "--format-version=1", "--offline"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).context("reading cargo's metadata")?;
    let folder = metadata["target_directory"]
        .as_str()
        .context("cargo's metadata names no target directory")?;
    Ok(PathBuf::from(folder))
}

/// What [`take`] was told.
static TAKEN: OnceLock<PathBuf> = OnceLock::new();

/// The wsgiprobe to test, run or show: the one `WSGIPROBE_BIN` names, else the one that was
/// taken, else this workspace's own, built for release.
pub fn wsgiprobe() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("WSGIPROBE_BIN") {
        return std::path::absolute(given).context("WSGIPROBE_BIN is no path");
    }
    if let Some(taken) = TAKEN.get() {
        return Ok(taken.clone());
    }
    command::run(cargo().args(["build", "--release", "--package=profiler-user"]))?;
    release_binary()
}

/// From here on this one is meant where none is named: no other is built.
pub fn take(binary: PathBuf) {
    // The first one stays.
    let _ = TAKEN.set(binary);
}

/// Where cargo puts the wsgiprobe that it builds for release.
pub fn release_binary() -> Result<PathBuf> {
    Ok(target_dir()?.join("release/wsgiprobe"))
}
