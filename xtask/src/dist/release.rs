//! What is released: which version, of which commit, from when.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{command, workspace};

/// The processor that is built for, in the words of cargo, and of Debian and RPM.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";
pub const DEBIAN_ARCH: &str = "amd64";
pub const RPM_ARCH: &str = "x86_64";

/// One release, and the folder for its files.
#[derive(Clone)]
pub struct Release {
    /// As Cargo.toml has it.
    pub version: String,
    /// The commit, where this is a checkout.
    pub commit: Option<String>,
    /// When it was committed, in seconds: nothing in the files is newer.
    pub epoch: u64,
    /// `target/dist`.
    pub folder: PathBuf,
}

impl Release {
    /// That of this checkout.
    pub fn of_this_tree() -> Result<Self> {
        let metadata = command::read(workspace::cargo().args([
            "metadata",
            "--no-deps",
            "--format-version=1",
            "--offline",
        ]))?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
        let packages = metadata["packages"].as_array();
        let version = packages
            .into_iter()
            .flatten()
            .find(|package| package["name"] == "profiler-user")
            .and_then(|package| package["version"].as_str())
            .context("profiler-user has no version")?;
        Ok(Self {
            version: version.to_owned(),
            commit: git(&["rev-parse", "HEAD"]),
            epoch: epoch()?,
            folder: workspace::target_dir()?.join("dist"),
        })
    }

    /// A file of it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The same under another version.
    pub fn as_version(&self, version: &str) -> Self {
        Self {
            version: version.to_owned(),
            ..self.clone()
        }
    }

    /// As dpkg and rpm compare versions: `1.0.0~rc1` is before `1.0.0`, and a hyphen would
    /// begin a revision.
    pub fn package_version(&self) -> String {
        self.version.replace('-', "~")
    }

    /// `wsgiprobe-VERSION-x86_64-linux`.
    pub fn tarball_name(&self) -> String {
        format!("wsgiprobe-{}-{RPM_ARCH}-linux", self.version)
    }

    /// In it all that ends up in files is made the same each time
    /// (reproducible-builds.org, `SOURCE_DATE_EPOCH`).
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.dated(&mut command);
        command
    }

    /// Tells a program what time it is.
    pub fn dated(&self, command: &mut Command) {
        command.env("SOURCE_DATE_EPOCH", self.epoch.to_string());
        command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    }
}

/// Whoever builds may say it; otherwise it is the commit's.
fn epoch() -> Result<u64> {
    let said = std::env::var("SOURCE_DATE_EPOCH").ok();
    let said = said.or_else(|| git(&["log", "-1", "--format=%ct"]));
    said.context("no commit and no SOURCE_DATE_EPOCH: from when is this?")?
        .parse()
        .context("SOURCE_DATE_EPOCH is a number of seconds")
}

fn git(arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(workspace::root()).args(arguments);
    command::first_line(&mut git)
}
