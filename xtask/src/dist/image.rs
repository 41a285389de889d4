//! The container image: from nothing, with the binary and the authorities for TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::parts::{self, Parts};
use super::podman::Podman;
use super::release::Release;
use crate::{command, workspace};

const CONTAINERFILE: &str = "deploy/image/Containerfile";

/// Debian's copy of Mozilla's list (package ca-certificates): not this machine's bundle,
/// to which its owner may have added others.
const AUTHORITIES: &str = "/usr/share/ca-certificates/mozilla";

/// All that is in it, not compressed.
const MOST_BYTES: u64 = 15_000_000;

/// What is said of it.
pub struct Image {
    /// `localhost/wsgiprobe:VERSION`.
    pub tag: String,
    /// The archive, for `podman load` and `docker load`.
    pub archive: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Builds it, and saves it as an archive.
pub fn make(release: &Release, parts: &Parts) -> Result<Image> {
    let context = tempfile::tempdir().context("a folder for the image")?;
    let settings = tempfile::tempdir().context("a folder for podman's settings")?;
    let podman = Podman::new(settings.path())?;
    for part in [
        parts::PROGRAM,
        parts::MIT,
        parts::APACHE,
        parts::THIRD_PARTY,
    ] {
        parts.install(part, &context.path().join(part.0))?;
    }
    let bundle = context.path().join("ca-certificates.crt");
    fs::write(&bundle, authorities(Path::new(AUTHORITIES))?).context("the authorities")?;
    parts::set_mode(&bundle, false)?;

    let tag = format!("localhost/wsgiprobe:{}", release.version);
    let mut build = podman.command("build");
    build
        .args(["--format=oci", "--quiet", "--tag", &tag])
        .arg(format!("--timestamp={}", release.epoch))
        .arg("--file")
        .arg(workspace::root().join(CONTAINERFILE));
    for (name, value) in labels(release) {
        build.arg(format!("--label=org.opencontainers.image.{name}={value}"));
    }
    command::run_quietly(build.arg(context.path()))?;

    let bytes = size(&podman, &tag)?;
    ensure!(
        bytes <= MOST_BYTES,
        "the image has {bytes} bytes, and {MOST_BYTES} are allowed"
    );
    let archive = release.file(&format!("wsgiprobe-{}-image.tar", release.version));
    // It is not written over an old one.
    crate::vm::cache::remove(&archive)?;
    let mut save = podman.command("save");
    save.args(["--format=docker-archive", "--quiet", "--output"]);
    command::run_quietly(save.arg(&archive).arg(&tag))?;
    Ok(Image {
        tag,
        archive,
        bytes,
    })
}

/// The OCI Image Format Specification's, `annotations.md`.
fn labels(release: &Release) -> Vec<(&'static str, String)> {
    let mut labels = vec![
        ("title", "wsgiprobe".to_owned()),
        (
            "description",
            "Request profiler for Apache and mod_wsgi (eBPF)".to_owned(),
        ),
        ("version", release.version.clone()),
        ("licenses", "MIT OR Apache-2.0".to_owned()),
    ];
    if let Some(commit) = &release.commit {
        labels.push(("revision", commit.clone()));
    }
    labels
}

/// All certificates of the folder, in the order of their names.
fn authorities(folder: &Path) -> Result<Vec<u8>> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("{}: install ca-certificates", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry?.path());
    }
    files.sort_unstable();
    let mut bundle = Vec::new();
    for file in files {
        bundle.extend(fs::read(&file).with_context(|| file.display().to_string())?);
    }
    ensure!(!bundle.is_empty(), "{}: no authorities", folder.display());
    Ok(bundle)
}

fn size(podman: &Podman, tag: &str) -> Result<u64> {
    let mut inspect: Command = podman.command("image");
    inspect.args(["inspect", "--format={{.Size}}", tag]);
    let said = command::read(&mut inspect)?;
    said.trim().parse().context("podman tells no size")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        authorities(folder.path()).unwrap_err();
        for name in ["b.crt", "a.crt"] {
            fs::write(folder.path().join(name), format!("{name}\n")).unwrap();
        }
        assert_eq!(authorities(folder.path()).unwrap(), b"a.crt\nb.crt\n");
    }
}
