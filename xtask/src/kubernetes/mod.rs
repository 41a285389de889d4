//! `cargo xtask kubernetes`: render the Helm chart with several sets of values, and hold what
//! comes out against Kubernetes' own schemas, against itself, and against wsgiprobe's options.
//! `cargo xtask manifests` writes those for `kubectl apply`.
//!
//! - [`tools`]: Helm, and the schemas, from npm and PyPI;
//! - [`render`]: the sets;
//! - [`schema`]: what the API server would refuse, from 1.25 on;
//! - [`references`]: names that one object has of another, which no schema knows;
//! - [`options`]: whether wsgiprobe takes what the container is started with;
//! - [`committed`]: the manifests in the repository;
//! - [`faults`]: whether all that finds anything.
//!
//! No schema of `ServiceMonitor`, which is the Prometheus Operator's, is to be had here: only
//! its references are looked at.

mod committed;
mod faults;
mod options;
mod references;
mod render;
mod schema;
pub mod tools;

use anyhow::{Context as _, Result};

use self::render::{SETS, Set, VERSIONS};
use self::tools::Tools;
use crate::workspace;

/// Does all of it.
pub fn run() -> Result<()> {
    let tools = Tools::ready()?;
    let program = workspace::wsgiprobe()?;
    let folder = tempfile::tempdir()?;
    render::lint(&tools)?;
    let mut objects = 0;
    for set in &SETS {
        objects += one(&tools, &program, set, folder.path())
            .with_context(|| format!("the chart with the values {}", set.name))?;
    }
    anstream::println!(
        "{} sets of values: {objects} objects are as Kubernetes {} to {} have them",
        SETS.len(),
        VERSIONS[0].0,
        schema::newest(&tools)?,
    );
    committed::check(&tools)?;
    faults::found(&tools, folder.path())
}

/// Writes the manifests in the repository.
pub fn manifests() -> Result<()> {
    committed::write(&Tools::ready()?)
}

/// How many objects it was rendered to, for all versions.
fn one(
    tools: &Tools,
    program: &std::path::Path,
    set: &Set,
    folder: &std::path::Path,
) -> Result<usize> {
    let mut objects = 0;
    for versions in VERSIONS {
        let file = folder.join("rendered.yaml");
        std::fs::write(&file, render::rendered(tools, set, versions.0)?)?;
        objects += schema::check(tools, &file, versions)?;
        references::check(&schema::read(tools, &file)?)?;
        options::check(program, &schema::read(tools, &file)?, folder)?;
    }
    Ok(objects)
}
