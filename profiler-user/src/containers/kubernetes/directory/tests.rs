use serde_json::{Value, json};

use super::*;
use crate::containers::kubernetes::pod::tests;

fn pod(uid: &str, statuses: &Value) -> Pod {
    let told = tests::json(uid, &format!("pod-{uid}"), statuses);
    Pod::new(serde_json::from_value(told).unwrap()).unwrap()
}

fn web(uid: &str, id: &str) -> Pod {
    let id = format!("containerd://{id}");
    pod(uid, &json!([{"name": "web", "containerID": id}]))
}

fn identity(id: &str, pod_uid: Option<&str>) -> Identity {
    Identity {
        id: id.into(),
        runtime: None,
        pod_uid: pod_uid.map(Into::into),
        outer: None,
    }
}

fn name(directory: &Directory, id: &str, uid: Option<&str>) -> Option<(String, Option<String>)> {
    let found = directory.find(&identity(id, uid))?.kubernetes;
    Some((found.pod, found.container))
}

#[test]
fn a_pod_is_found_by_its_uid_before_its_containers_are_known() {
    let directory = Directory::default();
    assert_eq!(name(&directory, "a", Some("u")), None);
    directory.apply(pod("u", &json!(null))).unwrap();
    assert_eq!(
        name(&directory, "a", Some("u")),
        Some(("pod-u".into(), None))
    );
    directory.apply(web("u", "a")).unwrap();
    let found = directory.find(&identity("a", Some("u"))).unwrap();
    assert_eq!(found.kubernetes.container.as_deref(), Some("web"));
    assert_eq!(found.kubernetes.namespace, "shop");
    assert_eq!(found.runtime, Some("containerd"));
    assert_eq!(found.kubernetes.workload.unwrap().kind, "Deployment");
}

#[test]
fn without_a_uid_it_is_found_by_its_container() {
    let directory = Directory::default();
    directory.apply(web("u", "a")).unwrap();
    assert_eq!(name(&directory, "a", None).unwrap().0, "pod-u");
    assert_eq!(name(&directory, "b", None), None);
    // The id is another pod's: whoever named the cgroup is not believed.
    assert_eq!(name(&directory, "a", Some("v")), None);
}

#[test]
fn what_runs_within_a_container_is_that_containers() {
    let directory = Directory::default();
    directory.apply(web("u", "a")).unwrap();
    let mut inner = identity("inner", Some("u"));
    inner.outer = Some("a".into());
    let found = directory.find(&inner).unwrap();
    assert_eq!(found.kubernetes.container.as_deref(), Some("web"));
}

#[test]
fn a_static_pod_is_found_by_its_mirror() {
    let directory = Directory::default();
    let mut mirror = web("u", "a");
    mirror.static_uid = Some("7d2f".into());
    directory.apply(mirror).unwrap();
    assert_eq!(name(&directory, "a", Some("7d2f")).unwrap().0, "pod-u");
}

#[test]
fn the_revision_tells_of_changes_that_matter() {
    let directory = Directory::default();
    let begin = directory.revision();
    directory.apply(web("u", "a")).unwrap();
    let there = directory.revision();
    assert!(there > begin);
    directory.apply(web("u", "a")).unwrap();
    assert_eq!(directory.revision(), there, "nothing is new");
    directory.apply(web("u", "b")).unwrap();
    assert!(directory.revision() > there, "it was started anew");
    assert_eq!(
        name(&directory, "a", Some("u")).unwrap().1.as_deref(),
        Some("web")
    );
}

fn knows(directory: &Directory, uid: &str) -> bool {
    name(directory, uid, Some(uid)).is_some()
}

/// As if what is gone were so for long.
fn forgets(directory: &Directory) {
    directory.lock().remembered = Duration::ZERO;
    directory.apply(web("x", "x")).unwrap();
    directory.lock().remembered = REMEMBERED;
}

#[test]
fn what_is_gone_is_remembered_for_a_while() {
    let directory = Directory::default();
    for uid in ["u", "v"] {
        directory.apply(web(uid, uid)).unwrap();
    }
    directory.remove(web("u", "u"));
    assert!(knows(&directory, "u"));
    forgets(&directory);
    assert!(!knows(&directory, "u") && knows(&directory, "v"));
    // By a list that does not have it any more.
    directory.begin();
    directory.listed(web("w", "w")).unwrap();
    directory.end();
    assert!(knows(&directory, "v") && knows(&directory, "w"));
    forgets(&directory);
    assert!(!knows(&directory, "v") && knows(&directory, "w"));
}

#[test]
fn a_pod_that_is_there_after_all_is_kept() {
    let directory = Directory::default();
    directory.remove(web("u", "u"));
    directory.apply(web("u", "u")).unwrap();
    forgets(&directory);
    assert!(knows(&directory, "u"));
}

#[test]
fn a_list_that_broke_off_removes_nothing() {
    let directory = Directory::default();
    directory.apply(web("u", "u")).unwrap();
    directory.begin();
    directory.listed(web("v", "v")).unwrap();
    directory.begin();
    directory.listed(web("u", "u")).unwrap();
    directory.listed(web("v", "v")).unwrap();
    directory.end();
    forgets(&directory);
    assert!(knows(&directory, "u") && knows(&directory, "v"));
}

#[test]
fn it_does_not_grow_beyond_its_size() {
    let directory = Directory::of_size(2);
    directory.apply(web("u", "u")).unwrap();
    directory.apply(web("v", "v")).unwrap();
    assert_eq!(directory.apply(web("w", "w")), Err(Full));
    directory.apply(web("v", "v2")).unwrap();
    // One that is gone makes room.
    directory.remove(web("u", "u"));
    directory.apply(web("w", "w")).unwrap();
    assert_eq!(name(&directory, "u", Some("u")), None);
    assert_eq!(directory.lock().by_uid.len(), 2);
    assert!(directory.lock().gone.is_empty());
}
