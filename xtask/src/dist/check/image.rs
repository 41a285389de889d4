//! The image beside a real Apache, as it would run on a server.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::Scene;
use super::watched::watched;
use crate::command;
use crate::demo::Apache;
use crate::interrupt::Interrupt;

/// Ways to grant it what it needs, as docs/install.md has them.
const WAYS: [(&str, &[&str]); 2] = [
    ("privileged", &["--privileged"]),
    (
        "capabilities",
        &[
            "--cap-drop=ALL",
            "--cap-add=BPF,PERFMON,SYS_PTRACE,DAC_READ_SEARCH,SYS_ADMIN,SYS_NICE",
        ],
    ),
];

/// In each of those ways it reports every request, once.
pub fn watches(scene: &Scene<'_>) -> Result<()> {
    let labels = inspect(scene, "{{json .Config.Labels}}")?;
    for label in ["title", "description", "version", "licenses", "revision"] {
        let label = format!("org.opencontainers.image.{label}");
        ensure!(labels.contains(&label), "no label {label}: {labels}");
    }
    let docs = crate::workspace::root().join("docs/install.md");
    let docs = fs::read_to_string(docs).context("docs/install.md")?;
    // A signal ends the job as it ends any other.
    let apache = Apache::start(&scene.folder("apache")?, &Interrupt::default())?;
    for (name, rights) in WAYS {
        for word in rights {
            ensure!(docs.contains(word), "docs/install.md does not say {word}");
        }
        let folder = scene.folder(name)?;
        let mut run = scene.podman.command("run");
        run.args(["--rm", "--pid=host", "--network=host"])
            .args(rights);
        run.arg(format!("--volume={}:/out", folder.display()))
            .arg(&scene.image.tag);
        let reported = watched(run, &apache, &folder, "/out");
        reported.with_context(|| name.to_owned())?;
    }
    Ok(())
}

fn inspect(scene: &Scene<'_>, format: &str) -> Result<String> {
    let mut inspect = scene.podman.command("image");
    inspect.args(["inspect", &format!("--format={format}"), &scene.image.tag]);
    command::read(&mut inspect)
}
