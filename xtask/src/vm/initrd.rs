//! What the kernel starts with: busybox, some modules, `/init`; and the
//! payload, which travels as a second archive behind the first.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::apt::Apt;
use super::cache::{self, Cache};
use super::fetch::Fetched;
use super::kernels::Arch;
use super::root;
use crate::command;

const INIT: &str = include_str!("init.sh");

/// What a virtio disk needs, and by what the tests ask for a socket; where it is not
/// built in.
const MODULES: [&str; 9] = [
    "virtio",
    "virtio_ring",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_blk",
    "ext4",
    "inet_diag",
    "tcp_diag",
];

/// The first archive for this kernel.
pub fn for_kernel(cache: &Cache, kernel: &Fetched, arch: Arch) -> Result<PathBuf> {
    let busybox = busybox(cache, arch)?;
    let key = cache::key(&[INIT, &MODULES.join(" ")]);
    let name = format!("initrd/{}-{key}.cpio", kernel.release);
    cache.made(&name, |archive| {
        let folder = tempfile::tempdir().context("a folder for the initrd")?;
        let tree = folder.path();
        for name in ["bin", "dev", "proc", "sys", "new", "payload", "modules"] {
            fs::create_dir(tree.join(name))?;
        }
        fs::copy(busybox, tree.join("bin/busybox")).context("busybox")?;
        fs::write(tree.join("init"), INIT)?;
        fs::set_permissions(tree.join("init"), Permissions::from_mode(0o755))?;
        for module in MODULES {
            if let Some(found) = find(&kernel.modules, module)? {
                let copy = tree.join(format!("modules/{module}.ko"));
                decompress(&found, &copy)?;
            }
        }
        pack(tree, archive)
    })
}

/// Debian's static one.
fn busybox(cache: &Cache, arch: Arch) -> Result<PathBuf> {
    let name = format!("busybox-{}", arch.debian());
    let tree = cache.made(&name, |tree| {
        Apt::updated(cache, root::SUITE, arch)?.unpack(&["busybox-static"], tree)
    })?;
    let places = ["bin/busybox", "usr/bin/busybox"].map(|name| tree.join(name));
    let found = places.into_iter().find(|place| place.exists());
    found.context("no busybox in busybox-static")
}

/// The file of that module below `folder`, compressed or not.
fn find(folder: &Path, module: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            let found = find(&path, module)?;
            if found.is_some() {
                return Ok(found);
            }
        } else {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name
                .split_once(".ko")
                .is_some_and(|(stem, _)| stem == module)
            {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

fn decompress(from: &Path, to: &Path) -> Result<()> {
    let program = match from.extension().and_then(|name| name.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => "cat",
    };
    let mut command = Command::new(program);
    if program != "cat" {
        command.args(["--decompress", "--stdout", "--quiet"]);
    }
    command::run(command.arg(from).stdout(File::create(to)?))
}

/// Writes everything below `tree` as an archive for the kernel, all of it root's.
/// Not compressed: an emulated processor copies quicker than it decompresses.
pub fn pack(tree: &Path, archive: &Path) -> Result<()> {
    let mut find = Command::new("find");
    find.args([".", "-print0"]).current_dir(tree);
    let mut names = find.stdout(Stdio::piped()).spawn().context("find")?;
    let mut cpio = Command::new("cpio");
    cpio.args(["--create", "--null", "--format=newc", "--quiet"]);
    cpio.arg("--owner=0:0").current_dir(tree);
    cpio.stdin(names.stdout.take().expect("stdout is piped"));
    command::run(cpio.stdout(File::create(archive)?))?;
    ensure!(names.wait()?.success(), "find failed");
    Ok(())
}
