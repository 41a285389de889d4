//! The package for Debian and what descends from it.
//!
//! Built by `dpkg-deb` alone: nothing has to be installed for it, and the binary is the one
//! that is there already.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::layout::{self, Kind, Pressed};
use super::parts::{self, Parts};
use super::release::{DEBIAN_ARCH, Release};
use crate::{command, workspace};

/// What dpkg runs (Debian Policy Manual, chapter 6), and the copyright (12.5).
const FOLDER: &str = "deploy/package/debian";
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];
const COPYRIGHT: &str = "copyright";

/// Makes it, into `folder`.
pub fn make(release: &Release, parts: &Parts, folder: &Path, pressed: Pressed) -> Result<PathBuf> {
    let work = tempfile::tempdir().context("a folder for the package")?;
    let root = work.path().join("root");
    Kind::Deb.lay_out(release, parts, &root)?;
    let ours = workspace::root().join(FOLDER);
    let copyright = root.join(layout::DOCUMENTS).join(COPYRIGHT);
    copy(&ours.join(COPYRIGHT), &copyright, false)?;

    let sums = sums(&root)?;
    let control = root.join("DEBIAN");
    write(
        &control.join("control"),
        &fields(release, kibibytes(&root)?),
    )?;
    write(
        &control.join("conffiles"),
        &format!("/{}\n", layout::CONFIG),
    )?;
    write(&control.join("md5sums"), &sums)?;
    for script in SCRIPTS {
        copy(&ours.join(script), &control.join(script), true)?;
    }

    let path = file(release, folder);
    let mut build = release.command("dpkg-deb");
    // xz: that of Debian 11 knows no zstd.
    build.args(["--root-owner-group", "-Zxz"]);
    if pressed == Pressed::Little {
        build.arg("-z0");
    }
    build.arg("--build");
    command::run_quietly(build.arg(&root).arg(&path))?;
    Ok(path)
}

/// Where it is made.
pub fn file(release: &Release, folder: &Path) -> PathBuf {
    let version = release.package_version();
    folder.join(format!("wsgiprobe_{version}_{DEBIAN_ARCH}.deb"))
}

/// Debian Policy Manual, chapter 5. Static: it depends on nothing.
fn fields(release: &Release, kibibytes: u64) -> String {
    format!(
        "Package: wsgiprobe\n\
         Version: {}\n\
         Architecture: {DEBIAN_ARCH}\n\
         Maintainer: the wsgiprobe authors <wsgiprobe@wsgiprobe.invalid>\n\
         Installed-Size: {kibibytes}\n\
         Recommends: ca-certificates\n\
         Suggests: apache2, libapache2-mod-wsgi-py3\n\
         Section: admin\n\
         Priority: optional\n\
         Description: request profiler for Apache and mod_wsgi\n \
         Shows which requests an Apache with mod_wsgi serves, how long each takes and\n \
         where the time goes, from the kernel (eBPF): without touching a line or a\n \
         setting of the server.\n",
        release.package_version()
    )
}

fn write(path: &Path, text: &str) -> Result<()> {
    parts::place(path)?;
    fs::write(path, text).with_context(|| path.display().to_string())?;
    parts::set_mode(path, false)
}

fn copy(from: &Path, to: &Path, program: bool) -> Result<()> {
    parts::place(to)?;
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    parts::set_mode(to, program)
}

/// Of all files but the configuration, as `dpkg --verify` reads them.
fn sums(root: &Path) -> Result<String> {
    let mut find = Command::new("find");
    find.current_dir(root);
    find.args([".", "-type", "f", "-printf", "%P\\n"]);
    let mut names: Vec<String> = command::read(&mut find)?
        .lines()
        .filter(|name| *name != layout::CONFIG)
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    command::read(Command::new("md5sum").current_dir(root).args(&names))
}

fn kibibytes(root: &Path) -> Result<u64> {
    let mut du = Command::new("du");
    let said = command::read(du.args(["--apparent-size", "-sk"]).arg(root))?;
    let number = said.split_ascii_whitespace().next().unwrap_or_default();
    number.parse().context("du printed no size")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_dpkgs() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let release = Release {
            version: "1.2-rc1".to_owned(),
            commit: None,
            epoch: 0,
            folder: folder.path().to_owned(),
        };
        write(&root.join("DEBIAN/control"), &fields(&release, 7)).unwrap();
        let package = folder.path().join("x.deb");
        let mut build = Command::new("dpkg-deb");
        command::run_quietly(build.arg("--build").arg(&root).arg(&package)).unwrap();
        let mut show = Command::new("dpkg-deb");
        show.arg("--show").arg(&package);
        assert_eq!(command::read(&mut show).unwrap(), "wsgiprobe\t1.2~rc1\n");
    }
}
