//! The watch of pods once privileges and system calls are given up, in a process of its
//! own, since none of that can be undone: names are looked up, TLS is spoken, and a token
//! that was renewed is read again.

mod server;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use wsgiprobe::containers::kubernetes::{Plan, Settings};
use wsgiprobe::privileges::{Needs, OutputNeeds, confine};

use server::Server;

/// However busy the machine is.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
#[expect(
    clippy::zombie_processes,
    reason = "there is no waiting for processes once confined"
)]
fn it_goes_on_without_privileges() {
    let folder = tempfile::tempdir().unwrap().keep();
    let path = |name: &str| folder.join(name);
    let server = Server::start("second");
    std::fs::write(path("ca.pem"), &server.authority).unwrap();
    std::fs::write(path("token"), "first").unwrap();
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {
            "server": server.url, "certificate-authority": path("ca.pem"),
        }}],
        "users": [{"name": "u", "user": {"tokenFile": path("token")}}],
    });
    std::fs::write(path("kubeconfig"), kubeconfig.to_string()).unwrap();
    // Started before: from then on there can be no other process, nor a file be written, nor
    // the folder be removed.
    let mut renewer = Command::new("sh")
        .arg("-c")
        .arg("read go && printf second > token; read end; rm -r \"$PWD\"")
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut renewer = renewer.stdin.take().unwrap();

    let confined = confine(Needs {
        later_modules: false,
        maps: false,
        // For the stand-in, which is in this process as well.
        outputs: OutputNeeds {
            serves: true,
            ..OutputNeeds::default()
        },
    });
    assert_eq!(confined.failures, [""; 0]);
    assert!(std::fs::write(path("proof"), "").is_err());

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let settings = Settings {
            always: true,
            node: Some("node-a".into()),
            kubeconfig: Some(path("kubeconfig")),
        };
        let (notices, mut inbox) = mpsc::unbounded_channel();
        let plan = Plan::new(&settings, "host", |_| None, &notices).unwrap();
        let there = tokio::runtime::Handle::current();
        let _directory = plan.start(&there, &notices).await;
        let said = next(&mut inbox).await;
        assert!(said.contains("401 Unauthorized"), "{said}");
        renewer.write_all(b"go\n").unwrap();
        let said = next(&mut inbox).await;
        assert!(said.ends_with("answers again"), "{said}");
    });
    assert!(server.asked().contains(&"Bearer second".to_owned()));
}

async fn next(inbox: &mut UnboundedReceiver<String>) -> String {
    let said = tokio::time::timeout(PATIENCE, inbox.recv()).await;
    said.expect("nothing is said").unwrap()
}
