//! A pod as the API server tells it, and what is kept of it.
//!
//! Only the fields below are decoded: environments, commands and volumes, which hold
//! secrets, are skipped where they stand in the answer, and gone with it.

use kube::core::Object;
use serde::Deserialize;

use super::workload;
use crate::model::Workload;

/// On a mirror pod, which stands for a static one: the uid that the kubelet gave the
/// latter, and its cgroup (Kubernetes: "Well-Known Labels, Annotations and Taints").
const STATIC_UID: &str = "kubernetes.io/config.hash";

/// Ids kept of one pod: of containers that were started anew, the newest.
const IDS: usize = 32;

/// As decoded.
pub(super) type Told = Object<Spec, Status>;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    node_name: Option<String>,
    containers: Option<Vec<Named>>,
    init_containers: Option<Vec<Named>>,
    ephemeral_containers: Option<Vec<Named>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Status {
    #[serde(rename = "initContainerStatuses")]
    init: Option<Vec<ContainerStatus>>,
    #[serde(rename = "containerStatuses")]
    ordinary: Option<Vec<ContainerStatus>>,
    #[serde(rename = "ephemeralContainerStatuses")]
    ephemeral: Option<Vec<ContainerStatus>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    /// `containerd://ID`; none until it was started.
    #[serde(rename = "containerID")]
    container_id: Option<String>,
    last_state: Option<LastState>,
}

#[derive(Clone, Debug, Deserialize)]
struct LastState {
    terminated: Option<Terminated>,
}

#[derive(Clone, Debug, Deserialize)]
struct Terminated {
    #[serde(rename = "containerID")]
    container_id: Option<String>,
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pod {
    pub(super) uid: String,
    /// Of a mirror pod: the uid that its cgroup has.
    pub(super) static_uid: Option<String>,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) node: Option<String>,
    pub(super) workload: Option<Workload>,
    /// The name of its only container, if it has just one of whatever kind.
    only: Option<String>,
    /// The oldest first.
    containers: Vec<Started>,
}

/// A container that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Started {
    id: String,
    name: String,
    runtime: Option<&'static str>,
}

impl Pod {
    /// `None` if it is none, for want of a name, say.
    pub(super) fn new(told: Told) -> Option<Self> {
        let Told {
            metadata,
            spec,
            status,
            ..
        } = told;
        let workload = workload::of(&metadata);
        let mut annotations = metadata.annotations.unwrap_or_default();
        Some(Self {
            uid: metadata.uid?,
            static_uid: annotations.remove(STATIC_UID),
            namespace: metadata.namespace?,
            name: metadata.name?,
            workload,
            only: only(&spec),
            node: spec.node_name,
            containers: status.map(started).unwrap_or_default(),
        })
    }

    /// Takes over the ids that the status does not tell any more: their last requests may
    /// still be to be reported.
    pub(super) fn succeed(&mut self, before: &Self) {
        let missing = before
            .containers
            .iter()
            .filter(|old| self.named(&old.id).is_none());
        let mut all: Vec<Started> = missing.cloned().collect();
        all.append(&mut self.containers);
        all.drain(..all.len().saturating_sub(IDS));
        self.containers = all;
    }

    /// Whether that container is one of its own.
    pub(super) fn has(&self, id: &str) -> bool {
        self.named(id).is_some()
    }

    /// The name of the container with that id.
    pub(super) fn container(&self, id: &str) -> Option<&str> {
        let named = self.named(id).map(|started| &started.name);
        named.or(self.only.as_ref()).map(String::as_str)
    }

    /// The engine of the container with that id.
    pub(super) fn runtime(&self, id: &str) -> Option<&'static str> {
        self.named(id)?.runtime
    }

    fn named(&self, id: &str) -> Option<&Started> {
        self.containers.iter().find(|started| started.id == id)
    }
}

fn only(spec: &Spec) -> Option<String> {
    let kinds = [
        &spec.containers,
        &spec.init_containers,
        &spec.ephemeral_containers,
    ];
    let mut all = kinds.into_iter().flatten().flatten();
    let first = all.next()?;
    all.next().is_none().then(|| first.name.clone())
}

fn started(status: Status) -> Vec<Started> {
    let kinds = [status.init, status.ordinary, status.ephemeral];
    let mut all = Vec::new();
    for status in kinds.into_iter().flatten().flatten() {
        let last = status.last_state.and_then(|state| state.terminated);
        let last = last.and_then(|terminated| terminated.container_id);
        for id in [last, status.container_id].into_iter().flatten() {
            all.extend(of_url(&id, &status.name));
        }
    }
    all
}

/// From `containerd://ID` (Kubernetes API: `ContainerStatus.containerID`, in the form
/// `type://id`).
fn of_url(url: &str, name: &str) -> Option<Started> {
    let (scheme, id) = url.split_once("://")?;
    let runtime = match scheme {
        "containerd" => Some("containerd"),
        "docker" => Some("docker"),
        "cri-o" => Some("cri-o"),
        _ => None,
    };
    Some(Started {
        id: id.into(),
        name: name.into(),
        runtime,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A pod as the API server writes one, with what must not be kept.
    pub(in super::super) fn json(uid: &str, name: &str, statuses: &Value) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": "shop",
                "uid": uid,
                "resourceVersion": "41",
                "labels": {"pod-template-hash": "5d4f8c7b9"},
                "annotations": {"secret.example/key": "hunter2"},
                "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:spec": {}}}],
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f8c7b9",
                    "uid": "r", "controller": true,
                }],
            },
            "spec": {
                "nodeName": "node-a",
                "containers": [
                    {"name": "web", "image": "x", "env": [{"name": "P", "value": "hunter2"}]},
                    {"name": "sidecar", "command": ["hunter2"]},
                ],
            },
            "status": {"phase": "Running", "containerStatuses": statuses},
        })
    }

    fn pod(json: Value) -> Pod {
        Pod::new(serde_json::from_value(json).unwrap()).unwrap()
    }

    #[test]
    fn keeps_what_is_needed_and_no_secret() {
        let statuses = json!([
            {"name": "web", "containerID": "containerd://aa",
             "lastState": {"terminated": {"containerID": "containerd://a0", "exitCode": 1}}},
            {"name": "sidecar", "state": {"waiting": {"reason": "ContainerCreating"}}},
        ]);
        let told: Told = serde_json::from_value(json("u", "web-5d4f8c7b9-x2x", &statuses)).unwrap();
        // Not even for as long as it is on its way.
        assert!(!format!("{:?} {:?}", told.spec, told.status).contains("hunter2"));
        let pod = Pod::new(told).unwrap();
        assert!(!format!("{pod:?}").contains("hunter2"));
        assert_eq!((&*pod.namespace, &*pod.name), ("shop", "web-5d4f8c7b9-x2x"));
        assert_eq!(pod.node.as_deref(), Some("node-a"));
        assert_eq!(pod.workload.as_ref().unwrap().name, "web");
        assert_eq!(pod.container("aa"), Some("web"));
        assert_eq!(
            pod.container("a0"),
            Some("web"),
            "before it was started anew"
        );
        assert_eq!(pod.container("bb"), None, "one of two");
        assert_eq!(pod.runtime("aa"), Some("containerd"));
    }

    #[test]
    fn an_only_container_is_known_before_it_is_started() {
        let mut one = json("u", "p", &json!(null));
        one["spec"] = json!({"containers": [{"name": "web"}]});
        one.as_object_mut().unwrap().remove("status");
        assert_eq!(pod(one.clone()).container("aa"), Some("web"));
        one["spec"]["initContainers"] = json!([{"name": "migrate"}]);
        assert_eq!(pod(one).container("aa"), None, "it may be the other");
    }

    #[test]
    fn containers_of_all_kinds_and_engines() {
        let mut all = json(
            "u",
            "p",
            &json!([{"name": "web", "containerID": "docker://d"}]),
        );
        all["status"]["initContainerStatuses"] =
            json!([{"name": "migrate", "containerID": "cri-o://c"}]);
        all["status"]["ephemeralContainerStatuses"] = json!([
            {"name": "debugger", "containerID": "newtd://n"},
            {"name": "none", "containerID": ""},
        ]);
        let pod = pod(all);
        let of = |id| (pod.container(id), pod.runtime(id));
        assert_eq!(of("d"), (Some("web"), Some("docker")));
        assert_eq!(of("c"), (Some("migrate"), Some("cri-o")));
        assert_eq!(of("n"), (Some("debugger"), None));
    }

    #[test]
    fn ids_of_before_are_kept_up_to_a_bound() {
        let started = |n: usize| json!([{"name": "web", "containerID": format!("docker://{n}")}]);
        let mut now = pod(json("u", "p", &started(0)));
        for n in 1..100 {
            let mut next = pod(json("u", "p", &started(n)));
            next.succeed(&now);
            now = next;
        }
        assert_eq!(now.containers.len(), IDS);
        assert_eq!(now.container("99"), Some("web"));
        assert!(now.has("68") && !now.has("67"));
    }

    #[test]
    fn a_mirror_pod_has_the_static_ones_uid() {
        let mut mirror = json("u", "p", &json!([]));
        mirror["metadata"]["annotations"] = json!({STATIC_UID: "7d2f"});
        mirror["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": "Node", "name": "node-a", "uid": "n", "controller": true,
        }]);
        let pod = pod(mirror);
        assert_eq!(pod.static_uid.as_deref(), Some("7d2f"));
        assert_eq!(pod.workload, None);
    }

    #[test]
    fn without_a_name_it_is_none() {
        let mut nameless = json("u", "p", &json!([]));
        nameless["metadata"].as_object_mut().unwrap().remove("name");
        assert_eq!(Pod::new(serde_json::from_value(nameless).unwrap()), None);
    }
}
