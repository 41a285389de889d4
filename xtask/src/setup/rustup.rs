//! rustup's part: the components of the user's toolchain, and the toolchain
//! that compiles the kernel programs.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Done, apt};
use crate::command;
use crate::progress::Progress;
use crate::toolchain::{LLVM, Toolchain};
use crate::workspace;

/// rustup cannot install itself from here.
pub fn present(_: &Progress) -> Result<Done> {
    let version = command::first_line(Command::new("rustup").arg("--version"));
    let version =
        version.context("rustup is not on the PATH: install it from https://rustup.rs")?;
    Ok(Done::AlreadyThere(version))
}

/// rustfmt and clippy of the toolchain that builds user space.
pub fn components(progress: &Progress) -> Result<Done> {
    let version = |job| command::first_line(workspace::cargo().args([job, "--version"]));
    if let (Some(rustfmt), Some(clippy)) = (version("fmt"), version("clippy")) {
        return Ok(Done::AlreadyThere(format!("{rustfmt}, {clippy}")));
    }
    progress.say("rustup component add rustfmt clippy");
    command::run_quietly(Command::new("rustup").args(["component", "add", "rustfmt", "clippy"]))?;
    Ok(Done::Now("both".to_owned()))
}

/// A toolchain that has `core` for eBPF: Debian's where there is one, as it
/// needs nothing built and nothing from elsewhere; else the usual nightly.
pub fn kernel_toolchain(progress: &Progress) -> Result<Done> {
    if let Some(found) = Toolchain::find() {
        return Ok(Done::AlreadyThere(reason(found)));
    }

    let debian = apt::missing(&["rustc-web", "libstd-rust-web-dev-bpf"])?.is_empty();
    let chosen = if debian {
        link_debian()?;
        Toolchain::Debian
    } else {
        install_nightly(progress)?;
        Toolchain::Nightly
    };
    if !chosen.usable() {
        bail!(
            "toolchain {} is installed, yet has no `core` for eBPF, or an LLVM newer than the \
             {LLVM} of bpf-linker; see docs/journal/2026-11-21-ebpf-toolchain.md",
            chosen.name()
        );
    }
    Ok(Done::Now(reason(chosen)))
}

fn link_debian() -> Result<()> {
    command::run_quietly(Command::new("rustup").args([
        "toolchain",
        "link",
        Toolchain::Debian.name(),
        "/usr",
    ]))
}

fn install_nightly(progress: &Progress) -> Result<()> {
    progress.say("rustup toolchain install nightly --component rust-src");
    command::run_quietly(Command::new("rustup").args([
        "toolchain",
        "install",
        Toolchain::Nightly.name(),
        "--profile=minimal",
        "--component=rust-src",
    ]))
    .context(
        "neither way is open: apt offers no `libstd-rust-web-dev-bpf`, and rustup \
         could not fetch a nightly",
    )
}

fn reason(toolchain: Toolchain) -> String {
    let name = toolchain.name();
    match toolchain {
        Toolchain::Debian => format!("{name}: Debian's, with `core` for eBPF compiled"),
        Toolchain::Nightly => format!("{name}: builds `core` for eBPF from rust-src"),
    }
}
