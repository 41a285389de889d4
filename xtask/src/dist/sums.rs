//! SHA-256 of every file that goes out, as `sha256sum --check` reads it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::release::Release;
use crate::command;

pub const NAME: &str = "SHA256SUMS";

/// Writes those of the files that lie in the folder: parts and work are in folders of
/// their own.
pub fn write(release: &Release) -> Result<PathBuf> {
    let mut names = Vec::new();
    for entry in fs::read_dir(&release.folder).context("the folder of packages")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && name != NAME {
            names.push(name);
        }
    }
    names.sort_unstable();
    let mut sums = Command::new("sha256sum");
    sums.current_dir(&release.folder).args(&names);
    let path = release.file(NAME);
    fs::write(&path, command::read(&mut sums)?).context(NAME)?;
    Ok(path)
}
