//! From the text of `/proc/PID/cgroup` to the container that the process is in.
//!
//! Each line is `hierarchy:controllers:path`, one for each mounted hierarchy of version 1
//! and `0::path` for version 2 (`cgroups(7)`); a hybrid host has both, and they may
//! disagree. The path of a container has the engine's id of 64 hexadecimal digits in it,
//! bare or within a name:
//!
//! | who | the part with the id |
//! |---|---|
//! | Docker | `docker/ID`, `docker-ID.scope` |
//! | Podman | `libpod-ID`, `libpod-ID.scope`, `libpod-payload-ID` |
//! | containerd by itself | `NAMESPACE/ID`, `nerdctl-ID.scope` |
//! | kubelet, cgroupfs driver | `kubepods/.../podUID/ID` (CRI-O: `crio-ID`) |
//! | kubelet, systemd driver | `...-podUID.slice/cri-containerd-ID.scope`, `crio-ID.scope`, `docker-ID.scope` |
//! | containerd, systemd names with cgroupfs | `...-podUID.slice:cri-containerd:ID` |
//!
//! A reader in a cgroup namespace of its own sees paths from there: `/../..` instead of
//! the upper parts (`cgroup_namespaces(7)`). So no part is looked for at a fixed place.

/// What a path tells of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The innermost container's id: the one whose files and network the process sees.
    pub id: String,
    /// Its engine, where the path tells.
    pub runtime: Option<&'static str>,
    /// The outermost pod's uid, with hyphens. That part of the path is the kubelet's; what
    /// is below a container can be named by whoever runs in it.
    pub pod_uid: Option<String>,
    /// The outermost container, or the pod's, if `id` runs within it (Docker in Docker):
    /// the API server knows that one.
    pub outer: Option<String>,
}

/// The container of a process; `None` for the host's own.
#[must_use]
pub fn parse(text: &str) -> Option<Identity> {
    let found = text.lines().filter_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        of_path(path)
    });
    // The hierarchies that a manager leaves alone say less: a line that has the pod, too,
    // is better than one that has not. Of equals the first.
    found.min_by_key(|identity| identity.pod_uid.is_none())
}

fn of_path(path: &str) -> Option<Identity> {
    // Of a cgroup that was removed while a process was (a zombie, mostly) in it.
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let mut pod_uid = None;
    let mut outer: Option<&str> = None;
    let mut inner: Option<(&str, Option<&'static str>)> = None;
    let mut parent = "";
    for part in path.split(['/', ':']) {
        if let Some((id, runtime)) = container(part, parent) {
            outer = outer.or(Some(id));
            inner = Some((id, runtime));
        } else if pod_uid.is_none()
            && let Some(uid) = pod(part)
        {
            pod_uid = Some(uid);
            // What is above the pod is the node (kind, k3s in Docker).
            (outer, inner) = (None, None);
        }
        parent = part;
    }
    let (id, runtime) = inner?;
    Some(Identity {
        id: id.into(),
        runtime,
        pod_uid,
        outer: outer.filter(|outer| *outer != id).map(Into::into),
    })
}

/// The id in a part of the path, and whose it is.
fn container<'a>(part: &'a str, parent: &str) -> Option<(&'a str, Option<&'static str>)> {
    let name = part.strip_suffix(".scope").unwrap_or(part);
    let (prefix, id) = match name.rsplit_once('-') {
        Some((prefix, id)) => (prefix, id),
        None => ("", name),
    };
    if !is_id(id) {
        return None;
    }
    let runtime = match prefix {
        // A pod of podman's, which is no container.
        "" if parent == "libpod_parent" => return None,
        "" => return Some((id, by_parent(parent))),
        "docker" => "docker",
        "cri-containerd" | "containerd" | "nerdctl" => "containerd",
        "crio" => "cri-o",
        "libpod" | "libpod-payload" => "podman",
        // conmon, which watches over a container from outside of it, and what else
        // engines name after containers.
        _ => return None,
    };
    Some((id, Some(runtime)))
}

/// Whose bare ids are below that part.
fn by_parent(parent: &str) -> Option<&'static str> {
    match parent {
        "docker" => Some("docker"),
        // With colons the driver stands before the id; the other two are containerd's own
        // namespaces: nerdctl's and ctr's, and Kubernetes'.
        "cri-containerd" | "default" | "k8s.io" => Some("containerd"),
        "crio" => Some("cri-o"),
        _ => None,
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(is_digit)
}

const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// The uid in a pod's part: `podUID`, or for systemd, which reads a hyphen as a level of
/// slices, `...-podUID.slice` with `_` instead. Of a static pod it is a hash without
/// hyphens (kubelet: pkg/kubelet/config/common.go).
fn pod(part: &str) -> Option<String> {
    let uid = match part.strip_suffix(".slice") {
        Some(slice) => slice.rsplit_once("-pod")?.1,
        None => part.strip_prefix("pod")?,
    };
    let uid = uid.replace('_', "-");
    is_uid(&uid).then_some(uid)
}

/// A UUID, or 32 digits.
fn is_uid(uid: &str) -> bool {
    let hyphens = uid.len() == 36;
    (hyphens || uid.len() == 32)
        && uid.bytes().enumerate().all(|(at, byte)| {
            if hyphens && matches!(at, 8 | 13 | 18 | 23) {
                byte == b'-'
            } else {
                is_digit(byte)
            }
        })
}

#[cfg(test)]
mod tests;
