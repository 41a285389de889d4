//! What wsgiprobe writes, to the letter of its contract.

pub mod parts;

use std::collections::BTreeMap;

use serde::Deserialize;

/// A line of `--jsonl`: every key is always there, and no other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// When the request was read: RFC 3339 with nanoseconds.
    pub time: String,
    /// Apache child.
    pub pid: u32,
    /// Its thread.
    pub tid: u32,
    /// mod_wsgi daemon.
    #[serde(deserialize_with = "present")]
    pub daemon_pid: Option<u32>,
    /// Its thread.
    #[serde(deserialize_with = "present")]
    pub daemon_tid: Option<u32>,
    /// Who served it.
    #[serde(deserialize_with = "present")]
    pub mode: Option<Mode>,
    /// mod_wsgi's group of processes.
    #[serde(deserialize_with = "present")]
    pub process_group: Option<String>,
    /// The engine's id of the container that the server runs in.
    #[serde(deserialize_with = "present")]
    pub container_id: Option<String>,
    /// Its place in Kubernetes.
    #[serde(deserialize_with = "present")]
    pub k8s: Option<Kubernetes>,
    /// Address and port.
    pub client: std::net::SocketAddr,
    /// Address and port.
    pub server: std::net::SocketAddr,
    /// Token as sent.
    #[serde(deserialize_with = "present")]
    pub method: Option<String>,
    /// Without query.
    #[serde(deserialize_with = "present")]
    pub path: Option<String>,
    /// The path is longer than that.
    pub path_truncated: bool,
    /// The path's group.
    pub route: String,
    /// `0.9`, `1.0`, `1.1`.
    #[serde(deserialize_with = "present")]
    pub protocol: Option<String>,
    /// The final one.
    #[serde(deserialize_with = "present")]
    pub status: Option<u16>,
    /// Head and body as read.
    pub request_bytes: u64,
    /// All that was written.
    pub response_bytes: u64,
    /// Request line to last write, like the other times in nanoseconds.
    #[serde(deserialize_with = "present")]
    pub duration: Option<u64>,
    /// Connection established to first read.
    #[serde(deserialize_with = "present")]
    pub accept_wait: Option<u64>,
    /// First byte to head complete.
    #[serde(deserialize_with = "present")]
    pub read_time: Option<u64>,
    /// Apache's own part before the application's.
    #[serde(deserialize_with = "present")]
    pub server_time: Option<u64>,
    /// Waiting for a daemon.
    #[serde(deserialize_with = "present")]
    pub queue_time: Option<u64>,
    /// The daemon's part before the application's.
    #[serde(deserialize_with = "present")]
    pub daemon_time: Option<u64>,
    /// The application's part.
    #[serde(deserialize_with = "present")]
    pub application_time: Option<u64>,
    /// After the application's part.
    #[serde(deserialize_with = "present")]
    pub send_time: Option<u64>,
    /// Request line to first byte of the final response.
    #[serde(deserialize_with = "present")]
    pub ttfb: Option<u64>,
    /// A pool thread was taken.
    #[serde(deserialize_with = "present")]
    pub busy_time: Option<u64>,
    /// On a CPU.
    #[serde(deserialize_with = "present")]
    pub cpu: Option<u64>,
    /// On a CPU, in Apache.
    #[serde(deserialize_with = "present")]
    pub cpu_apache: Option<u64>,
    /// On a CPU, in the daemon.
    #[serde(deserialize_with = "present")]
    pub cpu_daemon: Option<u64>,
    /// Not on a CPU, by cause.
    #[serde(deserialize_with = "present")]
    pub wait: Option<Wait>,
    /// How it ended.
    pub outcome: Outcome,
    /// It began before the attach.
    pub incomplete: bool,
}

/// A container's place in Kubernetes, as far as the API server has told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// Its namespace.
    pub namespace: String,
    /// Its pod.
    pub pod: String,
    /// Its name in the pod.
    #[serde(deserialize_with = "present")]
    pub container: Option<String>,
    /// The pod's node.
    #[serde(deserialize_with = "present")]
    pub node: Option<String>,
    /// What keeps such pods running.
    #[serde(deserialize_with = "present")]
    pub workload: Option<String>,
    /// Kubernetes' word for its kind.
    #[serde(deserialize_with = "present")]
    pub workload_kind: Option<String>,
}

/// What the threads of a request waited for, nanoseconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the names are the design's, where they are explained"
)]
pub struct Wait {
    #[serde(deserialize_with = "present")]
    pub runqueue: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub lock: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub upstream: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub client: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub disk: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub sleep: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub other: Option<u64>,
}

/// Who served a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(
    missing_docs,
    reason = "the names are the contract's, where they are explained"
)]
pub enum Mode {
    Embedded,
    Daemon,
    Static,
    Http,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the names are the contract's, where they are explained"
)]
pub enum Outcome {
    Ok,
    ClientClosed,
    ServerClosed,
    Timeout,
    Upgraded,
}

/// `--summary`: the counts of which the contract speaks. What else is in it is
/// kept, since what only informs may grow.
#[derive(Clone, Debug, Deserialize)]
pub struct Summary {
    /// Requests seen in the kernel.
    pub seen: u64,
    /// Requests written out.
    pub reported: u64,
    /// Requests not finished at the end.
    pub in_flight: u64,
    /// Requests lost, by cause.
    pub lost: BTreeMap<String, u64>,
    /// The back end.
    pub hooks: String,
    /// The kernel's release.
    pub kernel: String,
    /// Time to load and attach.
    pub attach_ms: f64,
    /// What the probe itself took.
    pub probe: Cost,
    /// All the rest.
    #[serde(flatten)]
    pub further: BTreeMap<String, serde_json::Value>,
}

impl Summary {
    /// A counter that only informs, wherever it stands; 0 if it is absent.
    #[must_use]
    pub fn note(&self, name: &str) -> u64 {
        let nested = self.further.values().find_map(|value| value.get(name));
        nested
            .or_else(|| self.further.get(name))
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0)
    }

    /// All that was lost.
    #[must_use]
    pub fn total_lost(&self) -> u64 {
        self.lost.values().sum()
    }
}

/// What the probe itself took.
#[derive(Clone, Debug, Deserialize)]
pub struct Cost {
    /// CPU seconds of wsgiprobe.
    pub cpu_s: f64,
    /// Its memory.
    pub rss_bytes: u64,
    /// Runs of its programs, where the kernel counts them.
    #[serde(deserialize_with = "present")]
    pub bpf_runs: Option<u64>,
    /// Time in its programs, where the kernel counts it.
    #[serde(deserialize_with = "present")]
    pub bpf_ns: Option<u64>,
    /// Memory of its maps, where the kernel tells.
    #[serde(deserialize_with = "present")]
    pub kernel_bytes: Option<u64>,
    /// The same if all were full.
    #[serde(deserialize_with = "present")]
    pub kernel_bytes_max: Option<u64>,
}

/// Null is allowed, absence is not: naming a function takes away serde's default.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = include_str!("../fixtures/request.json");

    fn without(key: &str) -> serde_json::Value {
        let mut value: serde_json::Value = serde_json::from_str(REQUEST).expect("JSON");
        value
            .as_object_mut()
            .expect("an object")
            .remove(key)
            .expect("a key of the fixture");
        value
    }

    #[test]
    fn reads_the_contracts_example() {
        let request: Request = serde_json::from_str(REQUEST).expect("a request");
        assert_eq!(
            (request.method.as_deref(), request.status),
            (Some("GET"), Some(200))
        );
        assert_eq!(request.outcome, Outcome::Ok);
    }

    #[test]
    fn reads_a_place_in_kubernetes() {
        let mut value: serde_json::Value = serde_json::from_str(REQUEST).expect("JSON");
        value["k8s"] = serde_json::json!({
            "namespace": "shop", "pod": "front-1", "container": "web", "node": null,
            "workload": null, "workload_kind": null,
        });
        let request: Request = serde_json::from_value(value.clone()).expect("a request");
        let place = request.k8s.expect("a place");
        assert_eq!((&*place.pod, place.node), ("front-1", None));
        value["k8s"]
            .as_object_mut()
            .expect("an object")
            .remove("node");
        assert!(serde_json::from_value::<Request>(value).is_err());
    }

    #[test]
    fn every_key_must_be_there() {
        let keys: serde_json::Value = serde_json::from_str(REQUEST).expect("JSON");
        for key in keys.as_object().expect("an object").keys() {
            assert!(
                serde_json::from_value::<Request>(without(key)).is_err(),
                "{key} may be absent"
            );
        }
    }

    #[test]
    fn no_other_key_may_be_there() {
        let mut value: serde_json::Value = serde_json::from_str(REQUEST).expect("JSON");
        value["surprise"] = 1.into();
        assert!(serde_json::from_value::<Request>(value).is_err());
    }
}
