//! The unit under a systemd that is process 1 of a container.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::Scene;
use super::container::Container;
use super::watched::watched;
use crate::command;
use crate::demo::Apache;
use crate::dist::parts;
use crate::interrupt::Interrupt;

/// At most so exposed, in tenths (`systemd-analyze security`): each capability counts, and
/// watching other users' processes takes some.
const MOST_EXPOSED: &str = "--threshold=35";

/// How long systemd may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// It holds no unknown word, and as little is open as was.
pub fn is_sound(scene: &Scene<'_>) -> Result<()> {
    let unit = scene.parts.path(parts::UNIT);
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", MOST_EXPOSED, "--no-pager"]);
    command::run_quietly(security.arg(&unit))
}

/// What it grants is enough, to another user than root, to see everything of an Apache. On
/// this machine itself: a container has process numbers of its own.
pub fn grants_enough(scene: &Scene<'_>) -> Result<()> {
    let unit = fs::read_to_string(scene.parts.path(parts::UNIT))?;
    let line = unit
        .lines()
        .find_map(|line| line.strip_prefix("AmbientCapabilities="));
    let granted: Vec<String> = line
        .context("the unit grants nothing")?
        .split_ascii_whitespace()
        .map(|name| format!("+{}", name.trim_start_matches("CAP_").to_lowercase()))
        .collect();
    let granted = format!("-all,{}", granted.join(","));
    let apache = Apache::start(&scene.folder("apache")?, &Interrupt::default())?;
    let folder = scene.folder("granted")?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
    let mut run = Command::new("setpriv");
    run.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--no-new-privs",
    ]);
    for set in ["inh-caps", "ambient-caps", "bounding-set"] {
        run.arg(format!("--{set}={granted}"));
    }
    run.arg(scene.parts.path(parts::PROGRAM));
    watched(run, &apache, &folder, &folder.display().to_string())
}

/// Installed and started as an administrator does, with the configuration as it comes.
pub fn runs(scene: &Scene<'_>) -> Result<()> {
    let container = Container::start(&scene.podman, &scene.root, &["/lib/systemd/systemd"])?;
    wait(
        "systemd",
        || container.shell("systemctl is-system-running || true"),
        |said| ["running", "degraded"].contains(&said.trim()),
    )?;
    container.put(&scene.older_deb, "/tmp/old.deb")?;
    container.put(&scene.deb, "/tmp/new.deb")?;
    container.shell("dpkg --install /tmp/old.deb")?;
    let verified = container.shell("systemd-analyze verify --man=no wsgiprobe.service 2>&1")?;
    ensure!(verified.trim().is_empty(), "{verified}");
    wait(
        "Apache",
        || container.shell("systemctl is-active apache2 || true"),
        |said| said.trim() == "active",
    )?;
    container.shell("systemctl enable --now wsgiprobe")?;
    let attached = |text: &str| text.contains("wsgiprobe: attached");
    wait("the attach", || journal(&container), attached)?;
    let first = expect_confined(&container)?;

    // It goes on with the new binary.
    container.shell("dpkg --force-confdef --force-confold --install /tmp/new.deb")?;
    wait(
        "the new version",
        || container.shell(PID),
        |pid| !["0", first.as_str()].contains(&pid.trim()),
    )?;
    wait(
        "its attach",
        || journal(&container),
        |text| text.matches("wsgiprobe: attached").count() == 2,
    )?;
    container.shell("systemctl is-active --quiet wsgiprobe")?;

    container.shell("dpkg --purge wsgiprobe")?;
    let said = journal(&container)?;
    ensure!(
        said.matches("seen 0 = reported 0").count() == 2,
        "no account: {said}"
    );
    ensure!(!said.contains("Failed with result"), "{said}");
    container.shell("test ! -e /var/lib/private/wsgiprobe -a ! -L /var/lib/wsgiprobe")?;
    Ok(())
}

const PID: &str = "systemctl show --property=MainPID --value wsgiprobe";

fn journal(container: &Container<'_>) -> Result<String> {
    container.shell("journalctl --unit=wsgiprobe --no-pager --output=cat")
}

/// It is not root, has no capability but the unit's, and can get none; says who it is.
fn expect_confined(container: &Container<'_>) -> Result<String> {
    let pid = container.shell(PID)?.trim().to_owned();
    let status = container.shell(&format!("cat /proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim).with_context(|| format!("no {name}"))
    };
    ensure!(!field("Uid:")?.starts_with('0'), "it is root");
    ensure!(field("NoNewPrivs:")? == "1", "{status}");
    ensure!(field("Seccomp:")? == "2", "{status}");
    let granted =
        container.shell("systemctl show --property=CapabilityBoundingSet --value wsgiprobe")?;
    let mut granted: Vec<&str> = granted.split_ascii_whitespace().collect();
    granted.sort_unstable();
    for set in ["CapEff:", "CapPrm:", "CapBnd:"] {
        let held = container.shell(&format!("capsh --decode={}", field(set)?))?;
        let held = held.trim().rsplit('=').next().unwrap_or_default();
        let more = held
            .split(',')
            .find(|name| !name.is_empty() && !granted.contains(name));
        ensure!(
            more.is_none(),
            "{set} {held}, of which the unit grants {granted:?}"
        );
    }
    Ok(pid)
}

fn wait(
    what: &str,
    mut look: impl FnMut() -> Result<String>,
    done: impl Fn(&str) -> bool,
) -> Result<()> {
    let began = Instant::now();
    loop {
        let said = look()?;
        if done(&said) {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!("waited in vain for {what}: {said}");
        }
        thread::sleep(Duration::from_millis(200));
    }
}
