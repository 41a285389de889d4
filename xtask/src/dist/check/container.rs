//! A container that runs, and is removed when it is not needed any more.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command;
use crate::dist::podman::Podman;

/// One that waits to be told what to do.
pub struct Container<'a> {
    podman: &'a Podman,
    id: String,
}

impl<'a> Container<'a> {
    /// Starts `program` in a folder; what it writes goes on top and is thrown away. It may
    /// do all that this machine's root may.
    pub fn start(podman: &'a Podman, root: &Path, program: &[&str]) -> Result<Self> {
        let rights = ["--privileged", "--network=none", "--systemd=always"];
        Self::run(podman, &rights, root, program)
    }

    /// Likewise, with those options and no others.
    pub fn run(
        podman: &'a Podman,
        options: &[&str],
        root: &Path,
        program: &[&str],
    ) -> Result<Self> {
        let mut run = podman.command("run");
        run.arg("--detach").args(options).arg("--rootfs");
        run.arg(format!("{}:O", root.display())).args(program);
        let id = command::read(&mut run)?.trim().to_owned();
        Ok(Self { podman, id })
    }

    /// The engine's id for it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Kills all that runs in it, and removes it.
    pub fn destroy(&self) -> Result<()> {
        let mut remove = self.podman.command("rm");
        command::run_quietly(remove.args(["--force", "--time=0", &self.id]))
    }

    /// Copies a file into it.
    pub fn put(&self, file: &Path, to: &str) -> Result<()> {
        let mut copy = self.podman.command("cp");
        command::run_quietly(copy.arg(file).arg(format!("{}:{to}", self.id)))
    }

    /// What a shell in it prints; an error if it fails.
    pub fn shell(&self, script: &str) -> Result<String> {
        let output = self.exec(script).output().context("starting podman")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            bail!("`{script}` ended with {}: {said}{complaint}", output.status);
        }
        Ok(said)
    }

    fn exec(&self, script: &str) -> Command {
        let mut exec = self.podman.command("exec");
        exec.arg(&self.id)
            .args(["sh", "-e", "-u", "-c", script])
            .env("LC_ALL", "C.UTF-8");
        exec
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // If it is gone already, that is what was wanted.
        let mut remove = self.podman.command("rm");
        remove.args(["--force", "--time=1", &self.id]);
        let _ = remove.output();
    }
}
