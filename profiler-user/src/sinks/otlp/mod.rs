//! OTLP (`--otlp`): metrics, and spans of requests that were slow or failed, to an
//! OpenTelemetry collector or whoever speaks like one.
//!
//! ```text
//! Tick ----> collector (metrics::Registry -> points) -> lane -> sender -> grpc | http
//! Request -> picker -> collector (spans) -------------> lane -> sender -> grpc | http
//! ```
//!
//! The messages are those of `opentelemetry-proto`. The SDK's own exporters take what
//! happens now; here times are the kernel's, and sums come in whole.

mod delivery;
mod grpc;
mod http;
mod lane;
mod message;
mod picker;
mod points;
mod portions;
mod settings;
mod spans;
mod values;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Sender as Channel};
use tokio::task::JoinHandle;

use self::delivery::{Collector, Mood, Sender};
use self::grpc::Grpc;
use self::http::Http;
use self::lane::Lane;
use self::message::{Answer, Message};
use self::picker::{Picked, Picker};
pub use self::settings::{Buckets, Protocol, Settings};
use super::authority::{self, Authorities};
use super::{Condition, Delivered, Finish, Notices, Sink};
use crate::model::Request;
use crate::summary::Summary;
use crate::tick::{About, Tick};

const USER_AGENT: &str = concat!("wsgiprobe/", env!("CARGO_PKG_VERSION"));

/// Windows and requests that wait to be made messages of: more than a second's of both.
const NEWS: usize = 4_096;

/// Messages with spans that wait while the receiver is away: some 30 000 spans.
const TRACES: usize = 64;

/// Why sending cannot even begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A header that cannot be sent.
    #[error("OTEL_EXPORTER_OTLP_HEADERS: {0} or its value cannot stand in a request")]
    Header(String),
    /// No authority to be had from that file.
    #[error("--otlp-ca {}: {why}; give a PEM file with the authority's certificate", file.display())]
    Authority {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// gRPC could not be set up.
    #[error("--otlp: cannot set up gRPC: {0}")]
    Grpc(#[source] tonic::transport::Error),
    /// TLS could not be set up; for `https://` the host needs CA certificates.
    #[error("--otlp: cannot set up the HTTP client: {0}")]
    Http(#[source] reqwest::Error),
}

/// The authorities to trust, if they are named.
fn authorities(settings: &Settings) -> Result<Option<Authorities>, Error> {
    let read = settings.ca.as_ref().map(|file| {
        authority::read(file).map_err(|why| Error::Authority {
            file: file.clone(),
            why,
        })
    });
    read.transpose()
}

/// What the collector is told.
enum News {
    Begin(Arc<About>),
    Tick(Arc<Tick>),
    Slow(Box<Request>),
}

/// The way to the receiver.
#[derive(Clone)]
enum Client {
    Grpc(Grpc),
    Http(Http),
}

impl Client {
    async fn send(&self, message: &Message, gzip: bool) -> Answer {
        match self {
            Self::Grpc(client) => client.send(message, gzip).await,
            Self::Http(client) => client.send(message, gzip).await,
        }
    }
}

/// Sends metrics and spans.
pub struct Otlp {
    news: Channel<News>,
    picker: Picker,
    /// Requests that got no span: there were too many in a second.
    passed_over: u64,
    /// Windows or requests that found the collector too far behind.
    lost: u64,
    tasks: Vec<JoinHandle<()>>,
    metrics: Arc<Lane>,
    traces: Arc<Lane>,
    place: String,
    notices: Notices,
    conditions: [Condition; 2],
}

impl Otlp {
    /// Starts the background tasks in that runtime. A receiver that is away or refuses is
    /// no error here: `notices` is told, and it may come later.
    pub fn start(settings: Settings, services: &Handle, notices: Notices) -> Result<Self, Error> {
        let _there = services.enter();
        let client = match settings.protocol {
            Protocol::Grpc => Client::Grpc(Grpc::new(&settings)?),
            Protocol::Http => Client::Http(Http::new(&settings)?),
        };
        let place = settings.url.to_string();
        // Of metrics the newest say all that the others did.
        let (metrics, traces) = (Lane::cumulative(), Lane::new(TRACES));
        let (metrics, traces) = (Arc::new(metrics), Arc::new(traces));
        let gzip = Arc::new(AtomicBool::new(true));
        let (news, inbox) = mpsc::channel(NEWS);
        let picker = Picker::new(&settings);
        let collector = Collector {
            settings,
            metrics: Arc::clone(&metrics),
            traces: Arc::clone(&traces),
        };
        let conditions = ["otlp metrics", "otlp spans"].map(Condition::new);
        let sender = |lane: &Arc<Lane>, what, condition: &Condition| Sender {
            client: client.clone(),
            lane: Arc::clone(lane),
            what,
            place: place.clone(),
            notices: notices.clone(),
            gzip: Arc::clone(&gzip),
            mood: Mood::Takes,
            condition: condition.clone(),
        };
        let [of_metrics, of_spans] = &conditions;
        let senders = [
            sender(&metrics, "metrics", of_metrics),
            sender(&traces, "spans", of_spans),
        ];
        let mut tasks = vec![services.spawn(collector.run(inbox))];
        tasks.extend(senders.map(|sender| services.spawn(sender.run())));
        Ok(Self {
            news,
            picker,
            passed_over: 0,
            lost: 0,
            tasks,
            metrics,
            traces,
            place,
            notices,
            conditions,
        })
    }

    fn tell(&mut self, news: News) {
        if self.news.try_send(news).is_err() {
            if self.lost == 0 {
                let words = "otlp: this machine is too busy; windows or spans are missing";
                // Nobody listens any more: then there is nobody to tell.
                let _ = self.notices.send(words.into());
            }
            self.lost += 1;
        }
    }
}

impl Sink for Otlp {
    fn begin(&mut self, about: &Arc<About>) {
        self.tell(News::Begin(Arc::clone(about)));
    }

    fn request(&mut self, request: &Request) {
        match self.picker.pick(request) {
            Picked::Yes => self.tell(News::Slow(Box::new(request.clone()))),
            Picked::TooMany => self.passed_over += 1,
            Picked::No => {}
        }
    }

    fn tick(&mut self, tick: &Arc<Tick>) {
        self.tell(News::Tick(Arc::clone(tick)));
    }

    fn conditions(&self) -> Vec<Condition> {
        self.conditions.to_vec()
    }

    fn finish(self: Box<Self>, _: &Arc<Summary>, patience: Duration) -> Finish {
        let Self {
            news,
            passed_over,
            lost,
            mut tasks,
            metrics,
            traces,
            place,
            ..
        } = *self;
        // The collector sees that nothing more comes.
        drop(news);
        Box::pin(async move {
            let all = futures_util::future::join_all(&mut tasks);
            if tokio::time::timeout(patience, all).await.is_err() {
                for task in &mut tasks {
                    task.abort();
                    if !task.is_finished() {
                        // Only then nothing is counted after the books are closed.
                        let _ = task.await;
                    }
                }
            }
            let (metrics, traces) = (metrics.abandon(), traces.abandon());
            let mut text = format!(
                "{} points and {} spans to {place}",
                metrics.sent, traces.sent
            );
            for (count, what) in [
                (
                    passed_over,
                    "slow or failed requests without a span (--otlp-spans)",
                ),
                (traces.lost, "spans lost while it was away"),
                (metrics.lost, "points of the last windows lost"),
                (metrics.rejected + traces.rejected, "rejected by it"),
                (metrics.errors + traces.errors, "failed attempts"),
                (lost, "windows or requests lost: the machine was too busy"),
            ] {
                if count > 0 {
                    text = format!("{text}, {count} {what}");
                }
            }
            // Counted and told, but no failure of this run: the receiver is somebody
            // else's, and the profiling went on.
            let failed = false;
            Delivered { text, failed }
        })
    }
}

#[cfg(test)]
mod tests;
