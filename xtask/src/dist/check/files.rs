//! What can be said of the files without installing them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Scene;
use crate::dist::layout::Pressed;
use crate::dist::{deb, parts, rpm, sums, tarball};
use crate::{command, workspace};

/// Whoever downloads them can check them.
pub fn sums(scene: &Scene<'_>) -> Result<()> {
    let folder = &scene.release.folder;
    let text = fs::read_to_string(folder.join(sums::NAME)).context(sums::NAME)?;
    for file in [&scene.deb, &scene.rpm, &scene.image.archive] {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        ensure!(text.contains(&*name), "{name} has no sum");
    }
    let mut check = Command::new("sha256sum");
    check
        .current_dir(folder)
        .args(["--check", "--strict", "--quiet"]);
    command::run(check.arg(sums::NAME))
}

/// Unpacked anywhere, the program runs.
pub fn tarball(scene: &Scene<'_>) -> Result<()> {
    let folder = scene.folder("unpacked")?;
    let name = scene.release.tarball_name();
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file");
    tar.arg(scene.release.file(&format!("{name}.tar.gz")));
    command::run_quietly(tar.arg("--directory").arg(&folder))?;
    let folder = folder.join(name);
    let mut found = 0;
    for (name, program) in parts::ALL {
        let beside = [folder.join(name), folder.join("completions").join(name)];
        let path = beside.iter().find(|path| path.exists());
        let path = path.with_context(|| format!("{name} is missing"))?;
        let mode = fs::metadata(path)?.permissions().mode() & 0o777;
        ensure!(
            mode == if program { 0o755 } else { 0o644 },
            "{name}: {mode:o}"
        );
        found += fs::metadata(path)?.len();
    }
    ensure!(found > 0, "all of it is empty");
    let said = command::read(Command::new(folder.join(parts::PROGRAM.0)).arg("--version"))?;
    let expected = format!("wsgiprobe {}\n", scene.release.version);
    ensure!(said == expected, "{said}");
    Ok(())
}

/// Of the same parts the same bytes.
pub fn the_same_again(scene: &Scene<'_>) -> Result<()> {
    let folder = scene.folder("again")?;
    let mut elsewhere = scene.release.clone();
    elsewhere.folder.clone_from(&folder);
    let archive = format!("{}.tar.gz", scene.release.tarball_name());
    for (first, second) in [
        (
            scene.release.file(&archive),
            tarball::make(&elsewhere, scene.parts)?,
        ),
        (
            scene.deb.clone(),
            deb::make(&elsewhere, scene.parts, &folder, Pressed::Well)?,
        ),
        (
            scene.rpm.clone(),
            rpm::make(&elsewhere, scene.parts, &folder, Pressed::Well)?,
        ),
    ] {
        let same = fs::read(&first)? == fs::read(&second)?;
        ensure!(same, "{} differs", second.display());
    }
    Ok(())
}

/// Neither where the project lies, nor where cargo keeps crates.
pub fn no_paths(scene: &Scene<'_>) -> Result<()> {
    let binary = fs::read(scene.parts.path(parts::PROGRAM))?;
    let root = workspace::root().display().to_string();
    for path in [root.as_str(), "/registry/src/"] {
        let found = binary
            .windows(path.len())
            .any(|bytes| bytes == path.as_bytes());
        ensure!(!found, "the binary holds {path}");
    }
    Ok(())
}
