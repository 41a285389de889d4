//! Names from the Kubernetes API server.
//!
//! - `access`: where it is, and as whom to ask: the pod's service account, or a kubeconfig.
//! - `watch`: lists the pods of this node and follows what changes, in a task of its own.
//! - `pod`, `workload`: what is kept of each.
//! - [`Directory`]: those, for whoever asks.
//! - `teller`: what the operator is told.
//!
//! It takes list and watch of pods, nothing else. Without an answer all goes on: containers
//! have their ids then, and get their names once there is one.

mod access;
mod directory;
mod pod;
mod teller;
mod watch;
mod workload;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::sinks::Notices;
use access::Access;
pub use directory::Directory;
use teller::Teller;
use watch::{Pace, Watch};

/// How to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Also where this is no pod.
    pub always: bool,
    /// This node's name in Kubernetes.
    pub node: Option<String>,
    /// The file that says where the API server is, and as whom to ask it.
    pub kubeconfig: Option<PathBuf>,
}

/// Whom to ask, and of which node.
#[derive(Debug)]
pub struct Plan {
    access: Access,
    node: String,
}

impl Plan {
    /// `None` if there is nobody to ask, or it is not known for which node; the latter is
    /// told to `notices`. `host` is this host's name, `environment` looks up variables.
    pub fn new(
        settings: &Settings,
        host: &str,
        environment: impl Fn(&str) -> Option<String>,
        notices: &Notices,
    ) -> Option<Self> {
        let access = Access::choose(settings, environment)?;
        let node = node(settings, &access, host);
        if node.is_none() {
            // Nobody listens any more: then there is nobody to tell.
            let _ = notices.send(
                "kubernetes: --kube-node is missing (in a manifest WSGIPROBE_KUBE_NODE, from \
                 spec.nodeName): containers have their ids only"
                    .into(),
            );
        }
        let node = node?;
        Some(Self { access, node })
    }

    /// Starts the watch as a task there. What has to be read for it is read before this
    /// returns, with the privileges of whoever calls; whether it is answered is told to
    /// `notices`.
    pub async fn start(self, there: &Handle, notices: &Notices) -> Arc<Directory> {
        let directory = Arc::new(Directory::default());
        let first = self.access.reach(there).await;
        let watch = Watch {
            access: self.access,
            node: self.node,
            directory: Arc::clone(&directory),
            teller: Teller::new(notices.clone()),
            pace: Pace::default(),
            there: there.clone(),
        };
        there.spawn(watch.run(first));
        directory
    }
}

/// Outside of a pod, the host's name is the one that the kubelet takes by default, in lower
/// case (`--hostname-override`). In a pod it is the pod's, and to ask for all pods of the
/// cluster instead would cost the API server more than the names are worth.
fn node(settings: &Settings, access: &Access, host: &str) -> Option<String> {
    let default = || (*access != Access::InCluster).then(|| host.to_lowercase());
    settings.node.clone().or_else(default)
}

#[cfg(test)]
pub(super) use tests::tell;

#[cfg(test)]
mod tests;
