//! The .deb on a Debian.

use anyhow::{Result, ensure};

use super::container::Container;
use super::{OLDER, OLDER_LINE, Scene};
use crate::dist::layout::{self, Kind};

/// Where packages are put before they are installed.
const NEW: &str = "/tmp/new.deb";
const OLD: &str = "/tmp/old.deb";

/// What a user writes into the configuration.
const CHANGE: &str = "max-routes = 321";

/// Every file but those of dpkg itself.
const LIST: &str = "find / -xdev \\( -path /tmp -o -path /run -o -path /var/lib/dpkg \
                    -o -path /var/log/dpkg.log -o -path /var/cache/ldconfig \\) -prune -o -print \
                    | sort";

fn container<'a>(scene: &'a Scene<'_>) -> Result<Container<'a>> {
    let container = Container::start(&scene.podman, &scene.root, &["sleep", "600"])?;
    container.put(&scene.deb, NEW)?;
    container.put(&scene.older_deb, OLD)?;
    Ok(container)
}

/// Installed, used, removed and purged, it leaves nothing.
pub fn comes_and_goes(scene: &Scene<'_>) -> Result<()> {
    let container = container(scene)?;
    let before = container.shell(LIST)?;
    container.shell(&format!("dpkg --install {NEW}"))?;
    expect(
        &container,
        "wsgiprobe --version",
        &format!("wsgiprobe {}", scene.release.version),
    )?;
    expect(&container, "dpkg --verify wsgiprobe; dpkg --audit", "")?;
    // Neither started nor enabled by being installed.
    expect(
        &container,
        "systemctl is-enabled wsgiprobe || true",
        "disabled",
    )?;
    container.shell("systemctl enable wsgiprobe")?;
    // What systemd makes for a user that exists only while the service runs.
    container.shell(
        "for kept in /var/lib /var/log; do mkdir -p $kept/private/wsgiprobe; \
         ln -s private/wsgiprobe $kept/wsgiprobe; touch $kept/wsgiprobe/kept; done",
    )?;

    container.shell("dpkg --remove wsgiprobe")?;
    let config = layout::CONFIG;
    container.shell(&format!(
        "test ! -e /{} && test -e /{config}",
        layout::PROGRAM
    ))?;
    container.shell("test -e /var/lib/wsgiprobe/kept")?;
    container.shell("dpkg --purge wsgiprobe")?;
    // Folders that systemd makes for all services alike.
    let shared = ["/var/lib/private", "/var/log/private"];
    let after = container.shell(LIST)?;
    let known: Vec<&str> = before.lines().chain(shared).collect();
    let left: Vec<&str> = after.lines().filter(|line| !known.contains(line)).collect();
    ensure!(
        left.iter().all(|path| is_systemds(path)),
        "what a purge leaves: {left:?}"
    );
    let gone: Vec<&str> = before
        .lines()
        .filter(|line| !after.contains(line))
        .collect();
    ensure!(gone.is_empty(), "gone, and not ours: {gone:?}");
    Ok(())
}

/// Folders that `systemctl enable` and deb-systemd-helper make where there were none.
fn is_systemds(path: &str) -> bool {
    path == "/etc/systemd/system/multi-user.target.wants"
        || path.starts_with("/var/lib/systemd/deb-systemd-helper") && !path.contains("wsgiprobe")
}

/// From an older version: what the user wrote stays, what he did not write is the new.
pub fn upgrades(scene: &Scene<'_>) -> Result<()> {
    let config = format!("/{}", layout::CONFIG);
    let container = container(scene)?;
    let install = |package: &str| {
        // As an unattended upgrade has it: the user's own wins.
        container.shell(&format!(
            "dpkg --force-confdef --force-confold --install {package}"
        ))
    };
    install(OLD)?;
    expect_version(&container, OLDER)?;
    let older = container.shell(&format!("cat {config}"))?;
    ensure!(older.ends_with(OLDER_LINE), "the older one has its own");
    install(NEW)?;
    expect_version(&container, &scene.release.package_version())?;
    let newer = container.shell(&format!("cat {config}"))?;
    ensure!(
        !newer.contains(OLDER_LINE),
        "what nobody changed is not the new one"
    );

    container.shell("dpkg --purge wsgiprobe")?;
    install(OLD)?;
    container.shell(&format!("echo '{CHANGE}' >>{config}"))?;
    install(NEW)?;
    let kept = container.shell(&format!("cat {config}"))?;
    ensure!(kept.contains(CHANGE), "the user's line is gone");
    let beside = container.shell(&format!("cat {config}.dpkg-dist"))?;
    ensure!(beside == newer, "the new one is not beside it");
    // It also reads it.
    container.shell(&format!("wsgiprobe --config {config} --version"))?;
    Ok(())
}

fn expect_version(container: &Container<'_>, version: &str) -> Result<()> {
    expect(
        container,
        "dpkg-query --show --showformat='${Version}' wsgiprobe",
        version,
    )
}

/// Each file is where it belongs and is what it should be.
pub fn is_found(scene: &Scene<'_>) -> Result<()> {
    let container = container(scene)?;
    container.shell(&format!("dpkg --install {NEW}"))?;
    for (_, place) in Kind::Deb.places() {
        let path = if place == layout::MANUAL {
            format!("{place}.gz")
        } else {
            place
        };
        container.shell(&format!("test -s /{path}"))?;
    }
    let manual = container.shell(&format!(
        "gzip --decompress --stdout /{}.gz",
        layout::MANUAL
    ))?;
    ensure!(
        manual.contains(".TH wsgiprobe 1"),
        "no manual page: {manual}"
    );
    let completed = container.shell(
        "bash -c '. /usr/share/bash-completion/completions/wsgiprobe; \
         COMP_WORDS=(wsgiprobe --influx-u); COMP_CWORD=1; \
         _wsgiprobe wsgiprobe --influx-u wsgiprobe; echo ${COMPREPLY[*]}'",
    )?;
    ensure!(
        completed.contains("--influx-url"),
        "bash completes {completed}"
    );
    let zsh = container.shell("head -n 1 /usr/share/zsh/vendor-completions/_wsgiprobe")?;
    ensure!(zsh.starts_with("#compdef wsgiprobe"), "{zsh}");
    // It attaches, for a moment.
    let check = container.shell("wsgiprobe check --json")?;
    let check: serde_json::Value = serde_json::from_str(&check)?;
    ensure!(check["back_ends"].is_array(), "{check}");
    Ok(())
}

fn expect(container: &Container<'_>, script: &str, expected: &str) -> Result<()> {
    let said = container.shell(script)?;
    ensure!(
        said.trim() == expected,
        "`{script}` said {said:?}, not {expected:?}"
    );
    Ok(())
}
