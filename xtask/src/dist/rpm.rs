//! The package for Fedora, RHEL, SUSE and their kin, built by rpm's own `rpmbuild`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::layout::{self, Kind, Pressed};
use super::parts::Parts;
use super::release::{RPM_ARCH, Release};
use crate::{command, workspace};

/// All that does not depend on where the parts go.
const SPEC: &str = "deploy/package/rpm/wsgiprobe.spec";

/// Makes it, into `folder`.
pub fn make(release: &Release, parts: &Parts, folder: &Path, pressed: Pressed) -> Result<PathBuf> {
    let work = tempfile::tempdir().context("a folder for the package")?;
    let staged = work.path().join("staged");
    Kind::Rpm.lay_out(release, parts, &staged)?;
    let list = work.path().join("files");
    fs::write(&list, files()).context("the list of files")?;

    let mut build = release.command("rpmbuild");
    build.args(["-bb", "--quiet", "--target", RPM_ARCH]);
    for (name, value) in [
        ("_topdir", work.path().display().to_string()),
        ("_rpmdir", folder.display().to_string()),
        ("_rpmfilename", file_name(release)),
        ("staged", staged.display().to_string()),
        ("list", list.display().to_string()),
        ("release_version", release.package_version()),
        ("_binary_payload", payload(pressed).to_owned()),
    ] {
        build.arg("--define").arg(format!("{name} {value}"));
    }
    command::run_quietly(build.arg(workspace::root().join(SPEC)))?;
    Ok(file(release, folder))
}

/// In rpm's words; RHEL knows zstd since 8.
const fn payload(pressed: Pressed) -> &'static str {
    match pressed {
        Pressed::Well => "w19.zstdio",
        Pressed::Little => "w1.zstdio",
    }
}

/// Where it is made.
pub fn file(release: &Release, folder: &Path) -> PathBuf {
    folder.join(file_name(release))
}

fn file_name(release: &Release) -> String {
    format!("wsgiprobe-{}-1.{RPM_ARCH}.rpm", release.package_version())
}

/// For `%files -f`.
fn files() -> String {
    let mut list = String::new();
    for (_, place) in Kind::Rpm.places() {
        let (mark, end) = match place.as_str() {
            layout::CONFIG => ("%config(noreplace) ", ""),
            layout::MANUAL => ("%doc ", ".gz"),
            _ if place.starts_with(layout::DOCUMENTS) => ("%doc ", ""),
            _ if place.contains("/licenses/") => ("%license ", ""),
            _ => ("", ""),
        };
        // Writing to a String does not fail.
        let _ = writeln!(list, "{mark}/{place}{end}");
    }
    list
}
