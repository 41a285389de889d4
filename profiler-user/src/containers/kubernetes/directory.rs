//! The pods of this node: written by the watch, read by the pipeline.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pod::Pod;
use crate::containers::cgroup::Identity;
use crate::model::Kubernetes;

/// How long a pod is remembered that is gone from the API server. One that is deleted by
/// force is gone at once, while its containers may serve until their grace period ends: 30 s
/// by default, seldom over 10 minutes. What they served then is reported within a second.
const REMEMBERED: Duration = Duration::from_mins(10);

/// Pods kept, gone ones among them: several times what the largest nodes have (Kubernetes
/// advises 110, and `--max-pods` of 500 is in use), for Jobs that come and go. Some 1 KiB
/// each.
const PODS: usize = 4096;

/// What the API server says of the pods.
#[derive(Debug)]
pub struct Directory {
    revision: AtomicU64,
    pods: Mutex<Pods>,
}

#[derive(Debug)]
struct Pods {
    by_uid: HashMap<String, Pod>,
    /// Uids of those that are gone, since when; in that order.
    gone: VecDeque<(Instant, String)>,
    /// Uids in the list that is being read.
    listed: HashSet<String>,
    capacity: usize,
    remembered: Duration,
}

/// What is known of a container.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::containers) struct Found {
    pub(in crate::containers) kubernetes: Kubernetes,
    pub(in crate::containers) runtime: Option<&'static str>,
}

/// There is no room for one more pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Default for Directory {
    fn default() -> Self {
        Self::of_size(PODS)
    }
}

impl Directory {
    fn of_size(capacity: usize) -> Self {
        Self {
            // 0 stands for a directory that there is not.
            revision: AtomicU64::new(1),
            pods: Mutex::new(Pods {
                by_uid: HashMap::new(),
                gone: VecDeque::new(),
                listed: HashSet::new(),
                capacity,
                remembered: REMEMBERED,
            }),
        }
    }

    /// Grows with each change that concerns an answer.
    pub(in crate::containers) fn revision(&self) -> u64 {
        // Pairs with the release in `changed`.
        self.revision.load(Ordering::Acquire)
    }

    /// The pod of a container, and which of the pod's it is.
    pub(in crate::containers) fn find(&self, identity: &Identity) -> Option<Found> {
        let id = identity.outer.as_ref().unwrap_or(&identity.id);
        let pods = self.lock();
        let pod = match &identity.pod_uid {
            // Never by the id as well: the uid is the kubelet's word.
            Some(uid) => pods.with_uid(uid),
            // From a cgroup namespace within the same pod, the pod's part is not seen.
            None => pods.by_uid.values().find(|pod| pod.has(id)),
        }?;
        Some(Found {
            kubernetes: Kubernetes {
                namespace: pod.namespace.clone(),
                pod: pod.name.clone(),
                container: pod.container(id).map(Into::into),
                node: pod.node.clone(),
                workload: pod.workload.clone(),
            },
            runtime: pod.runtime(id),
        })
    }

    /// A list of all pods begins; one that broke off is forgotten.
    pub(super) fn begin(&self) {
        self.lock().listed.clear();
    }

    /// A pod of the list.
    pub(super) fn listed(&self, pod: Pod) -> Result<(), Full> {
        self.lock().listed.insert(pod.uid.clone());
        self.apply(pod)
    }

    /// The list is complete: whatever was not in it is gone.
    pub(super) fn end(&self) {
        let mut pods = self.lock();
        let listed = std::mem::take(&mut pods.listed);
        let missing = pods.by_uid.keys().filter(|uid| !listed.contains(*uid));
        let missing: Vec<String> = missing.cloned().collect();
        for uid in missing {
            pods.depart(uid);
        }
        pods.forget();
    }

    /// A pod is new, or has changed.
    pub(super) fn apply(&self, mut pod: Pod) -> Result<(), Full> {
        let mut pods = self.lock();
        pods.gone.retain(|(_, uid)| *uid != pod.uid);
        pods.forget();
        match pods.by_uid.get(&pod.uid) {
            Some(before) => pod.succeed(before),
            None => pods.make_room()?,
        }
        // Most changes are of what is not kept: probes, conditions, times.
        if pods.by_uid.get(&pod.uid) != Some(&pod) {
            pods.by_uid.insert(pod.uid.clone(), pod);
            self.changed();
        }
        Ok(())
    }

    /// A pod is gone. What was served in it may still be to be reported.
    pub(super) fn remove(&self, pod: Pod) {
        let uid = pod.uid.clone();
        // Its last state may have an id that was not told before.
        let _ = self.apply(pod);
        let mut pods = self.lock();
        pods.depart(uid);
        pods.forget();
    }

    /// Under the lock: who sees the new revision waits for what is new.
    fn changed(&self) {
        self.revision.fetch_add(1, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Pods> {
        // Nothing in here is left half done where it could panic.
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pods {
    fn with_uid(&self, uid: &str) -> Option<&Pod> {
        let of_static = || {
            let mut all = self.by_uid.values();
            all.find(|pod| pod.static_uid.as_deref() == Some(uid))
        };
        self.by_uid.get(uid).or_else(of_static)
    }

    fn depart(&mut self, uid: String) {
        let known = self.by_uid.contains_key(&uid);
        if known && !self.gone.iter().any(|(_, gone)| *gone == uid) {
            self.gone.push_back((Instant::now(), uid));
        }
    }

    /// Lets go of those that are gone for long enough. That changes no answer that anybody
    /// waits for: containers that are remembered with their names keep them.
    fn forget(&mut self) {
        while let Some((since, uid)) = self.gone.front() {
            if since.elapsed() < self.remembered {
                return;
            }
            self.by_uid.remove(uid);
            self.gone.pop_front();
        }
    }

    fn make_room(&mut self) -> Result<(), Full> {
        if self.by_uid.len() < self.capacity {
            return Ok(());
        }
        let (_, uid) = self.gone.pop_front().ok_or(Full)?;
        self.by_uid.remove(&uid);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
