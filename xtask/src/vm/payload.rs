//! What a guest gets from this machine: the tests, wsgiprobe, and this program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::guest::EXPRESS;
use super::initrd;
use super::kernels::Arch;
use super::plan::Plan;
use crate::command;
use crate::workspace::{self, cargo};

/// Builds `mod_wsgi-express` where it is missing, and needs no wsgiprobe.
const EXPRESS_TEST: &str = "events_alone::express_embedded";

/// The programs for one processor.
pub struct Programs {
    arch: Arch,
    /// This program.
    guest: PathBuf,
    /// The end-to-end tests.
    tests: PathBuf,
    /// What they test.
    wsgiprobe: PathBuf,
    /// `mod_wsgi-express`, which guests have no network to build.
    express: Option<PathBuf>,
}

impl Programs {
    /// Builds them for this machine's own processor.
    pub fn build() -> Result<Self> {
        let wsgiprobe = workspace::wsgiprobe()?;
        let tests = test_binary(&mut cargo(), &[])?;
        let express = express(&tests, &wsgiprobe)?;
        Ok(Self {
            arch: Arch::Amd64,
            guest: std::env::current_exe()?,
            tests,
            wsgiprobe,
            express: Some(express),
        })
    }

    /// Builds them for another.
    pub fn build_for(arch: Arch) -> Result<Self> {
        let Some(target) = arch.target() else {
            return Self::build();
        };
        command::run_quietly(Command::new("rustup").args(["target", "add", target]))?;
        let cross = || {
            let variable = target.to_uppercase().replace('-', "_");
            let mut cargo = cargo();
            cargo.env(
                format!("CARGO_TARGET_{variable}_LINKER"),
                format!("{}gcc", arch.tools()),
            );
            cargo
        };
        command::run(cross().args([
            "build",
            "--package=profiler-user",
            "--package=xtask",
            "--target",
            target,
        ]))?;
        let tests = test_binary(&mut cross(), &["--target", target])?;
        let folder = workspace::target_dir()?.join(target).join("debug");
        Ok(Self {
            arch,
            guest: folder.join("xtask"),
            tests,
            wsgiprobe: folder.join("wsgiprobe"),
            express: None,
        })
    }

    /// Whether they run on it.
    pub fn are_for(&self, arch: Arch) -> bool {
        self.arch == arch
    }

    /// The names of all tests that contain one of `parts`, or of all if there are none.
    pub fn names(&self, parts: &[String]) -> Result<Vec<String>> {
        let mut list = Command::new(&self.tests);
        let list = command::read(list.args(["--list", "--format=terse"]))?;
        let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
        let wanted =
            names.filter(|name| parts.is_empty() || parts.iter().any(|part| name.contains(part)));
        Ok(wanted.map(str::to_owned).collect())
    }

    /// The back ends that wsgiprobe knows, whether this machine can run them or not.
    pub fn back_ends(&self) -> Result<Vec<String>> {
        let report = crate::verifier::check(&self.wsgiprobe)?;
        Ok(report.back_ends.into_iter().map(|one| one.name).collect())
    }

    /// Writes the second archive: all of this, and the plan.
    pub fn pack(&self, mut plan: Plan, archive: &Path) -> Result<()> {
        let folder = tempfile::tempdir().context("a folder for the payload")?;
        let payload = folder.path().join("payload");
        fs::create_dir_all(payload.join(EXPRESS))?;
        for (from, to) in [
            (&self.guest, "guest"),
            (&self.tests, "e2e"),
            (&self.wsgiprobe, "wsgiprobe"),
        ] {
            self.strip(from, &payload.join(to))?;
        }
        if let Some(express) = &self.express {
            let mut copy = Command::new("cp");
            copy.arg("--archive").arg(express);
            command::run(copy.arg(payload.join(EXPRESS)))?;
            plan.express = Some(built_in(express)?);
        }
        fs::write(payload.join("plan.json"), serde_json::to_vec(&plan)?)?;
        initrd::pack(folder.path(), archive)
    }

    /// Without what only a debugger reads: most of it.
    fn strip(&self, from: &Path, to: &Path) -> Result<()> {
        let mut strip = Command::new(format!("{}strip", self.arch.tools()));
        command::run(strip.arg("-o").arg(to).arg(from))
    }
}

/// The one test binary of the tests' package.
fn test_binary(cargo: &mut Command, options: &[&str]) -> Result<PathBuf> {
    cargo.args([
        "test",
        "--package=wsgiprobe-tests",
        "--test=e2e",
        "--no-run",
    ]);
    cargo.arg("--message-format=json-render-diagnostics");
    let messages = command::read(cargo.args(options))?;
    let mut paths = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_tests = message["target"]["name"] == "e2e";
        let path = message["executable"].as_str().filter(|_| is_tests)?;
        Some(PathBuf::from(path))
    });
    paths.next().context("cargo built no end-to-end tests")
}

/// The folder that the tests built it in; has them do so if they have not yet.
fn express(tests: &Path, wsgiprobe: &Path) -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|named| !named.is_empty());
    let cache = match cache {
        Some(named) => PathBuf::from(named).join("wsgiprobe"),
        None => workspace::target_dir()?.join("wsgiprobe-cache"),
    };
    if let Some(found) = newest_express(&cache) {
        return Ok(found);
    }
    let mut build = Command::new(tests);
    build.args(["--exact", EXPRESS_TEST]);
    command::run_quietly(build.env("WSGIPROBE_BIN", wsgiprobe))?;
    let found = newest_express(&cache);
    found.with_context(|| {
        format!(
            "{EXPRESS_TEST} left no mod_wsgi-express in {}",
            cache.display()
        )
    })
}

/// The folder that its scripts name: it may have been moved since.
fn built_in(express: &Path) -> Result<String> {
    let script = express.join("bin/mod_wsgi-express");
    let text = fs::read_to_string(&script).with_context(|| script.display().to_string())?;
    let interpreter = text.lines().next().and_then(|line| line.strip_prefix("#!"));
    let folder = interpreter.and_then(|python| python.split_once("/bin/python"));
    let (folder, _) = folder.with_context(|| format!("{} names no Python", script.display()))?;
    Ok(folder.to_owned())
}

fn newest_express(cache: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(cache)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    let complete = folders.filter(|folder| folder.join("bin/mod_wsgi-express").exists());
    complete.max()
}

/// One file out of two: the kernel unpacks one archive after the other.
pub fn join(first: &Path, second: &Path, both: &Path) -> Result<()> {
    let mut all = fs::read(first)?;
    ensure!(all.len() % 4 == 0, "{} is no archive", first.display());
    all.extend(fs::read(second)?);
    fs::write(both, all).context("the initrd")
}
