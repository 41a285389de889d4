//! A Debian to install packages in, with systemd and Apache.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command;
use crate::vm::apt;
use crate::vm::cache::{self, Cache};
use crate::vm::kernels::Suite;

/// The oldest whose unit files are where this one's is.
const SUITE: Suite = Suite::Main("bookworm");

/// What starts the unit, what shows its capabilities, what it watches, and where it writes.
const PACKAGES: [&str; 5] = [
    "systemd",
    "libcap2-bin",
    "apache2",
    "libapache2-mod-wsgi-py3",
    "influxdb",
];

/// A folder with it; made once for each list of packages. Containers write on top of it.
pub fn folder() -> Result<PathBuf> {
    let cache = Cache::open()?;
    let packages = PACKAGES.join(",");
    let name = format!("package-root-{}", cache::key(&[SUITE.name(), &packages]));
    cache.made(&name, |tree| install(tree, &packages))
}

fn install(tree: &Path, packages: &str) -> Result<()> {
    let mut debootstrap = Command::new("debootstrap");
    debootstrap
        .args(["--variant=minbase", "--include", packages, SUITE.name()])
        .arg(tree)
        .arg(apt::mirror(SUITE)?)
        // A machine that fails now makes it anew: nothing has to be on the disk at once.
        .env("DPKG_FORCE", "unsafe-io");
    command::run_quietly(&mut debootstrap).context("a Debian for containers")?;
    for unneeded in ["var/cache/apt", "var/lib/apt/lists"] {
        cache::remove(&tree.join(unneeded))?;
    }
    Ok(())
}
