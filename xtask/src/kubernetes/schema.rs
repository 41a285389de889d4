//! What the API server would refuse: unknown keys, wrong types, missing parts.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::tools::Tools;
use crate::command;

const SCRIPT: &str = include_str!("schema.py");

fn script<'a>(tools: &Tools, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut python = tools.python();
    python.args(["-c", SCRIPT]).args(arguments);
    python
}

/// Holds a file against all versions from one to before the other; says how many objects
/// that were.
pub fn check(tools: &Tools, file: &Path, (from, to): (&str, &str)) -> Result<usize> {
    let file = file.to_str().context("a path that is no text")?;
    let output = script(tools, ["check", file, from, to]).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "not as Kubernetes has it: {}{}",
        said.trim_end(),
        String::from_utf8_lossy(&output.stderr)
    );
    said.trim().parse().context("no count of objects")
}

/// The objects in a file.
pub fn read(tools: &Tools, file: &Path) -> Result<Vec<Value>> {
    let file = file.to_str().context("a path that is no text")?;
    let text = command::read(&mut script(tools, ["json", file]))?;
    serde_json::from_str(&text).context("the objects as JSON")
}

/// The newest version that there is a schema of.
pub fn newest(tools: &Tools) -> Result<String> {
    let said = command::read(&mut script(tools, ["newest"]))?;
    Ok(said.trim().to_owned())
}
