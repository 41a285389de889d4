//! What OpenTelemetry calls a container and its place in Kubernetes (semantic conventions,
//! "Container" and "Kubernetes" resources).

use super::{Attribute, Detail};
use crate::model::{Container, Kubernetes, Workload};

pub(super) const CONTAINER_ID: &str = "container.id";
const NAMESPACE: &str = "k8s.namespace.name";
const POD: &str = "k8s.pod.name";
const CONTAINER: &str = "k8s.container.name";
const NODE: &str = "k8s.node.name";

/// Kubernetes' word for what keeps pods running, and its attribute. Of others (somebody's own
/// kind) there is none.
const WORKLOADS: [(&str, &str); 6] = [
    ("Deployment", "k8s.deployment.name"),
    ("StatefulSet", "k8s.statefulset.name"),
    ("DaemonSet", "k8s.daemonset.name"),
    ("CronJob", "k8s.cronjob.name"),
    ("Job", "k8s.job.name"),
    ("ReplicaSet", "k8s.replicaset.name"),
];

/// Every name that there may be, and what it says.
pub const NAMES: [(&str, &str); 11] = [
    (
        CONTAINER_ID,
        "the engine's id: 64 hexadecimal digits; `_other` of containers past a bound",
    ),
    (CONTAINER, "its name in the pod, where known"),
    ("k8s.cronjob.name", "what keeps such pods running"),
    ("k8s.daemonset.name", "likewise"),
    ("k8s.deployment.name", "likewise"),
    ("k8s.job.name", "likewise"),
    (NAMESPACE, "the namespace"),
    (NODE, "the node, where known"),
    (POD, "the pod"),
    (
        "k8s.replicaset.name",
        "what keeps such pods running, where no Deployment does",
    ),
    ("k8s.statefulset.name", "what keeps such pods running"),
];

/// Bytes of a value that are kept: Kubernetes' own names have at most 253.
const MAX_VALUE: usize = 256;

/// Digits of a container's id that people are shown, as `docker ps` does.
const SHORT_ID: usize = 12;

/// All that is known of a container, by name; values that are empty are left out.
pub fn all(container: &Container) -> impl Iterator<Item = (&'static str, &str)> {
    let id = (CONTAINER_ID, container.id.as_str());
    let place = container.kubernetes.as_ref().map(place);
    said(std::iter::once(id).chain(place.into_iter().flatten()))
}

/// What is said of it where requests are summed up, in the order of the names.
pub(super) fn of(container: &Container, detail: Detail) -> Vec<Attribute> {
    let mut said: Vec<Attribute> = match (detail, &container.kubernetes) {
        (Detail::Container, None) => owned([(CONTAINER_ID, container.id.as_str())]),
        (Detail::Container, Some(kubernetes)) => owned(place(kubernetes)),
        (Detail::Workload, Some(kubernetes)) => owned(workload(kubernetes)),
        // Its id is new with each start of it.
        (Detail::Workload, None) | (Detail::None, _) => Vec::new(),
    };
    said.sort_unstable();
    said
}

/// What one calls a container: `namespace/pod`, or the begin of its id.
#[must_use]
pub fn name(container: &Container) -> String {
    called(&all(container).collect::<Vec<_>>())
}

/// What one calls it.
pub(super) fn called(said: &[(&'static str, &str)]) -> String {
    let named = value(said, POD).or_else(|| Some(keeper_of(said)?.1));
    match (value(said, NAMESPACE), named, value(said, CONTAINER_ID)) {
        (Some(namespace), Some(name), _) => format!("{namespace}/{name}"),
        (None, Some(name), _) | (Some(name), None, _) => name.to_owned(),
        (None, None, Some(id)) => id[..id.floor_char_boundary(SHORT_ID)].to_owned(),
        (None, None, None) => String::new(),
    }
}

/// What no other has: namespace, pod and container; namespace, kind and name of a workload; or
/// a container's id.
#[must_use]
pub fn path(said: &[(&'static str, &str)]) -> String {
    let place = [NAMESPACE, POD, CONTAINER].map(|name| value(said, name));
    let mut parts: Vec<&str> = place.into_iter().flatten().collect();
    if let (None, Some((kind, name))) = (place[1], keeper_of(said)) {
        let kind = kind.trim_start_matches("k8s.").trim_end_matches(".name");
        parts.extend([kind, name]);
    }
    if parts.is_empty() {
        parts.extend(value(said, CONTAINER_ID));
    }
    parts.join("/")
}

fn value<'a>(said: &[(&'static str, &'a str)], wanted: &str) -> Option<&'a str> {
    let found = said.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, value)| *value)
}

/// Attribute and name of the workload.
fn keeper_of<'a>(said: &[(&'static str, &'a str)]) -> Option<(&'static str, &'a str)> {
    let mut keepers = WORKLOADS.iter();
    keepers.find_map(|(_, name)| Some((*name, value(said, name)?)))
}

fn owned<'a>(given: impl IntoIterator<Item = (&'static str, &'a str)>) -> Vec<Attribute> {
    let said = said(given.into_iter());
    said.map(|(name, value)| (name, value.into())).collect()
}

fn said<'a>(
    given: impl Iterator<Item = (&'static str, &'a str)>,
) -> impl Iterator<Item = (&'static str, &'a str)> {
    let cut = |value: &'a str| &value[..value.floor_char_boundary(MAX_VALUE)];
    given
        .map(move |(name, value)| (name, cut(value)))
        .filter(|(_, value)| !value.is_empty())
}

fn place(kubernetes: &Kubernetes) -> impl Iterator<Item = (&'static str, &str)> {
    let known = [
        Some((NAMESPACE, kubernetes.namespace.as_str())),
        Some((POD, kubernetes.pod.as_str())),
        kubernetes
            .container
            .as_deref()
            .map(|name| (CONTAINER, name)),
        kubernetes.node.as_deref().map(|name| (NODE, name)),
        kubernetes.workload.as_ref().and_then(keeper),
    ];
    known.into_iter().flatten()
}

/// What stays the same when the pods are replaced; a pod that stands for itself is not.
fn workload(kubernetes: &Kubernetes) -> impl Iterator<Item = (&'static str, &str)> {
    let keeper = match &kubernetes.workload {
        Some(workload) => keeper(workload),
        None => Some((POD, kubernetes.pod.as_str())),
    };
    let namespace = (NAMESPACE, kubernetes.namespace.as_str());
    std::iter::once(namespace).chain(keeper)
}

fn keeper(workload: &Workload) -> Option<(&'static str, &str)> {
    let mut known = WORKLOADS.iter();
    let (_, name) = known.find(|(kind, _)| *kind == workload.kind)?;
    Some((name, &workload.name))
}
