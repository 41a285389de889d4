//! Debian's package manager: what is there, what is offered, install it.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::command;
use crate::progress::Progress;

/// Those of the packages that are not installed.
pub fn missing(packages: &[&'static str]) -> Result<Vec<&'static str>> {
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"])
        .args(packages)
        // It also complains about every package that it has never heard of.
        .stderr(Stdio::null())
        .output()
        .with_context(|| {
            format!(
                "this is no Debian; install the equivalents of: {}",
                packages.join(" ")
            )
        })?;
    let output = String::from_utf8_lossy(&output.stdout);
    let installed: HashSet<&str> = output
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .collect();
    let missing = packages.iter().copied();
    Ok(missing.filter(|name| !installed.contains(name)).collect())
}

/// Those of the packages that apt cannot install.
pub fn not_offered(packages: &[&'static str]) -> Vec<&'static str> {
    let packages = packages.iter().copied();
    packages.filter(|name| !offered(name)).collect()
}

fn offered(package: &str) -> bool {
    let policy = Command::new("apt-cache")
        .args(["policy", package])
        .env("LC_ALL", "C")
        .output();
    policy.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        text.contains("Candidate: ") && !text.contains("Candidate: (none)")
    })
}

/// Says what to type instead when this process may not install.
pub fn require_root(packages: &[&str]) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!(
            "only root installs packages: run `sudo apt-get update && sudo apt-get install \
             --no-install-recommends {}`, then this again",
            packages.join(" ")
        );
    }
    Ok(())
}

/// Brings the list of offered packages up to date.
pub fn update(progress: &Progress) -> Result<()> {
    progress.say("apt-get update");
    command::run_quietly(apt_get().arg("update"))
        .context("apt reaches no mirror: see /etc/apt/sources.list.d and the network")
}

/// Installs these, without what they merely recommend.
pub fn install(progress: &Progress, packages: &[&str]) -> Result<()> {
    progress.say(format_args!("apt-get install {}", packages.join(" ")));
    command::run_quietly(
        apt_get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages),
    )?;
    say_about_services(progress, packages);
    Ok(())
}

fn apt_get() -> Command {
    let mut apt_get = Command::new("apt-get");
    apt_get
        .env("DEBIAN_FRONTEND", "noninteractive")
        // A machine that has just booted may be updating itself.
        .args(["-o", "DPkg::Lock::Timeout=120"]);
    apt_get
}

/// On a real system Debian starts what it installs; nothing here wants it to.
fn say_about_services(progress: &Progress, packages: &[&str]) {
    let services = [
        "apache2",
        "influxdb",
        "prometheus",
        "redis-server",
        "postgresql",
    ]
    .into_iter();
    let fresh: Vec<_> = services.filter(|name| packages.contains(name)).collect();
    let systemd = Path::new("/run/systemd/system").exists();
    let policy = Path::new("/usr/sbin/policy-rc.d").exists();
    if systemd && !policy && !fresh.is_empty() {
        progress.say(format_args!(
            "Debian has started {0} as services; tests and demo start their own, so \
             `sudo systemctl disable --now {1}` is safe",
            fresh.join(" and "),
            fresh.join(" ")
        ));
    }
}
