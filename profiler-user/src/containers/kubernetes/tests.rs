//! The watch against a stand-in for the API server: a real one is only to be had for
//! one-off proofs (docs/journal/2026-11-29-container-identity.md), and does not refuse,
//! forget and break on demand.

mod server;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::access::Access;
use super::pod::{Pod, tests as pods};
use super::teller::Teller;
use super::*;
use crate::containers::cgroup::Identity;
use server::Server;

/// However busy the machine is.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the API server would tell of a pod in which these containers were started.
pub(in crate::containers) fn tell(
    directory: &Directory,
    uid: &str,
    name: &str,
    started: &[(&str, &str)],
) {
    let pod = Pod::new(serde_json::from_value(pod(uid, name, started)).unwrap());
    directory.apply(pod.unwrap()).unwrap();
}

fn pod(uid: &str, name: &str, started: &[(&str, &str)]) -> Value {
    let status = |(name, id): &(&str, &str)| json!({"name": name, "containerID": format!("containerd://{id}")});
    pods::json(uid, name, &started.iter().map(status).collect())
}

/// A watch of a server.
struct Watched {
    server: Server,
    directory: Arc<Directory>,
    inbox: UnboundedReceiver<String>,
    said: Vec<String>,
    folder: tempfile::TempDir,
    task: JoinHandle<()>,
}

impl Watched {
    async fn start(server: Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "first").unwrap();
        let file = kubeconfig(&folder, &server);
        let (notices, inbox) = mpsc::unbounded_channel();
        let directory = Arc::new(Directory::default());
        let there = Handle::current();
        let access = Access::File(file);
        let first = access.reach(&there).await;
        let watch = Watch {
            access,
            node: "node-a".into(),
            directory: Arc::clone(&directory),
            teller: Teller::new(notices),
            pace: Pace {
                first_delay: Duration::from_millis(20),
                settled: Duration::from_millis(200),
            },
            there: there.clone(),
        };
        Self {
            server,
            directory,
            inbox,
            said: Vec::new(),
            folder,
            task: there.spawn(watch.run(first)),
        }
    }

    fn container(&self, uid: &str, id: &str) -> Option<String> {
        let identity = Identity {
            id: id.into(),
            runtime: None,
            pod_uid: Some(uid.into()),
            outer: None,
        };
        let found = self.directory.find(&identity)?.kubernetes;
        let container = found.container.unwrap_or_default();
        Some(format!("{} {container}", found.pod))
    }

    async fn until(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Ok(text) = self.inbox.try_recv() {
                self.said.push(text);
            }
            if is(self) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {:?}", self.said);
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn until_known(&mut self, uid: &str, id: &str, expected: &str) {
        let is = |watched: &Self| watched.container(uid, id).as_deref() == Some(expected);
        self.until(expected, is).await;
    }

    async fn until_said(&mut self, what: &str) {
        let is = |watched: &Self| watched.said.last().is_some_and(|last| last.contains(what));
        self.until(what, is).await;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn kubeconfig(folder: &tempfile::TempDir, server: &Server) -> PathBuf {
    let file = folder.path().join("kubeconfig");
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": format!("http://{}", server.address)}}],
        "users": [{"name": "u", "user": {"tokenFile": folder.path().join("token")}}],
    });
    std::fs::write(&file, text.to_string()).unwrap();
    file
}

#[tokio::test]
async fn lists_and_follows_the_pods_of_its_node() {
    let server = Server::start().await;
    server.puts(pod("u", "web-1", &[]));
    let mut watched = Watched::start(server).await;
    watched.until_known("u", "a", "web-1 ").await;
    watched
        .until("a watch", |all| all.server.watches() == 1)
        .await;
    for (uri, token) in watched.server.asked() {
        assert!(
            uri.contains("fieldSelector=spec.nodeName%3Dnode-a"),
            "{uri}"
        );
        assert!(
            !uri.contains("sendInitialEvents"),
            "1.20 does not know it: {uri}"
        );
        assert_eq!(token, "Bearer first");
    }
    // Its containers start, and another pod comes.
    watched
        .server
        .puts(pod("u", "web-1", &[("web", "a"), ("sidecar", "b")]));
    watched.until_known("u", "a", "web-1 web").await;
    watched.until_known("u", "b", "web-1 sidecar").await;
    watched.server.puts(pod("v", "web-2", &[("web", "c")]));
    watched.until_known("v", "c", "web-2 web").await;
    watched.server.deletes("v");
    watched.server.puts(pod("w", "web-3", &[("web", "d")]));
    watched.until_known("w", "d", "web-3 web").await;
    assert_eq!(
        watched.container("v", "c").unwrap(),
        "web-2 web",
        "remembered"
    );
    assert!(watched.said.is_empty(), "{:?}", watched.said);
}

#[tokio::test]
async fn a_refusal_is_said_once_and_its_end() {
    let server = Server::start().await;
    server.puts(pod("u", "web-1", &[("web", "a")]));
    server.refuses(Some(403));
    let mut watched = Watched::start(server).await;
    watched.until_said("403 Forbidden: pods is forbidden").await;
    let asked = |n| move |all: &Watched| all.server.asked_at_least(n);
    watched.until("further attempts", asked(4)).await;
    assert_eq!(watched.said.len(), 1);
    assert!(watched.said[0].contains("list and watch of pods"));
    // A token that has expired is another matter.
    watched.server.refuses(Some(401));
    watched.until_said("401 Unauthorized").await;
    watched.server.refuses(None);
    watched.until_said("answers again").await;
    assert_eq!(watched.said.len(), 3);
    assert_eq!(watched.container("u", "a").unwrap(), "web-1 web");
}

#[tokio::test]
async fn a_list_without_a_watch_is_told_and_used() {
    let server = Server::start().await;
    server.puts(pod("u", "web-1", &[("web", "a")]));
    server.refuses_watches(Some(403));
    let mut watched = Watched::start(server).await;
    watched.until_said("403").await;
    watched.server.puts(pod("v", "web-2", &[("web", "b")]));
    watched.until_known("v", "b", "web-2 web").await;
    assert_eq!(watched.said.len(), 1, "{:?}", watched.said);
}

#[tokio::test]
async fn what_the_server_has_forgotten_is_listed_again() {
    let server = Server::start().await;
    let mut before = "u";
    server.puts(pod("u", "web-1", &[("web", "a")]));
    let mut watched = Watched::start(server).await;
    watched
        .until("a watch", |all| all.server.watches() == 1)
        .await;
    for (as_status, uid) in [(false, "v"), (true, "w")] {
        // What happens while nobody watches.
        watched.server.ends_watches();
        watched.server.deletes(before);
        watched.server.puts(pod(uid, "missed", &[("web", "b")]));
        watched.server.forgets(as_status);
        watched.until_known(uid, "b", "missed web").await;
        watched
            .until("a watch", |all| all.server.watches() == 1)
            .await;
        before = uid;
    }
    assert!(watched.said.is_empty(), "{:?}", watched.said);
}

#[tokio::test]
async fn what_happened_between_two_watches_is_not_missed() {
    let server = Server::start().await;
    server.puts(pod("u", "web-1", &[("web", "a")]));
    let mut watched = Watched::start(server).await;
    watched
        .until("a watch", |all| all.server.watches() == 1)
        .await;
    watched.server.asked();
    watched.server.ends_watches();
    watched.server.puts(pod("v", "web-2", &[("web", "b")]));
    watched.until_known("v", "b", "web-2 web").await;
    let lists = |(uri, _): &(String, String)| !uri.contains("watch=true");
    assert!(
        !watched.server.asked().iter().any(lists),
        "it is picked up where it ended"
    );
}

#[tokio::test]
async fn watches_that_end_at_once_are_not_begun_without_end() {
    let server = Server::start().await;
    server.puts(pod("u", "web-1", &[("web", "a")]));
    server.ends_every_watch();
    let mut watched = Watched::start(server).await;
    watched.until_known("u", "a", "web-1 web").await;
    sleep(Duration::from_secs(1)).await;
    let asked = watched.server.asked().len();
    assert!((3..=30).contains(&asked), "{asked} requests");
}

#[tokio::test]
async fn a_watch_that_breaks_is_begun_anew_without_a_word() {
    let server = Server::start().await;
    server.puts(pod("u", "web-1", &[("web", "a")]));
    let mut watched = Watched::start(server).await;
    watched
        .until("a watch", |all| all.server.watches() == 1)
        .await;
    watched.server.puts(pod("v", "web-2", &[("web", "b")]));
    watched.until_known("v", "b", "web-2 web").await;
    watched.server.breaks();
    watched.server.deletes("u");
    watched.server.puts(pod("w", "web-3", &[("web", "c")]));
    watched.until_known("w", "c", "web-3 web").await;
    watched
        .until("a watch", |all| all.server.watches() == 1)
        .await;
    assert!(watched.said.is_empty(), "{:?}", watched.said);
}

#[tokio::test]
async fn a_server_that_goes_and_comes_back() {
    let mut server = Server::start().await;
    server.puts(pod("u", "web-1", &[("web", "a")]));
    server.go_away().await;
    let mut watched = Watched::start(server).await;
    watched.until_said("Connection refused").await;
    watched.server.come_back().await;
    watched.until_said("answers again").await;
    assert_eq!(watched.container("u", "a").unwrap(), "web-1 web");
    watched.server.go_away().await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(
        watched.container("u", "a").unwrap(),
        "web-1 web",
        "names stay"
    );
    watched.server.puts(pod("v", "web-2", &[("web", "b")]));
    watched.server.come_back().await;
    watched.until_known("v", "b", "web-2 web").await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_told_and_read_again() {
    let mut watched = Watched::start(Server::start().await).await;
    watched.task.abort();
    watched.server.puts(pod("u", "web-1", &[("web", "a")]));
    let file = watched.folder.path().join("later");
    let (notices, inbox) = mpsc::unbounded_channel();
    watched.inbox = inbox;
    let settings = Settings {
        always: false,
        node: Some("node-a".into()),
        kubeconfig: Some(file.clone()),
    };
    let plan = Plan::new(&settings, "host", |_| None, &notices).unwrap();
    watched.directory = plan.start(&Handle::current(), &notices).await;
    watched.until_said("kubernetes: cannot read /").await;
    std::fs::copy(watched.folder.path().join("kubeconfig"), file).unwrap();
    watched.until_said("answers again").await;
    assert_eq!(watched.container("u", "a").unwrap(), "web-1 web");
}

#[test]
fn which_node_it_is() {
    let (notices, mut inbox) = mpsc::unbounded_channel();
    let plan = |node: Option<&str>, kubeconfig: Option<&str>, always| {
        let settings = Settings {
            always,
            node: node.map(Into::into),
            kubeconfig: kubeconfig.map(Into::into),
        };
        Plan::new(&settings, "Host-A", |_| None, &notices)
    };
    assert_eq!(plan(Some("n"), Some("f"), false).unwrap().node, "n");
    assert_eq!(plan(None, Some("f"), false).unwrap().node, "host-a");
    assert!(plan(Some("n"), None, false).is_none(), "nobody to ask");
    assert!(inbox.try_recv().is_err());
    // In a pod the host's name is the pod's.
    assert_eq!(
        node(&Settings::default(), &Access::InCluster, "web-1"),
        None
    );
}
