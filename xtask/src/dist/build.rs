//! The binary: static, so that it runs on every distribution and in an image made from
//! nothing.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::release::{Release, TARGET};
use crate::{command, workspace};

/// cargo's profile for it: see Cargo.toml.
const PROFILE: &str = "shipped";

/// Builds it, unless `WSGIPROBE_BIN` names one.
pub fn binary(release: &Release) -> Result<PathBuf> {
    if std::env::var_os("WSGIPROBE_BIN").is_some() {
        let given = workspace::wsgiprobe()?;
        expect_static(&given)?;
        return Ok(given);
    }
    ensure!(
        TARGET.starts_with(std::env::consts::ARCH),
        "packages are for {TARGET}: build them on such a machine"
    );
    let mut cargo = workspace::cargo();
    cargo
        .args(["build", "--package=profiler-user"])
        .args(["--profile", PROFILE, "--target", TARGET])
        .env("RUSTFLAGS", flags()?);
    release.dated(&mut cargo);
    command::run(&mut cargo)?;
    let binary = workspace::target_dir()?
        .join(TARGET)
        .join(PROFILE)
        .join("wsgiprobe");
    expect_static(&binary)?;
    Ok(binary)
}

/// A C library of its own; and no folder of the machine that builds, which would end up
/// in messages.
fn flags() -> Result<String> {
    let sources = command::read(workspace::cargo().args(["metadata", "--format-version=1"]))?;
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
    // Relocations of a place each, which a static program that may lie anywhere has 37 000
    // of, in a bit or so each: 0.8 MB less (glibc from 2.36 on).
    flags.push("-Clink-arg=-Wl,-z,pack-relative-relocs".to_owned());
    let root = workspace::root().display();
    flags.push(format!("--remap-path-prefix={root}=/wsgiprobe"));
    if let Some(crates) = registry(&sources) {
        flags.push(format!("--remap-path-prefix={crates}=/crates"));
    }
    Ok(flags.join(" "))
}

/// The folder in which cargo keeps the crates, by where one of them is.
fn registry(metadata: &str) -> Option<String> {
    let metadata: serde_json::Value = serde_json::from_str(metadata).ok()?;
    let packages = metadata["packages"].as_array()?;
    let manifest = packages
        .iter()
        .find(|package| package["source"].is_string())?["manifest_path"]
        .as_str()?;
    // REGISTRY/NAME-VERSION/Cargo.toml
    let folder = PathBuf::from(manifest);
    Some(folder.ancestors().nth(2)?.display().to_string())
}

/// No interpreter and no library is asked for.
fn expect_static(binary: &PathBuf) -> Result<()> {
    let mut readelf = Command::new("readelf");
    readelf
        .args(["--program-headers", "--dynamic", "--wide"])
        .arg(binary);
    let headers = command::read(&mut readelf)?;
    let asks = headers
        .lines()
        .find(|line| line.contains("INTERP") || line.contains("(NEEDED)"));
    ensure!(
        asks.is_none(),
        "{} is not static: {}",
        binary.display(),
        asks.unwrap_or_default()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crates_folder_is_found() {
        let metadata = r#"{"packages":[
            {"source":null,"manifest_path":"/here/xtask/Cargo.toml"},
            {"source":"registry","manifest_path":"/home/me/src/index-1/bytes-1.0.0/Cargo.toml"}]}"#;
        assert_eq!(registry(metadata).as_deref(), Some("/home/me/src/index-1"));
        assert_eq!(registry(r#"{"packages":[]}"#), None);
    }
}
