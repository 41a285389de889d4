//! Every form of path that is known, and that nothing makes the reader fail.

use proptest::prelude::*;

use super::*;

const A: &str = "4a0fe3b8a2c1d6e5f4a0fe3b8a2c1d6e5f4a0fe3b8a2c1d6e5f4a0fe3b8a2c1d";
const B: &str = "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184";
const UID: &str = "0b8c3f6e-2a41-4d6b-9a57-1c2d3e4f5a6b";
const UID_: &str = "0b8c3f6e_2a41_4d6b_9a57_1c2d3e4f5a6b";
const STATIC: &str = "7d2f9c1b8e4a6053f1c2d3e4a5b60718";

/// With `A`, `B`, `UID`, `UID_` and `STATIC` filled in.
fn fill(text: &str) -> String {
    let words = [
        ("{A}", A),
        ("{B}", B),
        ("{UID}", UID),
        ("{UID_}", UID_),
        ("{STATIC}", STATIC),
    ];
    words
        .iter()
        .fold(text.to_owned(), |text, (word, is)| text.replace(word, is))
}

fn of(path: &str) -> Option<Identity> {
    parse(&fill(&format!("0::{path}\n")))
}

#[test]
fn containers_outside_of_kubernetes() {
    for (path, runtime) in [
        ("/docker/{A}", Some("docker")),
        ("/system.slice/docker-{A}.scope", Some("docker")),
        // systemd in the container has cgroups of its own.
        ("/docker/{A}/system.slice/apache2.service", Some("docker")),
        ("/system.slice/docker-{A}.scope/init.scope", Some("docker")),
        ("/libpod_parent/libpod-{A}", Some("podman")),
        ("/libpod_parent/{B}/libpod-{A}", Some("podman")),
        ("/machine.slice/libpod-{A}.scope", Some("podman")),
        ("/machine.slice/libpod-{A}.scope/container", Some("podman")),
        (
            "/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope/container",
            Some("podman"),
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope",
            Some("podman"),
        ),
        (
            "/system.slice/shop.service/libpod-payload-{A}",
            Some("podman"),
        ),
        ("/default/{A}", Some("containerd")),
        ("/system.slice/nerdctl-{A}.scope", Some("containerd")),
        // From a cgroup namespace beside it.
        ("/../{A}", None),
        ("/../../docker-{A}.scope", Some("docker")),
        ("/docker/{A} (deleted)", Some("docker")),
        ("/system.slice/docker-{A}.scope (deleted)", Some("docker")),
    ] {
        let expected = Identity {
            id: A.into(),
            runtime,
            pod_uid: None,
            outer: None,
        };
        assert_eq!(of(path), Some(expected), "{path}");
    }
}

#[test]
fn containers_of_pods() {
    for (path, runtime, pod) in [
        ("/kubepods/pod{UID}/{A}", None, UID),
        ("/kubepods/burstable/pod{UID}/{A}", None, UID),
        ("/kubepods/besteffort/pod{UID}/{A}", None, UID),
        ("/kubepods/burstable/pod{UID}/crio-{A}", Some("cri-o"), UID),
        ("/kubepods/besteffort/pod{STATIC}/{A}", None, STATIC),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/\
             cri-containerd-{A}.scope",
            Some("containerd"),
            UID,
        ),
        (
            "/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{A}.scope",
            Some("containerd"),
            UID,
        ),
        (
            "/kubepods.slice/kubepods-pod{STATIC}.slice/crio-{A}.scope",
            Some("cri-o"),
            STATIC,
        ),
        (
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/\
             crio-{A}.scope/container",
            Some("cri-o"),
            UID,
        ),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/\
             docker-{A}.scope",
            Some("docker"),
            UID,
        ),
        (
            "/system.slice/containerd.service/kubepods-burstable-pod{UID_}.slice:cri-containerd:{A}",
            Some("containerd"),
            UID,
        ),
        (
            "/kubepods-besteffort-pod{UID_}.slice:crio:{A}",
            Some("cri-o"),
            UID,
        ),
        // kind and k3s in Docker: the node is a container itself.
        ("/kubelet/kubepods/besteffort/pod{UID}/{A}", None, UID),
        (
            "/docker/{B}/kubelet/kubepods/burstable/pod{UID}/{A}",
            None,
            UID,
        ),
        (
            "/system.slice/docker-{B}.scope/kubelet.slice/kubelet-kubepods.slice/\
             kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{UID_}.slice/\
             cri-containerd-{A}.scope",
            Some("containerd"),
            UID,
        ),
        // From the cgroup namespaces of another pod, and of another container of this one's.
        ("/../../pod{UID}/{A}", None, UID),
        (
            "/../../kubepods-burstable-pod{UID_}.slice/cri-containerd-{A}.scope",
            Some("containerd"),
            UID,
        ),
        // systemd in the container.
        (
            "/kubepods/burstable/pod{UID}/{A}/system.slice/apache2.service",
            None,
            UID,
        ),
    ] {
        let expected = Identity {
            id: A.into(),
            runtime,
            pod_uid: Some(pod.into()),
            outer: None,
        };
        assert_eq!(of(path), Some(expected), "{path}");
    }
}

#[test]
fn within_a_container_the_innermost_counts_and_the_outermost_pod() {
    let inner = of("/kubepods/burstable/pod{UID}/{A}/docker/{B}").unwrap();
    assert_eq!((inner.id.as_str(), inner.runtime), (B, Some("docker")));
    assert_eq!(inner.pod_uid.as_deref(), Some(UID));
    assert_eq!(inner.outer.as_deref(), Some(A));

    // A cluster within the container: the kubelet that this host has is the outer one.
    let nested = of("/kubepods/pod{UID}/{A}/kubelet/kubepods/pod{STATIC}/{B}").unwrap();
    assert_eq!(
        (nested.id.as_str(), nested.pod_uid.as_deref()),
        (B, Some(UID))
    );
    assert_eq!(nested.outer.as_deref(), Some(A));

    let docker = of("/docker/{A}/docker/{B}").unwrap();
    assert_eq!((docker.id.as_str(), docker.pod_uid), (B, None));
    assert_eq!(docker.outer.as_deref(), Some(A));
}

#[test]
fn what_is_no_container() {
    for path in [
        "/",
        "",
        "/..",
        "/../..",
        "/init.scope",
        "/system.slice/apache2.service",
        "/system.slice/docker.service",
        "/user.slice/user-1000.slice/session-2.scope",
        "/machine.slice/libpod-conmon-{A}.scope",
        "/libpod_parent/{A}",
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/\
         crio-conmon-{A}.scope",
        // A pod's own, without a container.
        "/kubepods/burstable/pod{UID}",
        // An id that is too short, too long, or none.
        "/docker/4a0fe3b8a2c1",
        "/docker/{A}0",
        "/docker/zz0fe3b8a2c1d6e5f4a0fe3b8a2c1d6e5f4a0fe3b8a2c1d6e5f4a0fe3b8a2c1d",
    ] {
        assert_eq!(of(path), None, "{path}");
    }
    assert_eq!(parse(""), None);
    assert_eq!(parse("nonsense\n0:\n::\n"), None);
}

#[test]
fn what_only_looks_like_a_pod_has_no_uid() {
    for path in [
        "/kubepods/podnothing/{A}",
        "/kubepods/pod/{A}",
        "/kubepods/pod0b8c3f6e-2a41-4d6b-9a57-1c2d3e4f5a6/{A}",
        "/kubepods/pod0b8c3f6e02a4104d6b09a5701c2d3e4f5a6b/{A}",
    ] {
        let found = of(path).unwrap();
        assert_eq!((found.id.as_str(), found.pod_uid), (A, None), "{path}");
    }
}

#[test]
fn of_several_hierarchies_the_one_that_tells_most() {
    // Version 1, as Docker fills it; the last is version 2, of which it knows nothing.
    let hybrid = fill(
        "12:pids:/docker/{A}\n11:memory:/docker/{A}\n1:name=systemd:/docker/{A}\n\
         0::/system.slice/containerd.service\n",
    );
    assert_eq!(parse(&hybrid).unwrap().id, A);

    let reversed = fill("12:freezer:/\n11:cpu,cpuacct:/system.slice\n0::/docker/{A}\n");
    assert_eq!(parse(&reversed).unwrap().id, A);

    let with_pod = fill("3:cpuset:/{A}\n2:cpu,cpuacct:/kubepods/pod{UID}/{A}\n1:name=systemd:/\n");
    assert_eq!(parse(&with_pod).unwrap().pod_uid.as_deref(), Some(UID));

    // A controller's name may have a colon's neighbours, never a colon (name=systemd).
    let named = fill("1:name=systemd:/system.slice/docker-{A}.scope\n");
    assert_eq!(parse(&named).unwrap().runtime, Some("docker"));
}

proptest! {
    #[test]
    fn any_text_is_read(text in ".*") {
        let _ = parse(&text);
    }

    /// Paths of parts that mean something, in any order.
    #[test]
    fn any_path_is_read(parts in proptest::collection::vec(
        prop_oneof![
            Just("docker".to_owned()),
            Just("..".to_owned()),
            Just(":".to_owned()),
            Just(format!("docker-{A}.scope")),
            Just(format!("pod{UID}")),
            Just(format!("x-pod{UID_}.slice")),
            Just(A.to_owned()),
            Just(B.to_owned()),
            "[a-z:._-]{0,9}",
            "\\PC{0,70}",
        ],
        0..9,
    )) {
        let path = format!("0::/{}", parts.join("/"));
        if let Some(found) = parse(&path) {
            prop_assert_eq!(found.id.len(), 64);
            prop_assert!(found.outer.as_ref() != Some(&found.id));
            prop_assert!(found.pod_uid.is_none_or(|uid| matches!(uid.len(), 32 | 36)));
        }
    }
}
