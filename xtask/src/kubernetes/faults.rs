//! Checks that find nothing prove nothing: faults are put into what was rendered.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::render::{SETS, chart, rendered};
use super::tools::Tools;
use super::{references, schema};

/// The newest versions.
const FROM: (&str, &str) = ("1.30", "");

/// What is right, what is wrong instead, and what the complaint has to say.
const OF_SCHEMA: [(&str, &str, &str); 5] = [
    ("hostPID: true", "hostPid: true", "hostPid"),
    ("containerPort: 9464", "containerPort: metrics", "integer"),
    ("kind: DaemonSet", "kind: DaemonSets", "DaemonSets"),
    ("- operator: Exists", "- operators: Exists", "operators"),
    ("policyTypes: [", "policytypes: [", "policytypes"),
];

const OF_REFERENCES: [(&str, &str, &str); 6] = [
    ("targetPort: metrics", "targetPort: metric", "Service leads"),
    (
        "    - port: metrics\n      path",
        "    - port: metric\n      path",
        "ServiceMonitor",
    ),
    (
        "              port: health",
        "              port: healthy",
        "startupProbe",
    ),
    (
        "verbs: [list, watch]",
        "verbs: [list, watch, delete]",
        "no more",
    ),
    (
        "enableServiceLinks: false",
        "enableServiceLinks: true",
        "enableServiceLinks",
    ),
    (
        "- name: spool\n              mount",
        "- name: spol\n              mount",
        "volume",
    ),
];

/// Values that there are not, or that are of another kind.
const OF_VALUES: [(&str, &str); 3] = [
    ("helth.port=1", "helth"),
    ("health.port=http", "port"),
    ("privileges=none", "privileges"),
];

/// Fails if one is not found, or for another reason than its own.
pub fn found(tools: &Tools, folder: &Path) -> Result<()> {
    let set = SETS.iter().find(|set| set.name == "everything");
    let right = rendered(tools, set.context("no such values")?, FROM.0)?;
    let file = folder.join("wrong.yaml");
    let put_in = |(part, wrong): (&str, &str)| -> Result<()> {
        let text = right.replacen(part, wrong, 1);
        ensure!(text != right, "there is no {part} to make wrong");
        Ok(fs::write(&file, text)?)
    };
    for (part, wrong, complaint) in OF_SCHEMA {
        put_in((part, wrong))?;
        told(
            schema::check(tools, &file, FROM).map(drop),
            wrong,
            complaint,
        )?;
    }
    for (part, wrong, complaint) in OF_REFERENCES {
        put_in((part, wrong))?;
        schema::check(tools, &file, FROM)?;
        let checked = references::check(&schema::read(tools, &file)?);
        told(checked, wrong, complaint)?;
    }
    for (values, complaint) in OF_VALUES {
        let mut helm = tools.helm(folder);
        helm.args(["template", "--set", values]).arg(chart());
        let output = helm.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success(), "Helm takes {values}");
        ensure!(said.contains(complaint), "of {values} is said: {said}");
    }
    anstream::println!(
        "{} faults put into one were found",
        OF_SCHEMA.len() + OF_REFERENCES.len() + OF_VALUES.len()
    );
    Ok(())
}

fn told(checked: Result<()>, wrong: &str, complaint: &str) -> Result<()> {
    match checked {
        Ok(()) => bail!("nobody minds {wrong}"),
        Err(error) => {
            let said = format!("{error:#}");
            ensure!(said.contains(complaint), "of {wrong} is said: {said}");
            Ok(())
        }
    }
}
