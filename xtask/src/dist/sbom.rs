//! What is in the binary, for machines: a bill of materials as `CycloneDX` 1.5 has it
//! (cyclonedx.org/docs/1.5/json).
//!
//! Written here and not by `cargo-cyclonedx`, which describes packages of the workspace one
//! by one: this binary is two of them, and a C library (docs/journal/2026-11-29-packages.md).

use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::crates::{Crate, Crates};
use super::release::Release;
use crate::command;

/// The document, with a newline at its end.
pub fn of(release: &Release, crates: &Crates) -> Result<String> {
    let whole = "wsgiprobe";
    let (ours, others): (Vec<&Crate>, Vec<&Crate>) =
        crates.0.values().partition(|one| one.source.is_none());
    let mut components: Vec<Value> = others.iter().map(|one| component(one)).collect();
    let mut depends: Vec<Value> = others
        .iter()
        .map(|one| json!({"ref": one.key(), "dependsOn": foreign(crates, &one.uses)}))
        .collect();
    let below = [c_library()?, standard_library()?];
    // What any of our own crates uses, the whole uses.
    let mut used: Vec<String> = ours
        .iter()
        .flat_map(|one| foreign(crates, &one.uses))
        .collect();
    used.extend(
        below
            .iter()
            .filter_map(|one| Some(one["bom-ref"].as_str()?.to_owned())),
    );
    used.sort_unstable();
    used.dedup();
    components.extend(below);
    depends.insert(0, json!({"ref": whole, "dependsOn": used}));

    let mut document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": timestamp(release)?,
            "component": {
                "type": "application",
                "bom-ref": whole,
                "name": whole,
                "version": release.version,
                "licenses": [{"expression": "MIT OR Apache-2.0"}],
            },
        },
        "components": components,
        "dependencies": depends,
    });
    if let Some(commit) = &release.commit {
        document["metadata"]["component"]["pedigree"] = json!({"commits": [{"uid": commit}]});
    }
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn component(one: &Crate) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": one.key(),
        "name": one.name,
        "version": one.version,
        "purl": format!("pkg:cargo/{}@{}", one.name, one.version.replace('+', "%2B")),
    });
    if let Some(licence) = &one.licence {
        // As crates wrote it before SPDX expressions.
        let expression = licence.replace('/', " OR ");
        component["licenses"] = json!([{"expression": expression}]);
    }
    if let Some(checksum) = &one.checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

/// Those of these that are not of the workspace.
fn foreign(crates: &Crates, keys: &[String]) -> Vec<String> {
    let is_foreign = |key: &&String| crates.0.get(*key).is_some_and(|one| one.source.is_some());
    keys.iter().filter(is_foreign).cloned().collect()
}

/// The C library that is linked in: this machine's.
fn c_library() -> Result<Value> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Version}\\n", "libc6-dev"]);
    let version = command::first_line(&mut query).context("which C library is linked in?")?;
    Ok(json!({
        "type": "library",
        "bom-ref": "glibc",
        "name": "glibc",
        "version": version,
        "purl": format!("pkg:deb/debian/glibc@{}?arch=source", version.replace('+', "%2B")),
        "licenses": [{"expression": "LGPL-2.1-or-later"}],
    }))
}

/// Rust's own, which no list of crates has.
fn standard_library() -> Result<Value> {
    let mut rustc = crate::workspace::cargo();
    rustc.arg("--version");
    let said = command::first_line(&mut rustc).context("which Rust is this?")?;
    // `cargo 1.95.0 (HASH DATE)`: the compiler's is the same.
    let version = said.split(' ').nth(1).context("cargo has no version")?;
    Ok(json!({
        "type": "library",
        "bom-ref": "rust-std",
        "name": "rust-std",
        "version": version,
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
    }))
}

fn timestamp(release: &Release) -> Result<String> {
    let mut date = release.command("date");
    date.args(["--utc", "--iso-8601=seconds"]);
    date.arg(format!("--date=@{}", release.epoch));
    Ok(command::read(&mut date)?.trim_end().to_owned())
}
