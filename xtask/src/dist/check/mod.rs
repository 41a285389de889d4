//! Whether what was made can be used: each package is installed, changed, upgraded and
//! removed, the unit started by a real systemd, and the image run.

mod container;
mod deb;
mod files;
mod image;
mod names;
mod node;
mod root;
mod rpm;
mod unit;
mod watched;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::image::Image;
use super::layout::Pressed;
use super::parts::{self, Parts};
use super::podman::Podman;
use super::release::Release;
use super::{deb as debian, rpm as red_hat};
use crate::progress::Progress;
use crate::test::Tally;
use crate::vm::cache;

/// Lower than any that is released.
const OLDER: &str = "0.0.1";

/// A line that only the older one's configuration has.
const OLDER_LINE: &str = "# Only in the older version.\n";

/// What there is to check with.
pub struct Scene<'a> {
    release: &'a Release,
    parts: &'a Parts,
    image: &'a Image,
    podman: Podman,
    /// A Debian.
    root: PathBuf,
    /// Packages of this version.
    deb: PathBuf,
    rpm: PathBuf,
    /// Packages of an older version, with another configuration.
    older_deb: PathBuf,
    older_rpm: PathBuf,
    work: TempDir,
}

type Check = fn(&Scene<'_>) -> Result<()>;

const CHECKS: [(&str, Check); 15] = [
    ("the sums are right", files::sums),
    ("the tarball has all of it", files::tarball),
    ("the same is made again", files::the_same_again),
    ("no path of this machine is in the binary", files::no_paths),
    (
        "the .deb installs, and goes without a trace",
        deb::comes_and_goes,
    ),
    ("the .deb is upgraded", deb::upgrades),
    ("the .deb's shells and manual find it", deb::is_found),
    ("the unit is sound", unit::is_sound),
    ("what the unit grants is enough", unit::grants_enough),
    ("the unit runs confined, under systemd", unit::runs),
    ("the .rpm has all of it", rpm::has_all),
    (
        "the .rpm installs, is upgraded and goes",
        rpm::comes_and_goes,
    ),
    ("the image watches an Apache", image::watches),
    ("the image finds hosts by name", names::are_found),
    ("the image watches a node's containers", node::is_seen),
];

/// Steps of [`run`].
pub const STEPS: usize = CHECKS.len() + 1;

/// Does every check, also after one has failed.
pub fn run(
    progress: &mut Progress,
    release: &Release,
    parts: &Parts,
    image: &Image,
) -> Result<Tally> {
    let scene = progress.step("a Debian, and packages of an older version", || {
        Scene::set(release, parts, image)
    })?;
    let mut tally = Tally::default();
    for (name, check) in CHECKS {
        match progress.step(name, || check(&scene)) {
            Ok(()) => tally.passed += 1,
            Err(_) => tally.failed += 1,
        }
    }
    Ok(tally)
}

impl<'a> Scene<'a> {
    fn set(release: &'a Release, parts: &'a Parts, image: &'a Image) -> Result<Self> {
        let work = tempfile::tempdir().context("a folder for the checks")?;
        // Apache's workers are another user, and temporary folders are private.
        fs::set_permissions(work.path(), fs::Permissions::from_mode(0o755))?;
        let root = root::folder()?;
        let older = release.as_version(OLDER);
        if older.version == release.version {
            bail!("{OLDER} is the version itself");
        }
        let older_parts = parts.copied(&work.path().join("older"))?;
        let mut config = OpenOptions::new()
            .append(true)
            .open(older_parts.path(parts::CONFIG))?;
        config.write_all(OLDER_LINE.as_bytes())?;
        let folder = work.path();
        Ok(Self {
            release,
            parts,
            image,
            podman: Podman::new(folder)?,
            root,
            deb: debian::file(release, &release.folder),
            rpm: red_hat::file(release, &release.folder),
            older_deb: debian::make(&older, &older_parts, folder, Pressed::Little)?,
            older_rpm: red_hat::make(&older, &older_parts, folder, Pressed::Little)?,
            work,
        })
    }

    /// A folder of its own for a check, empty.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.work.path().join(name);
        cache::remove(&folder)?;
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(folder)
    }
}
