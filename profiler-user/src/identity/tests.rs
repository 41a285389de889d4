use std::sync::Arc;

use super::*;
use crate::model::{Kubernetes, Workload};

/// Characters that end a value in one format or another.
pub(crate) const HOSTILE: &str = "a\n\"b\",c=d\\ {e}\r\u{1}";

/// A container of an engine alone; its id ends with that number.
pub(crate) fn docker(number: u32) -> Arc<Container> {
    Arc::new(Container {
        id: format!("{number:064x}"),
        runtime: Some("docker"),
        pod_uid: None,
        kubernetes: None,
    })
}

/// A container in Kubernetes of which all is known.
pub(crate) fn in_pod(pod: &str) -> Arc<Container> {
    let mut container = Container::clone(&docker(7));
    container.runtime = Some("containerd");
    container.pod_uid = Some("0d7d04d6-0000-4000-8000-000000000000".into());
    container.kubernetes = Some(Kubernetes {
        namespace: "shop".into(),
        pod: pod.into(),
        container: Some("web".into()),
        node: Some("n1".into()),
        workload: Some(Workload {
            kind: "Deployment".into(),
            name: "front".into(),
        }),
    });
    Arc::new(container)
}

/// The same, of which the names are all that is known.
pub(crate) fn bare_pod(pod: &str) -> Arc<Container> {
    let mut container = Container::clone(&in_pod(pod));
    if let Some(kubernetes) = &mut container.kubernetes {
        (kubernetes.container, kubernetes.node) = (None, None);
        kubernetes.workload = None;
    }
    Arc::new(container)
}

/// What is said of a container.
fn said(detail: Detail, container: &Arc<Container>) -> Vec<String> {
    let identity = Identities::new(detail).of(container);
    let attributes = identity.iter().flat_map(|identity| identity.attributes());
    attributes
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

#[test]
fn each_detail_says_its_own() {
    let id = format!("container.id={:064x}", 7);
    assert_eq!(said(Detail::Container, &docker(7)), [id]);
    assert_eq!(
        said(Detail::Container, &in_pod("front-1")),
        [
            "k8s.container.name=web",
            "k8s.deployment.name=front",
            "k8s.namespace.name=shop",
            "k8s.node.name=n1",
            "k8s.pod.name=front-1",
        ]
    );
    assert_eq!(
        said(Detail::Container, &bare_pod("p")),
        ["k8s.namespace.name=shop", "k8s.pod.name=p"]
    );
    let nothing: [&str; 0] = [];
    assert_eq!(said(Detail::Workload, &docker(7)), nothing);
    assert_eq!(
        said(Detail::Workload, &in_pod("front-1")),
        ["k8s.deployment.name=front", "k8s.namespace.name=shop"]
    );
    assert_eq!(
        said(Detail::Workload, &bare_pod("p")),
        ["k8s.namespace.name=shop", "k8s.pod.name=p"]
    );
    assert_eq!(said(Detail::None, &in_pod("front-1")), nothing);
}

#[test]
fn kinds_have_their_own_names_and_strange_ones_none() {
    for (kind, name) in [
        ("StatefulSet", "k8s.statefulset.name=front"),
        ("DaemonSet", "k8s.daemonset.name=front"),
        ("CronJob", "k8s.cronjob.name=front"),
        ("Job", "k8s.job.name=front"),
        ("ReplicaSet", "k8s.replicaset.name=front"),
        ("Rollout", ""),
    ] {
        let mut container = Container::clone(&in_pod("p"));
        let kubernetes = container.kubernetes.as_mut().unwrap();
        kubernetes.workload.as_mut().unwrap().kind = kind.into();
        let said = said(Detail::Workload, &Arc::new(container));
        let expected = [name, "k8s.namespace.name=shop"];
        let mut expected: Vec<&str> = expected.into_iter().filter(|x| !x.is_empty()).collect();
        expected.sort_unstable();
        assert_eq!(said, expected, "{kind}");
    }
}

#[test]
fn the_names_are_those_that_are_documented() {
    let mut known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    assert!(known.is_sorted());
    for (name, _) in all(&in_pod("p")).chain(all(&docker(1))) {
        assert!(known.contains(&name), "{name}");
    }
    known.dedup();
    assert_eq!(known.len(), NAMES.len());
}

#[test]
fn there_is_one_of_each() {
    let mut identities = Identities::new(Detail::Container);
    let (one, same, other) = (in_pod("a"), in_pod("a"), in_pod("b"));
    let first = identities.of(&one).unwrap();
    assert!(Arc::ptr_eq(&first, &identities.of(&one).unwrap()));
    assert!(Arc::ptr_eq(&first, &identities.of(&same).unwrap()));
    assert_ne!(first, identities.of(&other).unwrap());
    // What the API server tells later is another series.
    assert_ne!(first, identities.of(&docker(7)).unwrap());
    let mut workloads = Identities::new(Detail::Workload);
    assert_eq!(workloads.of(&one), workloads.of(&other));
}

#[test]
fn names_for_people() {
    let name = |detail, container| Identities::new(detail).of(&container).unwrap().name();
    assert_eq!(name(Detail::Container, docker(7)), "000000000000");
    assert_eq!(name(Detail::Container, in_pod("front-1")), "shop/front-1");
    assert_eq!(name(Detail::Workload, in_pod("front-1")), "shop/front");
    assert_eq!(Identity::several().name(), "several");
}

#[test]
fn no_two_have_one_path() {
    let of = |detail, container| {
        let identity = Identities::new(detail).of(&container).unwrap();
        path(&identity.said())
    };
    let id = format!("{:064x}", 7);
    assert_eq!(of(Detail::Container, docker(7)), id);
    let place = "shop/front-1/web";
    assert_eq!(of(Detail::Container, in_pod("front-1")), place);
    let known: Vec<_> = all(&in_pod("front-1")).map(|(name, _)| name).collect();
    assert_eq!(known.len(), 6);
    let container = in_pod("front-1");
    assert_eq!(path(&all(&container).collect::<Vec<_>>()), place);
    let keeper = "shop/deployment/front";
    assert_eq!(of(Detail::Workload, in_pod("front-1")), keeper);
    assert_eq!(of(Detail::Workload, bare_pod("p")), "shop/p");
}

#[test]
fn says_what_is_true_of_a_container() {
    let mut identities = Identities::new(Detail::Container);
    let identity = identities.of(&in_pod("a")).unwrap();
    assert!(identity.is_of(&in_pod("a")));
    assert!(!identity.is_of(&in_pod("b")) && !identity.is_of(&docker(7)));
    assert!(!Identity::several().is_of(&docker(7)));
}

#[test]
fn a_value_without_end_is_cut_and_an_empty_one_left_out() {
    let long = in_pod(&"ü".repeat(1_000));
    let lengths = all(&long).map(|(_, value)| value.len());
    assert_eq!(lengths.max(), Some(256));
    assert!(all(&in_pod("")).all(|(name, _)| name != "k8s.pod.name"));
}
