//! What the chart makes of values.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::tools::Tools;
use crate::{command, workspace};

/// Values, and what to call them.
pub struct Set {
    pub name: &'static str,
    /// A file of the chart's, if any.
    pub file: Option<&'static str>,
    /// `--set`, if any.
    pub values: &'static str,
}

/// What people have, and what turns every part of the templates on or off.
pub const SETS: [Set; 5] = [
    PRIVILEGED,
    CAPABILITIES,
    Set {
        name: "everything",
        file: Some("ci/everything-values.yaml"),
        values: "",
    },
    Set {
        name: "bare",
        file: None,
        values: "kubernetes.enabled=false,prometheus.enabled=false,networkPolicy.enabled=false,\
                 serviceAccount.create=false,resources=null,tolerations=null,nodeSelector=null",
    },
    Set {
        name: "no-rbac",
        file: None,
        values: "kubernetes.rbac=false,influxdb.url=http://influxdb:8086,influxdb.database=wsgi,\
                 influxdb.token.secret=influx,influxdb.spool.enabled=false",
    },
];

/// As it comes.
pub const PRIVILEGED: Set = Set {
    name: "privileged",
    file: None,
    values: "namespace.create=true",
};

/// With what it needs only.
pub const CAPABILITIES: Set = Set {
    name: "capabilities",
    file: None,
    values: "namespace.create=true,privileges=capabilities",
};

/// Versions of Kubernetes that it makes different things for: from each to before the next.
pub const VERSIONS: [(&str, &str); 2] = [("1.25", "1.30"), ("1.30", "")];

/// Where it lies.
pub fn chart() -> PathBuf {
    workspace::root().join("deploy/kubernetes/chart")
}

/// Helm's own doubts, with and without values.
pub fn lint(tools: &Tools) -> Result<()> {
    for set in &SETS {
        let home = tempfile::tempdir()?;
        let mut helm = tools.helm(home.path());
        helm.args(["lint", "--strict", "--quiet"]).arg(chart());
        command::run(given(&mut helm, set))?;
    }
    Ok(())
}

/// The manifests for that version.
pub fn rendered(tools: &Tools, set: &Set, version: &str) -> Result<String> {
    let home = tempfile::tempdir()?;
    let mut helm = tools.helm(home.path());
    helm.args(["template", "wsgiprobe"]).arg(chart());
    helm.args(["--namespace", "wsgiprobe", "--kube-version", version]);
    command::read(given(&mut helm, set))
}

fn given<'a>(helm: &'a mut Command, set: &Set) -> &'a mut Command {
    if let Some(file) = set.file {
        helm.arg("--values").arg(chart().join(file));
    }
    if !set.values.is_empty() {
        helm.args(["--set", set.values]);
    }
    helm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_is_of_this_version() {
        let text = std::fs::read_to_string(chart().join("Chart.yaml")).unwrap();
        for key in ["version", "appVersion"] {
            let line = format!("\n{key}: {}\n", env!("CARGO_PKG_VERSION"));
            assert!(text.contains(&line), "no `{}` in {text}", line.trim());
        }
    }
}
