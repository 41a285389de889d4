//! Which crates are in the binary: those of user space, and those of the kernel programs
//! that it carries.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::release::TARGET;
use crate::{command, workspace};

/// What is built for the kernel is for another target, and so not among the dependencies.
const ROOTS: [&str; 2] = ["profiler-user", "profiler-ebpf"];

/// A crate in the binary.
#[derive(Clone, Debug)]
pub struct Crate {
    /// Its name and version.
    pub name: String,
    pub version: String,
    /// An SPDX expression.
    pub licence: Option<String>,
    /// Where it is from; nothing for those of the workspace.
    pub source: Option<String>,
    /// Of the registry's archive: SHA-256.
    pub checksum: Option<String>,
    /// Where its source is.
    pub folder: PathBuf,
    /// Keys of those that it uses.
    pub uses: Vec<String>,
}

impl Crate {
    /// `name@version`, of which there is one.
    pub fn key(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// They all, by their keys.
pub struct Crates(pub BTreeMap<String, Crate>);

impl Crates {
    /// Those that `Cargo.lock` says, without those that are only for building and testing.
    pub fn of_the_binary() -> Result<Self> {
        let mut metadata = workspace::cargo();
        metadata.args(["metadata", "--format-version=1", "--offline", "--locked"]);
        metadata.args(["--filter-platform", TARGET]);
        let metadata = command::read(&mut metadata)?;
        let lock = workspace::root().join("Cargo.lock");
        let lock = std::fs::read_to_string(lock).context("Cargo.lock")?;
        let metadata = serde_json::from_str(&metadata).context("cargo's metadata")?;
        Self::read(&metadata, &lock.parse().context("Cargo.lock")?)
    }

    fn read(metadata: &Value, lock: &toml::Table) -> Result<Self> {
        let checksums = checksums(lock);
        let mut known = HashMap::new();
        let mut macros = BTreeSet::new();
        for package in array(&metadata["packages"]) {
            let text = |field: &str| package[field].as_str().map(str::to_owned);
            let manifest = PathBuf::from(text("manifest_path").context("no manifest")?);
            let mut one = Crate {
                name: text("name").context("no name")?,
                version: text("version").context("no version")?,
                licence: text("license"),
                source: text("source"),
                checksum: None,
                folder: manifest.parent().context("no folder")?.to_owned(),
                uses: Vec::new(),
            };
            one.checksum = checksums.get(&one.key()).cloned();
            let id = text("id").context("no id")?;
            if runs_in_the_compiler(package) {
                macros.insert(id.clone());
            }
            known.insert(id, one);
        }
        let nodes: HashMap<&str, &Value> = array(&metadata["resolve"]["nodes"])
            .filter_map(|node| Some((node["id"].as_str()?, node)))
            .collect();
        let roots = known
            .iter()
            .filter(|(_, one)| one.source.is_none() && ROOTS.contains(&one.name.as_str()));
        let mut waiting: Vec<String> = roots.map(|(id, _)| id.clone()).collect();
        let mut reached: BTreeSet<String> = BTreeSet::new();
        let mut crates = BTreeMap::new();
        while let Some(id) = waiting.pop() {
            if !reached.insert(id.clone()) {
                continue;
            }
            let node = nodes.get(id.as_str()).context("cargo's graph has a gap")?;
            let used: Vec<String> = linked(node).filter(|id| !macros.contains(id)).collect();
            let mut one = known.get(&id).context("no such package")?.clone();
            one.uses = used
                .iter()
                .filter_map(|id| known.get(id))
                .map(Crate::key)
                .collect();
            one.uses.sort_unstable();
            crates.insert(one.key(), one);
            waiting.extend(used);
        }
        Ok(Self(crates))
    }
}

/// A procedural macro: it writes code, and is not in the program itself.
fn runs_in_the_compiler(package: &Value) -> bool {
    let mut kinds = array(&package["targets"]).flat_map(|target| array(&target["kind"]));
    kinds.any(|kind| kind == "proc-macro")
}

/// What of a package's dependencies ends up in the same program.
fn linked(node: &Value) -> impl Iterator<Item = String> {
    let usual =
        |dependency: &&Value| array(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null());
    array(&node["deps"])
        .filter(usual)
        .filter_map(|dependency| dependency["pkg"].as_str())
        .map(str::to_owned)
}

fn checksums(lock: &toml::Table) -> HashMap<String, String> {
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let sum = |package: &toml::Value| {
        let text = |field: &str| package.get(field)?.as_str().map(str::to_owned);
        let key = format!("{}@{}", text("name")?, text("version")?);
        Some((key, text("checksum")?))
    };
    packages.into_iter().flatten().filter_map(sum).collect()
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_only_builds_or_tests_is_left_out() {
        let package = |name: &str, source: Option<&str>| {
            json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT",
                   "source": source, "manifest_path": format!("/src/{name}/Cargo.toml")})
        };
        let mut macros = package("serde_derive", Some("registry"));
        macros["targets"] = json!([{"kind": ["proc-macro"]}]);
        let needs = |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [package("profiler-user", None), package("bytes", Some("registry")),
                         package("cc", Some("registry")), package("rcgen", Some("registry")),
                         package("aya-ebpf", Some("registry")), package("profiler-ebpf", None),
                         macros],
            "resolve": {"nodes": [
                {"id": "profiler-user", "deps": [needs("bytes", Value::Null),
                    needs("cc", json!("build")), needs("rcgen", json!("dev"))]},
                {"id": "profiler-ebpf", "deps": [needs("aya-ebpf", Value::Null)]},
                {"id": "bytes", "deps": [needs("serde_derive", Value::Null)]},
                {"id": "serde_derive", "deps": []}, {"id": "aya-ebpf", "deps": []}]},
        });
        let lock = "[[package]]\nname = 'bytes'\nversion = '1.0.0'\nchecksum = 'ab'\n";
        let crates = Crates::read(&metadata, &lock.parse().unwrap()).unwrap().0;
        let keys: Vec<&str> = crates.keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "aya-ebpf@1.0.0",
                "bytes@1.0.0",
                "profiler-ebpf@1.0.0",
                "profiler-user@1.0.0"
            ]
        );
        assert_eq!(crates["bytes@1.0.0"].checksum.as_deref(), Some("ab"));
        assert_eq!(crates["profiler-user@1.0.0"].uses, ["bytes@1.0.0"]);
    }
}
