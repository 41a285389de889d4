//! The program that builds images and runs containers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result};

/// Works where root may not raise limits and where cgroups are of both versions, and is
/// right elsewhere, too.
const SETTINGS: &str = "\
[containers]
default_ulimits = [\"nofile=20000:20000\", \"nproc=30000:30000\"]
[engine]
cgroup_manager = \"cgroupfs\"
runtime = \"runc\"
";

/// podman, with its settings in a file of ours unless there are others.
pub struct Podman {
    settings: PathBuf,
}

impl Podman {
    /// Writes them.
    pub fn new(folder: &Path) -> Result<Self> {
        let settings = folder.join("containers.conf");
        fs::write(&settings, SETTINGS).context("podman's settings")?;
        Ok(Self { settings })
    }

    /// One of its commands.
    pub fn command(&self, name: &str) -> Command {
        let mut podman = Command::new("podman");
        podman.arg(name);
        if env::var_os("CONTAINERS_CONF").is_none() {
            podman.env("CONTAINERS_CONF", &self.settings);
        }
        podman
    }
}
