//! Manifests in the repository, for `kubectl apply` by who has no Helm. They are the chart's,
//! so that there is one place to change.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::render::{self, CAPABILITIES, PRIVILEGED, Set};
use super::tools::Tools;
use crate::workspace;

/// Each, and what it is for. `AppArmor`'s field of the second came with 1.30.
const FILES: [(&str, &Set, &str); 2] = [
    (
        "daemonset.yaml",
        &PRIVILEGED,
        "Privileged, and every value as the chart has it.",
    ),
    (
        "daemonset-capabilities.yaml",
        &CAPABILITIES,
        "Not privileged: with the capabilities that it takes. For Kubernetes 1.30 and later.",
    ),
];

/// Writes them.
pub fn write(tools: &Tools) -> Result<()> {
    for (name, set, what) in FILES {
        let path = path(name);
        fs::write(&path, text(tools, set, what)?).with_context(|| path.display().to_string())?;
        anstream::println!("written: {}", path.display());
    }
    Ok(())
}

/// Fails if they are not what would be written.
pub fn check(tools: &Tools) -> Result<()> {
    for (name, set, what) in FILES {
        let path = path(name);
        let found = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        ensure!(
            found == text(tools, set, what)?,
            "{} is stale: run `cargo xtask manifests`",
            path.display()
        );
    }
    Ok(())
}

fn text(tools: &Tools, set: &Set, what: &str) -> Result<String> {
    let rendered = render::rendered(tools, set, "1.30")?;
    Ok(format!(
        "# {what}\n# Made of chart/ by `cargo xtask manifests`: to change it, change that. \
         docs/kubernetes.md\n# says how to get the image to the nodes.\n{rendered}"
    ))
}

fn path(name: &str) -> PathBuf {
    workspace::root().join("deploy/kubernetes").join(name)
}
