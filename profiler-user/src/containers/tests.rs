use std::path::Path;

use super::*;
use crate::containers::kubernetes::Directory;

const A: &str = "4a0fe3b8a2c1d6e5f4a0fe3b8a2c1d6e5f4a0fe3b8a2c1d6e5f4a0fe3b8a2c1d";
const B: &str = "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184";
const UID: &str = "0b8c3f6e-2a41-4d6b-9a57-1c2d3e4f5a6b";

/// A `/proc` of files.
struct Proc(tempfile::TempDir);

impl Proc {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn puts(&self, pid: u32, cgroup: &str) {
        let folder = self.path().join(pid.to_string());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cgroup"), format!("0::{cgroup}\n")).unwrap();
    }

    fn ends(&self, pid: u32) {
        fs::remove_dir_all(self.path().join(pid.to_string())).unwrap();
    }

    fn containers(&self, directory: Option<Arc<Directory>>) -> Containers {
        Containers::below(self.path().into(), 8, directory)
    }
}

#[test]
fn equal_containers_are_one_value() {
    let proc = Proc::new();
    proc.puts(1, "/init.scope");
    proc.puts(10, &format!("/docker/{A}"));
    proc.puts(11, &format!("/docker/{A}/system.slice"));
    proc.puts(20, &format!("/docker/{B}"));
    let mut containers = proc.containers(None);
    let first = containers.of(10).unwrap();
    assert_eq!((&*first.id, first.runtime), (A, Some("docker")));
    assert!(Arc::ptr_eq(&first, &containers.of(11).unwrap()));
    assert!(!Arc::ptr_eq(&first, &containers.of(20).unwrap()));
    assert_eq!(containers.of(1), None);
    assert_eq!(containers.of(99), None);
    assert_eq!(containers.of(u32::MAX), None);
}

#[test]
fn of_this_process_something_is_told_or_nothing() {
    // Wherever the tests run; what counts is that the real file is read.
    let mut containers = Containers::new(1, None);
    let text = fs::read_to_string("/proc/self/cgroup").unwrap();
    let expected = cgroup::parse(&text).map(|identity| identity.id);
    let found = containers.of(std::process::id());
    assert_eq!(found.map(|container| container.id.clone()), expected);
}

#[test]
fn what_was_learnt_outlives_the_process() {
    let proc = Proc::new();
    proc.puts(10, &format!("/docker/{A}"));
    let mut containers = proc.containers(None);
    containers.learn(10);
    proc.ends(10);
    assert_eq!(containers.at(10, 11).unwrap().id, A);
    // The number is used again.
    proc.puts(10, &format!("/docker/{B}"));
    assert_eq!(containers.at(10, 11).unwrap().id, A, "nobody told");
    containers.learn(10);
    assert_eq!(containers.at(10, 11).unwrap().id, B);
    proc.puts(10, "/system.slice/apache2.service");
    containers.learn(10);
    assert_eq!(containers.at(10, 11), None);
    // Gone before it could be learnt: its child tells.
    proc.ends(10);
    proc.puts(11, &format!("/docker/{A}"));
    containers.learn(10);
    assert_eq!(containers.at(10, 11).unwrap().id, A);
}

#[test]
fn what_was_not_learnt_is_looked_up_once() {
    let proc = Proc::new();
    proc.puts(10, &format!("/docker/{A}"));
    proc.puts(11, &format!("/docker/{B}"));
    proc.puts(20, &format!("/docker/{A}"));
    let mut containers = proc.containers(None);
    assert_eq!(
        containers.at(10, 11).unwrap().id,
        B,
        "who serves goes first"
    );
    assert_eq!(containers.at(20, 21).unwrap().id, A, "then its origin");
    assert_eq!(containers.at(30, 31), None);
    for pid in [10, 11, 20] {
        proc.ends(pid);
    }
    proc.puts(31, &format!("/docker/{A}"));
    assert_eq!(containers.at(10, 11).unwrap().id, B);
    assert_eq!(containers.at(20, 21).unwrap().id, A);
    assert_eq!(containers.at(30, 31), None);
}

#[test]
fn a_dead_process_without_a_cgroup_is_not_taken_for_the_hosts() {
    let proc = Proc::new();
    proc.puts(10, &format!("/docker/{A}"));
    proc.puts(11, "");
    fs::write(proc.path().join("11/cgroup"), "").unwrap();
    assert_eq!(proc.containers(None).at(10, 11).unwrap().id, A);
}

#[test]
fn no_more_places_than_there_is_room_for() {
    let proc = Proc::new();
    let mut containers = proc.containers(None);
    for pid in 0..1000 {
        containers.at(pid, pid);
    }
    assert_eq!(containers.places.len(), 8);
}

#[test]
fn what_the_api_server_tells_later_is_in_a_newer_value() {
    let proc = Proc::new();
    proc.puts(10, &format!("/kubepods/burstable/pod{UID}/{A}"));
    let directory = Arc::new(Directory::default());
    let mut containers = proc.containers(Some(Arc::clone(&directory)));
    containers.learn(10);
    let before = containers.at(10, 10).unwrap();
    assert_eq!((before.runtime, &before.kubernetes), (None, &None));
    assert!(Arc::ptr_eq(&before, &containers.at(10, 10).unwrap()));

    kubernetes::tell(&directory, UID, "web-0", &[("web", A)]);
    let after = containers.at(10, 10).unwrap();
    let told = after.kubernetes.as_ref().unwrap();
    assert_eq!(
        (&*told.pod, told.container.as_deref()),
        ("web-0", Some("web"))
    );
    assert_eq!(after.runtime, Some("containerd"));
    assert_eq!(before.kubernetes, None, "what was reported stays as it was");
    assert!(Arc::ptr_eq(&after, &containers.at(10, 10).unwrap()));
    assert!(Arc::ptr_eq(&after, &containers.refresh(&before)));
    assert!(Arc::ptr_eq(&after, &containers.of(10).unwrap()));

    // Something else happens on the node.
    kubernetes::tell(&directory, "u", "other", &[("web", B)]);
    assert!(Arc::ptr_eq(&after, &containers.at(10, 10).unwrap()));
}
