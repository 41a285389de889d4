//! The guests' root file system: a Debian with the servers of the tests.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::apt::{self, Apt};
use super::cache::{self, Cache};
use super::kernels::{Arch, Suite};
use crate::command;
use crate::setup::packages::SERVERS;

/// As the machine that builds: programs of either run on the other.
pub const SUITE: Suite = Suite::Main("bookworm");

/// Room for what is installed and what the tests write, which is thrown away.
const BYTES: u64 = 3 << 30;

/// Nothing is started while it is installed.
const NO_SERVICES: &str = "#!/bin/sh\nexit 101\n";

/// What of Debian's base Apache and the tests need, where nothing is installed but
/// only unpacked.
const BASE: [&str; 9] = [
    "base-files",
    "base-passwd",
    "bash",
    "coreutils",
    "dash",
    "libc-bin",
    "media-types",
    "netbase",
    "util-linux",
];

/// Those of the servers that work without having been configured.
const PLAIN_SERVERS: [&str; 2] = ["apache2", "libapache2-mod-wsgi-py3"];

/// The image of the file system; made once for each list of packages.
pub fn image(cache: &Cache, arch: Arch) -> Result<PathBuf> {
    let prefix = format!("root-{}-", arch.debian());
    let packages = [&BASE[..], &SERVERS].concat().join(" ");
    let key = cache::key(&[SUITE.name(), &packages]);
    let name = format!("{prefix}{key}.ext4");
    if !cache.path(&name).exists() {
        remove_others(cache, &prefix)?;
    }
    cache.made(&name, |image| {
        if !rustix::process::geteuid().is_root() {
            bail!("only root can make the guests' file system");
        }
        let folder = tempfile::tempdir().context("a folder for the root")?;
        let tree = folder.path().join("root");
        match arch {
            Arch::Amd64 => install(&tree)?,
            Arch::Arm64 => unpack(cache, arch, &tree)?,
        }
        fs::create_dir(tree.join("payload")).context("the folder of the payload")?;
        pack(&tree, image)
    })
}

/// For a processor whose programs do not run here: no script of a package runs, so
/// what they would have made is made here.
fn unpack(cache: &Cache, arch: Arch, tree: &Path) -> Result<()> {
    let apt = Apt::updated(cache, SUITE, arch)?;
    apt.unpack_with_dependencies(&[&BASE[..], &PLAIN_SERVERS].concat(), tree)?;
    for name in ["passwd", "group"] {
        let master = tree.join(format!("usr/share/base-passwd/{name}.master"));
        fs::copy(master, tree.join("etc").join(name)).context("the accounts")?;
    }
    for folder in ["proc", "sys", "dev", "run", "tmp"] {
        fs::create_dir_all(tree.join(folder))?;
    }
    let shell = tree.join("bin/sh");
    if !shell.exists() {
        symlink("dash", shell).context("the shell")?;
    }
    Ok(())
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
    Ok(())
}

/// Needs neither a loop device nor a mount. No journal: it is never written back.
fn pack(tree: &Path, image: &Path) -> Result<()> {
    let file = File::create(image).context("the image")?;
    file.set_len(BYTES).context("the image's size")?;
    let mut mke2fs = Command::new("mke2fs");
    mke2fs.args(["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d"]);
    command::run_quietly(mke2fs.arg(tree).arg(image))
}

fn remove_others(cache: &Cache, prefix: &str) -> Result<()> {
    for entry in fs::read_dir(cache.path("")).context("the cache")? {
        let entry = entry?;
        let other = entry.file_name().to_string_lossy().into_owned();
        if other.starts_with(prefix) {
            cache::remove(&entry.path())?;
        }
    }
    Ok(())
}
