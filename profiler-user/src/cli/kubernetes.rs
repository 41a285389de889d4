//! The options for Kubernetes.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::values;
use crate::containers::kubernetes::Settings;

const KUBERNETES: &str = "Kubernetes";

/// Whether the API server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum When {
    /// In a pod, or with --kubeconfig
    Auto,
    /// Never: containers have their ids only
    Off,
    /// Always
    On,
}

#[derive(Debug, Args)]
pub(super) struct KubernetesOptions {
    /// Ask the API server for the names of pods, containers and workloads
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto, help_heading = KUBERNETES)]
    kubernetes: When,

    /// Name of this node in Kubernetes, and then of the host in all outputs; in a pod from its
    /// spec.nodeName, otherwise the host's name if not given
    #[arg(long, value_name = "NAME", value_parser = values::node, help_heading = KUBERNETES)]
    kube_node: Option<String>,

    /// Where the API server is and as whom to ask it; otherwise the pod's service account, or
    /// with --kubernetes on KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = KUBERNETES)]
    kubeconfig: Option<PathBuf>,
}

impl KubernetesOptions {
    /// The node's name, whether or not anybody is asked.
    pub(super) fn node(&self) -> Option<String> {
        self.kube_node.clone()
    }

    /// `None` if nobody is to be asked. A node's name alone asks for nothing: manifests set
    /// it in any case.
    pub(super) fn resolve(self) -> Option<Settings> {
        (self.kubernetes != When::Off).then_some(Settings {
            always: self.kubernetes == When::On,
            node: self.kube_node,
            kubeconfig: self.kubeconfig,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        options: KubernetesOptions,
    }

    fn resolved(arguments: &[&str]) -> Result<Option<Settings>, String> {
        let arguments = std::iter::once("x").chain(arguments.iter().copied());
        let only = Only::try_parse_from(arguments).map_err(|error| error.to_string())?;
        Ok(only.options.resolve())
    }

    #[test]
    fn what_is_asked_for() {
        assert_eq!(resolved(&[]).unwrap(), Some(Settings::default()));
        assert_eq!(
            resolved(&["--kubernetes", "off", "--kube-node", "n"]).unwrap(),
            None
        );
        let on = [
            "--kubernetes",
            "on",
            "--kube-node",
            "a.b",
            "--kubeconfig",
            "f",
        ];
        let expected = Settings {
            always: true,
            node: Some("a.b".into()),
            kubeconfig: Some("f".into()),
        };
        assert_eq!(resolved(&on).unwrap(), Some(expected));
    }

    #[test]
    fn a_name_that_selects_more_than_a_node_is_refused() {
        for name in [
            "",
            "a,status.phase!=x",
            "a b",
            "Node",
            "a=b",
            &"a".repeat(254),
        ] {
            let said = resolved(&["--kube-node", name]).unwrap_err();
            assert!(said.contains("--kube-node"), "{said}");
        }
    }
}
