//! clippy for the kernel programs: their own toolchain, their own target.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command;
use crate::toolchain::{TARGET, Toolchain};
use crate::workspace;

/// Lints the kernel crate as the build script compiles it.
pub fn clippy() -> Result<()> {
    let toolchain = Toolchain::find().context("no toolchain: run `cargo xtask setup`")?;
    if command::first_line(in_toolchain(toolchain).args(["clippy", "--version"])).is_none() {
        anstream::println!(
            "skipped: toolchain {} has no clippy; {}",
            toolchain.name(),
            match toolchain {
                Toolchain::Debian => "`apt-get install rust-web-clippy` brings it",
                Toolchain::Nightly => "`rustup component add clippy --toolchain nightly` brings it",
            }
        );
        return Ok(());
    }

    let mut clippy = in_toolchain(toolchain);
    clippy
        .args(["clippy", "--package=profiler-ebpf", "--target", TARGET])
        .arg("--target-dir")
        .arg(workspace::target_dir()?.join("xtask-kernel"))
        // What aya-build passes: the architecture whose registers are read.
        .env(
            "RUSTFLAGS",
            format!("--cfg=bpf_target_arch=\"{}\"", std::env::consts::ARCH),
        );
    match toolchain.bootstrap() {
        Some(crates) => clippy.env("RUSTC_BOOTSTRAP", crates),
        None => clippy.arg("-Zbuild-std=core"),
    };
    command::run(clippy.args(["--", "--deny=warnings"]))
}

fn in_toolchain(toolchain: Toolchain) -> Command {
    let mut rustup = Command::new("rustup");
    rustup
        .current_dir(workspace::root())
        .args(["run", toolchain.name(), "cargo"]);
    rustup
}
