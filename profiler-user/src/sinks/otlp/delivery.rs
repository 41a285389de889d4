//! The background tasks: one makes messages, two send them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use tokio::sync::mpsc::Receiver;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::lane::{Lane, Parcel};
use super::message::{Answer, Message};
use super::settings::Settings;
use super::values::{SCHEMA_URL, resource, scope};
use super::{Client, News, points, spans};
use crate::metrics::Registry;
use crate::sinks::Notices;
use crate::tick::About;

/// Spans in a message.
const BATCH: usize = 512;

/// Longest that a span waits for others.
const BATCH_AGE: Duration = Duration::from_secs(1);

/// Between attempts; twice as long after each, and up to twice that by chance.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// It ends here.
const LAST_DELAY: Duration = Duration::from_secs(15);

/// Makes messages of what happens.
pub(super) struct Collector {
    pub(super) settings: Settings,
    pub(super) metrics: Arc<Lane>,
    pub(super) traces: Arc<Lane>,
}

/// What is known once the run has begun.
struct Known {
    registry: Registry,
    resource: Resource,
    /// When metrics were last sent: nanoseconds since the epoch.
    sent_unix_ns: u64,
    /// A window came since.
    fresh: bool,
}

impl Known {
    fn new(about: &About, settings: &Settings) -> Self {
        Self {
            registry: Registry::new(about),
            resource: resource(about, settings),
            sent_unix_ns: about.began_unix_ns,
            fresh: false,
        }
    }
}

impl Collector {
    /// Until nothing more comes.
    pub(super) async fn run(self, mut news: Receiver<News>) {
        let mut known: Option<Known> = None;
        let mut batch: Vec<Span> = Vec::new();
        let mut age = interval(BATCH_AGE);
        age.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                given = news.recv() => match (given, &mut known) {
                    (Some(News::Begin(about)), _) => known = Some(Known::new(&about, &self.settings)),
                    (Some(News::Tick(tick)), Some(known)) => {
                        known.registry.tick(&tick);
                        known.fresh = true;
                        self.export(known, false);
                    }
                    (Some(News::Slow(request)), _) => batch.extend(spans::of(&request)),
                    (Some(News::Tick(_)), None) => {}
                    (None, _) => break,
                },
                _ = age.tick() => self.flush(known.as_ref(), &mut batch),
            }
            if batch.len() >= BATCH {
                self.flush(known.as_ref(), &mut batch);
            }
        }
        self.flush(known.as_ref(), &mut batch);
        if let Some(known) = &mut known {
            self.export(known, true);
        }
        self.metrics.close();
        self.traces.close();
    }

    /// Sends all metrics if it is time.
    fn export(&self, known: &mut Known, last: bool) {
        let now = known.registry.now_unix_ns();
        let since = Duration::from_nanos(now.saturating_sub(known.sent_unix_ns));
        if !known.fresh || !last && since < self.settings.interval {
            return;
        }
        (known.sent_unix_ns, known.fresh) = (now, false);
        let (metrics, count) = points::all(&known.registry, &self.settings);
        let message = ResourceMetrics {
            resource: Some(known.resource.clone()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope()),
                metrics,
                schema_url: SCHEMA_URL.into(),
            }],
            schema_url: SCHEMA_URL.into(),
        };
        let message = Message::Metrics(ExportMetricsServiceRequest {
            resource_metrics: vec![message],
        });
        self.metrics.push(Parcel { message, count });
    }

    fn flush(&self, known: Option<&Known>, batch: &mut Vec<Span>) {
        let (Some(known), false) = (known, batch.is_empty()) else {
            return;
        };
        let spans = std::mem::take(batch);
        let count = spans.len() as u64;
        let message = ResourceSpans {
            resource: Some(known.resource.clone()),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope()),
                spans,
                schema_url: SCHEMA_URL.into(),
            }],
            schema_url: SCHEMA_URL.into(),
        };
        let message = Message::Spans(ExportTraceServiceRequest {
            resource_spans: vec![message],
        });
        self.traces.push(Parcel { message, count });
    }
}

/// How the receiver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Takes,
    Rejects,
    Refuses,
    Away,
}

/// Sends what is in a lane, in order.
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) lane: Arc<Lane>,
    /// What is in it, in words.
    pub(super) what: &'static str,
    pub(super) place: String,
    pub(super) notices: Notices,
    /// Whether the receiver reads gzip, as far as is known.
    pub(super) gzip: Arc<AtomicBool>,
    /// What was told last.
    pub(super) mood: Mood,
}

impl Sender {
    /// Until the lane is closed and empty.
    pub(super) async fn run(mut self) {
        let mut delays = delays();
        while let Some(parcel) = self.lane.next().await {
            let gzip = self.gzip.load(Ordering::Relaxed);
            match self.client.send(&parcel.message, gzip).await {
                Answer::Taken { rejected, words } => {
                    let rejected = rejected.min(parcel.count);
                    self.lane.settle(|report| {
                        report.sent += parcel.count - rejected;
                        report.rejected += rejected;
                    });
                    if rejected > 0 {
                        let words = format!("rejected {rejected} {}: {words}", self.what);
                        self.tell(Mood::Rejects, &words);
                    } else {
                        self.tell(Mood::Takes, &format!("takes {}", self.what));
                    }
                    delays = self::delays();
                }
                Answer::Refused { words } => {
                    self.lane.settle(|report| {
                        report.rejected += parcel.count;
                        report.errors += 1;
                    });
                    self.tell(Mood::Refuses, &format!("refuses {}: {words}", self.what));
                }
                Answer::Later { after, words } => {
                    self.lane.put_back(parcel);
                    self.lane.settle(|report| report.errors += 1);
                    self.tell(Mood::Away, &format!("takes no {} now: {words}", self.what));
                    let delay = delays.next().unwrap_or(LAST_DELAY);
                    sleep(delay.max(after.unwrap_or_default())).await;
                }
                Answer::Unpacked => {
                    self.gzip.store(false, Ordering::Relaxed);
                    self.lane.put_back(parcel);
                }
            }
        }
    }

    /// Says so where it is news.
    fn tell(&mut self, mood: Mood, words: &str) {
        if std::mem::replace(&mut self.mood, mood) != mood {
            // Nobody listens any more: then there is nobody to tell.
            let _ = self.notices.send(format!("otlp: {} {words}", self.place));
        }
    }
}

fn delays() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(LAST_DELAY)
        .with_jitter()
        .without_max_times()
        .build()
}
