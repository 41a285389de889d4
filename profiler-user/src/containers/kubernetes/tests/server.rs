//! A stand-in for the API server, that speaks its list and watch of pods over HTTP/1.1.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::{JoinHandle, JoinSet};

type Body = BoxBody<Bytes, io::Error>;
type Events = UnboundedSender<io::Result<Frame<Bytes>>>;

/// The stand-in.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    pods: Vec<Value>,
    version: u64,
    watches: Vec<Events>,
    /// What happened, by version, for watches that begin in the past.
    log: Vec<(u64, Bytes)>,
    /// Before that nothing is remembered.
    oldest: u64,
    /// How a watch from before is told.
    gone_as_status: bool,
    /// The status that everything is answered with, instead of an answer.
    refusal: Option<u16>,
    /// Watches are answered with that.
    watch_refusal: Option<u16>,
    /// Watches end as soon as they begin.
    ends_every_watch: bool,
    /// What was asked, and with which token.
    asked: Vec<(String, String)>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let mut server = Self {
            address: ([127, 0, 0, 1], 0).into(),
            state: Arc::default(),
            task: None,
        };
        server.state.lock().unwrap().version = 100;
        server.come_back().await;
        server
    }

    /// Nothing listens there any more, and connections break.
    pub(super) async fn go_away(&mut self) {
        let task = self.task.take().unwrap();
        task.abort();
        let _ = task.await;
        self.state.lock().unwrap().watches.clear();
    }

    /// Listens at the same address again.
    pub(super) async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        self.task = Some(tokio::spawn(serve(listener, Arc::clone(&self.state))));
    }

    /// From now on everything is refused, or nothing.
    pub(super) fn refuses(&self, status: Option<u16>) {
        let mut state = self.state.lock().unwrap();
        state.refusal = status;
        state.watches.clear();
    }

    /// The same of watches.
    pub(super) fn refuses_watches(&self, status: Option<u16>) {
        let mut state = self.state.lock().unwrap();
        state.watch_refusal = status;
        state.watches.clear();
    }

    /// A pod is there, or has changed.
    pub(super) fn puts(&self, mut pod: Value) {
        let mut state = self.state.lock().unwrap();
        state.stamp(&mut pod);
        let uid = pod["metadata"]["uid"].clone();
        let before = state
            .pods
            .iter()
            .position(|old| old["metadata"]["uid"] == uid);
        let kind = if let Some(at) = before {
            state.pods[at] = pod.clone();
            "MODIFIED"
        } else {
            state.pods.push(pod.clone());
            "ADDED"
        };
        state.tells(&json!({"type": kind, "object": pod}));
    }

    /// A pod is gone.
    pub(super) fn deletes(&self, uid: &str) {
        let mut state = self.state.lock().unwrap();
        let at = state
            .pods
            .iter()
            .position(|old| old["metadata"]["uid"] == uid);
        let mut pod = state.pods.remove(at.unwrap());
        state.stamp(&mut pod);
        state.tells(&json!({"type": "DELETED", "object": pod}));
    }

    /// From now on no watch lasts.
    pub(super) fn ends_every_watch(&self) {
        self.state.lock().unwrap().ends_every_watch = true;
    }

    /// Every watch is over, as each is after some minutes.
    pub(super) fn ends_watches(&self) {
        self.state.lock().unwrap().watches.clear();
    }

    /// Nothing is remembered of what happened so far. Whoever watches from before is told
    /// within the watch, as Kubernetes does, or by its status, as what is in between may.
    pub(super) fn forgets(&self, as_status: bool) {
        let mut state = self.state.lock().unwrap();
        state.log.clear();
        state.oldest = state.version;
        state.gone_as_status = as_status;
    }

    /// Every watch breaks in the middle of a line.
    pub(super) fn breaks(&self) {
        let mut state = self.state.lock().unwrap();
        for watch in state.watches.drain(..) {
            let _ = watch.send(Ok(Frame::data("{\"type\":\"ADDED\",".into())));
            let _ = watch.send(Err(io::ErrorKind::ConnectionReset.into()));
        }
    }

    pub(super) fn watches(&self) -> usize {
        let mut state = self.state.lock().unwrap();
        state.watches.retain(|watch| !watch.is_closed());
        state.watches.len()
    }

    pub(super) fn asked_at_least(&self, times: usize) -> bool {
        self.state.lock().unwrap().asked.len() >= times
    }

    /// What was asked so far; forgotten here.
    pub(super) fn asked(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

impl State {
    fn stamp(&mut self, pod: &mut Value) {
        self.version += 1;
        pod["metadata"]["resourceVersion"] = json!(self.version.to_string());
    }

    fn tells(&mut self, event: &Value) {
        let line = Bytes::from(format!("{event}\n"));
        self.log.push((self.version, line.clone()));
        self.watches
            .retain(|watch| watch.send(Ok(Frame::data(line.clone()))).is_ok());
    }

    fn answer(&mut self, request: &Request<Incoming>) -> Response<Body> {
        let uri = request.uri().to_string();
        let token = request.headers().get("authorization");
        let token = token.map(|token| token.to_str().unwrap().to_owned());
        self.asked.push((uri.clone(), token.unwrap_or_default()));
        if let Some(code) = self.refusal {
            return whole(code, &status(code));
        }
        if !uri.starts_with("/api/v1/pods?") {
            return whole(404, &status(404));
        }
        if !uri.contains("watch=true") {
            // Items of a list have no kind of their own.
            let mut items = self.pods.clone();
            for item in &mut items {
                item.as_object_mut()
                    .unwrap()
                    .retain(|key, _| key != "kind" && key != "apiVersion");
            }
            return whole(
                200,
                &json!({
                    "kind": "PodList",
                    "apiVersion": "v1",
                    "metadata": {"resourceVersion": self.version.to_string()},
                    "items": items,
                }),
            );
        }
        if let Some(code) = self.watch_refusal {
            return whole(code, &status(code));
        }
        let (_, from) = uri.split_once("resourceVersion=").unwrap();
        let from = from.split('&').next().unwrap().parse().unwrap();
        let (events, inbox) = mpsc::unbounded_channel();
        if from < self.oldest && self.gone_as_status {
            return whole(410, &status(410));
        } else if from < self.oldest {
            let event = json!({"type": "ERROR", "object": status(410)});
            let _ = events.send(Ok(Frame::data(format!("{event}\n").into())));
        } else {
            for (_, line) in self.log.iter().filter(|(version, _)| *version > from) {
                let _ = events.send(Ok(Frame::data(line.clone())));
            }
            if !self.ends_every_watch {
                self.watches.push(events);
            }
        }
        let events = stream::unfold(inbox, async |mut inbox| Some((inbox.recv().await?, inbox)));
        Response::new(BodyExt::boxed(StreamBody::new(Box::pin(events))))
    }
}

/// As Kubernetes writes a failure.
fn status(code: u16) -> Value {
    let (reason, message) = match code {
        401 => ("Unauthorized", "Unauthorized"),
        403 => (
            "Forbidden",
            "pods is forbidden: User \"x\" cannot list resource \"pods\"",
        ),
        410 => ("Expired", "too old resource version: 7 (99)"),
        _ => ("", "the server is not able to handle the request"),
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

fn whole(code: u16, body: &Value) -> Response<Body> {
    let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {});
    let response = Response::builder().status(code);
    let response = response.header("content-type", "application/json");
    response.body(BodyExt::boxed(body)).unwrap()
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    // Ends all of them when it is dropped itself.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let answer = service_fn(|request| {
                let response = state.lock().unwrap().answer(&request);
                async { Ok::<_, Infallible>(response) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            let _ = http.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}
