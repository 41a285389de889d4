//! What keeps a pod running, as far as the pod itself tells: nothing else need be read.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::model::Workload;

/// Set by the Deployment controller on its `ReplicaSets`, whose names end with it, and on
/// their pods (Kubernetes: "Deployments, Pod-template-hash label").
const TEMPLATE_HASH: &str = "pod-template-hash";

/// Digits at the end of the name of a `CronJob`'s Job: the scheduled time in minutes, in
/// seconds before 1.21 (pkg/controller/cronjob/utils.go, `getJobName`).
const SCHEDULE_DIGITS: usize = 8;

/// `None` of a pod that stands for itself, and of a static one, which its node runs.
pub(super) fn of(pod: &ObjectMeta) -> Option<Workload> {
    let owners = pod.owner_references.as_deref().unwrap_or_default();
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    let (kind, name) = match owner.kind.as_str() {
        "Node" => return None,
        "ReplicaSet" => match deployment(pod, &owner.name) {
            Some(name) => ("Deployment", name),
            None => ("ReplicaSet", owner.name.as_str()),
        },
        "Job" => match cron_job(&owner.name) {
            Some(name) => ("CronJob", name),
            None => ("Job", owner.name.as_str()),
        },
        other => (other, owner.name.as_str()),
    };
    Some(Workload {
        kind: kind.into(),
        name: name.into(),
    })
}

fn deployment<'a>(pod: &ObjectMeta, replica_set: &'a str) -> Option<&'a str> {
    let hash = pod.labels.as_ref()?.get(TEMPLATE_HASH)?;
    let name = replica_set.strip_suffix(hash.as_str())?.strip_suffix('-')?;
    (!name.is_empty()).then_some(name)
}

/// Whether a `CronJob` made it is said in the Job alone. The name is what OpenTelemetry's
/// k8sattributes processor goes by as well.
fn cron_job(job: &str) -> Option<&str> {
    let (name, schedule) = job.rsplit_once('-')?;
    let is_time =
        schedule.len() >= SCHEDULE_DIGITS && schedule.bytes().all(|byte| byte.is_ascii_digit());
    (is_time && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn owned(owners: &Value, hash: Option<&str>) -> Option<(String, String)> {
        let labels = hash.map(|hash| json!({"pod-template-hash": hash}));
        let meta = json!({"ownerReferences": owners, "labels": labels});
        let workload = of(&serde_json::from_value(meta).unwrap())?;
        Some((workload.kind, workload.name))
    }

    fn by(kind: &str, name: &str, hash: Option<&str>) -> Option<(String, String)> {
        let owner = json!([{
            "apiVersion": "v1", "kind": kind, "name": name, "uid": "u", "controller": true,
        }]);
        owned(&owner, hash)
    }

    #[test]
    fn told_by_the_pod_alone() {
        for (kind, name, hash, expected) in [
            ("ReplicaSet", "web-5d4f8", Some("5d4f8"), "Deployment web"),
            ("ReplicaSet", "a-b-5d4f8", Some("5d4f8"), "Deployment a-b"),
            // Not a Deployment's, or not one of Kubernetes' own.
            ("ReplicaSet", "web", None, "ReplicaSet web"),
            ("ReplicaSet", "web-1", Some("5d4f8"), "ReplicaSet web-1"),
            ("ReplicaSet", "-5d4f8", Some("5d4f8"), "ReplicaSet -5d4f8"),
            ("ReplicaSet", "5d4f8", Some("5d4f8"), "ReplicaSet 5d4f8"),
            ("StatefulSet", "db", None, "StatefulSet db"),
            ("DaemonSet", "logs", None, "DaemonSet logs"),
            ("Job", "import", None, "Job import"),
            ("Job", "import-2026", None, "Job import-2026"),
            ("Job", "nightly-29393820", None, "CronJob nightly"),
            ("Job", "nightly-1763629200", None, "CronJob nightly"),
            ("Job", "nightly-2939382x", None, "Job nightly-2939382x"),
            ("Rollout", "canary", None, "Rollout canary"),
        ] {
            let (kind, name) = by(kind, name, hash).unwrap();
            assert_eq!(format!("{kind} {name}"), expected);
        }
    }

    #[test]
    fn nothing_keeps_it() {
        assert_eq!(owned(&json!(null), None), None);
        assert_eq!(owned(&json!([]), None), None);
        assert_eq!(by("Node", "node-a", None), None, "static");
        let no_controller =
            json!([{"apiVersion": "v1", "kind": "ReplicaSet", "name": "x", "uid": "u"}]);
        assert_eq!(owned(&no_controller, None), None);
    }
}
