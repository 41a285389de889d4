//! Tools that come as source from the crates registry.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use super::Done;
use crate::command;
use crate::progress::Progress;
use crate::workspace;

/// The linker that makes a kernel object of what the compiler writes.
const BPF_LINKER: &str = "0.13.0";

/// The judge of licences, sources and duplicates.
const CARGO_DENY: &str = "0.20.2";

/// The fuzzer.
const CARGO_FUZZ: &str = "0.13.2";

/// Where Debian's LLVM lies, and the variable by which its bindings look for it.
const LLVM: &str = "/usr/lib/llvm-22";
const LLVM_VARIABLE: &str = "LLVM_SYS_221_PREFIX";

/// Its version, if it is installed and finds the LLVM that it was built with.
pub fn working_bpf_linker() -> Option<String> {
    command::first_line(Command::new("bpf-linker").arg("--version"))
}

/// Builds bpf-linker against Debian's LLVM.
pub fn bpf_linker(progress: &Progress) -> Result<Done> {
    if let Some(version) = working_bpf_linker() {
        return Ok(Done::AlreadyThere(version));
    }
    let mut install = install("bpf-linker", BPF_LINKER);
    install
        .args(["--no-default-features", "--features=llvm-22", "--force"])
        .env(LLVM_VARIABLE, LLVM)
        .env("PATH", with_llvm_first());
    progress.say(format_args!("{} (40 s)", command::line(&install)));
    command::run_quietly(&mut install)?;
    Ok(Done::Now(BPF_LINKER.to_owned()))
}

/// Builds cargo-deny without optimisation: it looks at one workspace for a
/// second, and building it the usual way takes minutes.
pub fn cargo_deny(progress: &Progress) -> Result<Done> {
    if let Some(version) = command::first_line(workspace::cargo().args(["deny", "--version"])) {
        return Ok(Done::AlreadyThere(version));
    }
    let mut install = install("cargo-deny", CARGO_DENY);
    install
        .arg("--no-default-features")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    progress.say(format_args!("{} (40 s)", command::line(&install)));
    command::run_quietly(&mut install)?;
    Ok(Done::Now(CARGO_DENY.to_owned()))
}

/// Builds cargo-fuzz without optimisation, too: it only starts others.
pub fn cargo_fuzz(progress: &Progress) -> Result<Done> {
    if let Some(version) = command::first_line(workspace::cargo().args(["fuzz", "--version"])) {
        return Ok(Done::AlreadyThere(version));
    }
    let mut install = install("cargo-fuzz", CARGO_FUZZ);
    install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
    progress.say(format_args!("{} (30 s)", command::line(&install)));
    command::run_quietly(&mut install)?;
    Ok(Done::Now(CARGO_FUZZ.to_owned()))
}

fn install(name: &str, version: &str) -> Command {
    let mut cargo = workspace::cargo();
    cargo
        .args(["install", "--locked", name, "--version", version])
        // Its own folder, thrown away after: not the workspace's.
        .env_remove("CARGO_TARGET_DIR");
    cargo
}

fn with_llvm_first() -> OsString {
    let old = env::var_os("PATH").unwrap_or_default();
    let mut new = OsString::from(format!("{LLVM}/bin:"));
    new.push(old);
    new
}
