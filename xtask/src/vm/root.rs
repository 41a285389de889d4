//! The guests' root file system: a Debian with the servers of the tests.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::apt;
use super::cache::{self, Cache};
use super::kernels::Suite;
use crate::command;
use crate::setup::packages::SERVERS;

/// As the machine that builds: programs of either run on the other.
pub const SUITE: Suite = Suite::Main("bookworm");

/// Room for what is installed and what the tests write, which is thrown away.
const BYTES: u64 = 3 << 30;

/// Nothing is started while it is installed.
const NO_SERVICES: &str = "#!/bin/sh\nexit 101\n";

/// The image of the file system; made once for each list of packages.
pub fn image(cache: &Cache) -> Result<PathBuf> {
    let key = cache::key(&[SUITE.name(), &SERVERS.join(" ")]);
    let name = format!("root-{key}.ext4");
    if !cache.path(&name).exists() {
        remove_others(cache, &name)?;
    }
    cache.made(&name, |image| {
        if !rustix::process::geteuid().is_root() {
            bail!("only root can make the guests' file system (debootstrap)");
        }
        let folder = tempfile::tempdir().context("a folder for the root")?;
        let tree = folder.path().join("root");
        install(&tree)?;
        pack(&tree, image)
    })
}

fn install(tree: &Path) -> Result<()> {
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", SUITE.name()]);
    debootstrap.arg(tree).arg(apt::mirror(SUITE)?);
    command::run_quietly(&mut debootstrap)?;
    let policy = tree.join("usr/sbin/policy-rc.d");
    fs::write(&policy, NO_SERVICES).context("a policy for services")?;
    fs::set_permissions(&policy, Permissions::from_mode(0o755))?;
    let mut apt_get = Command::new("chroot");
    apt_get.arg(tree).args(["apt-get", "install", "--yes"]);
    apt_get.arg("--no-install-recommends").args(SERVERS);
    command::run_quietly(apt_get.env("DEBIAN_FRONTEND", "noninteractive"))?;
    for unneeded in ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc"] {
        cache::remove(&tree.join(unneeded))?;
    }
    fs::create_dir(tree.join("payload")).context("the folder of the payload")
}

/// Needs neither a loop device nor a mount. No journal: it is never written back.
fn pack(tree: &Path, image: &Path) -> Result<()> {
    let file = File::create(image).context("the image")?;
    file.set_len(BYTES).context("the image's size")?;
    let mut mke2fs = Command::new("mke2fs");
    mke2fs.args(["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d"]);
    command::run_quietly(mke2fs.arg(tree).arg(image))
}

fn remove_others(cache: &Cache, name: &str) -> Result<()> {
    for entry in fs::read_dir(cache.path("")).context("the cache")? {
        let entry = entry?;
        let other = entry.file_name().to_string_lossy().into_owned();
        if other.starts_with("root-") && other != name {
            cache::remove(&entry.path())?;
        }
    }
    Ok(())
}
