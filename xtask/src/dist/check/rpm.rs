//! The .rpm, by rpm itself: in a root of its own, as no image of such a distribution is
//! to be had here.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{OLDER, OLDER_LINE, Scene};
use crate::command;
use crate::dist::layout::{self, Kind};

const CHANGE: &str = "max-routes = 321\n";

/// What rpmlint calls an error, and is left: static is the purpose, whoever publishes the
/// package signs it, and what changed is in the repository.
const TOLERATED: [&str; 4] = [
    "statically-linked-binary",
    "no-signature",
    "no-packager-tag",
    "no-changelogname-tag",
];

/// Its list is the layout's, its scripts are shell, and rpmlint finds no fault.
pub fn has_all(scene: &Scene<'_>) -> Result<()> {
    let mut query = Command::new("rpm");
    let listed = command::read(query.args(["-qlp"]).arg(&scene.rpm))?;
    for (_, place) in Kind::Rpm.places() {
        let found = listed.lines().any(|line| {
            let path = line.trim_start_matches('/');
            path == place || path == format!("{place}.gz")
        });
        ensure!(found, "{place} is not in it: {listed}");
    }
    let mut query = Command::new("rpm");
    query.args(["-qp", "--queryformat=%{POSTIN}\n%{PREUN}\n%{POSTUN}\n"]);
    let scripts = command::read(query.arg(&scene.rpm))?;
    ensure!(scripts.contains("systemctl"), "no scripts: {scripts}");
    command::run_quietly(Command::new("sh").args(["-n", "-c", &scripts]))?;
    let mut query = Command::new("rpm");
    let requires = command::read(query.args(["-qp", "--requires"]).arg(&scene.rpm))?;
    let other = requires.lines().find(|line| {
        let own = ["rpmlib(", "/bin/sh", "config(wsgiprobe)"];
        !own.iter().any(|word| line.starts_with(word))
    });
    ensure!(other.is_none(), "it requires {other:?}");
    lint(scene)
}

fn lint(scene: &Scene<'_>) -> Result<()> {
    let output = Command::new("rpmlint").arg(&scene.rpm).output();
    let output = output.context("starting rpmlint")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = said
        .lines()
        .find(|line| line.contains(": E: ") && !TOLERATED.iter().any(|known| line.contains(known)));
    ensure!(wrong.is_none(), "rpmlint: {wrong:?}");
    ensure!(said.contains("packages"), "rpmlint did not look: {said}");
    Ok(())
}

/// With what its user wrote, which stays.
pub fn comes_and_goes(scene: &Scene<'_>) -> Result<()> {
    let root = scene.folder("rpm-root")?;
    let config = root.join(layout::CONFIG);
    let read = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
    rpm(&root, &["--install"], Some(&scene.older_rpm))?;
    expect_version(&root, OLDER)?;
    ensure!(
        read(&config)?.ends_with(OLDER_LINE),
        "the older one has its own"
    );
    let changed = read(&config)? + CHANGE;
    fs::write(&config, &changed)?;
    rpm(&root, &["--upgrade"], Some(&scene.rpm))?;
    expect_version(&root, &scene.release.package_version())?;
    ensure!(read(&config)? == changed, "what the user wrote is gone");
    let beside = root.join(format!("{}.rpmnew", layout::CONFIG));
    ensure!(
        !read(&beside)?.contains(OLDER_LINE),
        "beside it is not the new one"
    );
    let mut version = Command::new(root.join(layout::PROGRAM));
    let said = command::read(version.arg("--version"))?;
    ensure!(said.contains(&scene.release.version), "{said}");

    rpm(&root, &["--erase", "wsgiprobe"], None)?;
    let mut find = Command::new("find");
    find.arg(&root).args(["-type", "f", "-name", "*wsgiprobe*"]);
    let left = command::read(&mut find)?;
    let unexpected = left
        .lines()
        .find(|line| !line.contains("/etc/wsgiprobe.toml.rpm"));
    ensure!(unexpected.is_none(), "left behind: {left}");
    Ok(())
}

fn expect_version(root: &Path, version: &str) -> Result<()> {
    let mut query = Command::new("rpm");
    query.arg("--root").arg(root);
    query.args(["--query", "--queryformat=%{VERSION}", "wsgiprobe"]);
    let said = command::read(&mut query)?;
    ensure!(said == version, "{said}, not {version}");
    Ok(())
}

/// Nothing is in that root but what rpm puts there: neither what it requires, nor a shell.
fn rpm(root: &Path, arguments: &[&str], package: Option<&Path>) -> Result<()> {
    let mut rpm = Command::new("rpm");
    rpm.arg("--root").arg(root).args(arguments);
    rpm.args(["--nodeps", "--noscripts"]).args(package);
    command::run_quietly(&mut rpm)
}
