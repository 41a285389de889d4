//! `cargo xtask dashboards`: render every Grafana dashboard, and hold them against Grafana's
//! own types and the Flux in them against `InfluxData`'s parser. Both come from npm, by the
//! versions and integrities in `tests/grafana/package-lock.json`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{command, workspace};

/// As `--datasource` has them.
const DATA_SOURCES: [&str; 3] = ["influxql", "flux", "prometheus"];

/// What checks them.
const CHECKER: &str = "tests/grafana";

/// What Grafana asks for that a wrong dashboard has not, and the other way round: the
/// checker has to find each.
const FAULTS: [(&str, &str); 4] = [
    ("\"type\": \"timeseries\"", "\"type\": \"timeseriez\""),
    ("\"drawStyle\": \"line\"", "\"drawStyle\": \"lines\""),
    ("\"lineWidth\": 1", "\"lineWidht\": 1"),
    ("\"showLegend\": true", "\"showLegend\": \"yes\""),
];

/// Writes them and checks them.
pub fn run() -> Result<()> {
    let rendered = render(&workspace::wsgiprobe()?)?;
    anstream::println!("{} dashboards in target/dashboards", rendered.len());
    let checker = tempfile::tempdir()?;
    prepare(checker.path())?;
    types(checker.path(), &rendered)?;
    flux(checker.path(), &rendered)
}

/// Writes them to `target/dashboards`, for each kind of data source.
pub fn render(program: &Path) -> Result<Vec<PathBuf>> {
    let folder = workspace::target_dir()?.join("dashboards");
    // Nothing of an earlier version stays.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    for from in DATA_SOURCES {
        let mut command = Command::new(program);
        command.args(["dashboards", "--datasource", from, "--dir"]);
        command::run_quietly(command.arg(&folder))?;
    }
    let rendered = files(&folder, "json")?;
    ensure!(!rendered.is_empty(), "no dashboards were written");
    Ok(rendered)
}

/// The checker, with its packages, in a folder of its own.
fn prepare(folder: &Path) -> Result<()> {
    let source = workspace::root().join(CHECKER);
    for file in fs::read_dir(&source).with_context(|| source.display().to_string())? {
        let file = file?;
        fs::copy(file.path(), folder.join(file.file_name()))?;
    }
    let mut npm = Command::new("npm");
    npm.current_dir(folder);
    command::run_quietly(npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])).context(
        "the dashboards are checked with packages from npm: it needs node, npm and a registry",
    )
}

/// Grafana's own types have them all; and would not have wrong ones.
fn types(checker: &Path, rendered: &[PathBuf]) -> Result<()> {
    for file in rendered {
        let name = file.file_stem().context("a file without a name")?;
        let name = checker.join(name).with_extension("ts");
        fs::write(name, typed(&fs::read_to_string(file)?))?;
    }
    command::run(&mut tsc(checker))
        .context("not as @grafana/schema has dashboards: see the lines above")?;
    let of_lines = rendered
        .iter()
        .find(|file| file.ends_with("wsgiprobe-request-anatomy-influxql.json"))
        .context("no request-anatomy")?;
    let right = fs::read_to_string(of_lines)?;
    let wrong = checker.join("wrong.ts");
    for (right_part, wrong_part) in FAULTS {
        let text = right.replacen(right_part, wrong_part, 1);
        ensure!(text != right, "there is no {right_part} to make wrong");
        fs::write(&wrong, typed(&text))?;
        let found = !tsc(checker).output()?.status.success();
        ensure!(found, "the checker takes {wrong_part}");
    }
    anstream::println!(
        "{} are as @grafana/schema has them; {} faults put into one were found",
        rendered.len(),
        FAULTS.len()
    );
    Ok(())
}

fn typed(json: &str) -> String {
    format!(
        "import type {{ Dashboard }} from \"./shapes.js\";\n\
         export const dashboard = {} satisfies Dashboard;\n",
        json.trim_end()
    )
}

fn tsc(checker: &Path) -> Command {
    let mut command = Command::new(checker.join("node_modules/.bin/tsc"));
    command.current_dir(checker).args(["--project", "."]);
    command
}

/// `InfluxData`'s parser and type checker take all Flux.
fn flux(checker: &Path, rendered: &[PathBuf]) -> Result<()> {
    let of_flux = rendered
        .iter()
        .filter(|file| file.to_string_lossy().ends_with("-flux.json"));
    let mut node = Command::new("node");
    node.current_dir(checker).arg("flux.mjs").args(of_flux);
    command::run(&mut node)
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = file?.path();
        if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
