//! The archive for whoever has no package manager, or another.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::parts::{self, Parts};
use super::release::Release;
use crate::command;

/// Makes it.
pub fn make(release: &Release, parts: &Parts) -> Result<PathBuf> {
    let name = release.tarball_name();
    let work = tempfile::tempdir().context("a folder for the archive")?;
    let folder = work.path().join(&name);
    for part in parts::ALL {
        parts.install(part, &folder.join(place(part.0)))?;
    }
    let path = release.file(&format!("{name}.tar.gz"));
    let mut tar = release.command("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mode=u=rwX,go=rX", "--format=gnu"])
        .arg(format!("--mtime=@{}", release.epoch))
        // Without the time at which it was compressed.
        .args(["--use-compress-program=gzip --best --no-name", "--create"])
        .arg("--file")
        .arg(&path)
        .arg("--directory")
        .arg(work.path())
        .arg(&name);
    command::run_quietly(&mut tar)?;
    fs::metadata(&path).context("the archive")?;
    Ok(path)
}

/// The shells' files have a folder, the rest lies on top.
fn place(name: &str) -> String {
    let completions = [parts::BASH.0, parts::ZSH.0, parts::FISH.0];
    if completions.contains(&name) {
        return format!("completions/{name}");
    }
    name.to_owned()
}
