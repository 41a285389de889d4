//! The background tasks: one makes messages, two send them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::lane::{Lane, Parcel};
use super::message::{Answer, Message};
use super::settings::Settings;
use super::values::{SCHEMA_URL, contained, resource, scope};
use super::{Client, News, points, portions, spans};
use crate::identity::{self, Identity};
use crate::metrics::Registry;
use crate::model::{Container, Request};
use crate::sinks::{Condition, Notices, turn};
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
    /// When it is this host's turn to send them, if it is time.
    due: Option<Instant>,
}

impl Known {
    fn new(about: &About, settings: &Settings) -> Self {
        Self {
            registry: Registry::new(about),
            resource: resource(about, settings),
            sent_unix_ns: about.began_unix_ns,
            fresh: false,
            due: None,
        }
    }
}

/// Spans that wait to be sent, by the container that they are of.
#[derive(Default)]
struct Batch {
    of: Vec<(Option<Arc<Container>>, Vec<Span>)>,
    spans: usize,
}

impl Batch {
    fn add(&mut self, request: &Request) {
        let mut spans = spans::of(request);
        self.spans += spans.len();
        let container = &request.container;
        let mut all = self.of.iter_mut();
        match all.find(|(known, _)| known == container) {
            Some((_, known)) => known.append(&mut spans),
            None => self.of.push((container.clone(), spans)),
        }
    }
}

impl Collector {
    /// Until nothing more comes.
    pub(super) async fn run(self, mut news: Receiver<News>) {
        let mut known: Option<Known> = None;
        let mut batch = Batch::default();
        let mut age = interval(BATCH_AGE);
        age.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = known.as_ref().and_then(|known| known.due);
            tokio::select! {
                given = news.recv() => match (given, &mut known) {
                    (Some(News::Begin(about)), _) => known = Some(Known::new(&about, &self.settings)),
                    (Some(News::Tick(tick)), Some(known)) => {
                        known.registry.tick(&tick);
                        known.fresh = true;
                        self.plan(known);
                    }
                    (Some(News::Slow(request)), _) => batch.add(&request),
                    (Some(News::Tick(_)), None) => {}
                    (None, _) => break,
                },
                () = until(due) => known.iter_mut().for_each(|known| self.export(known)),
                _ = age.tick() => self.flush(known.as_ref(), &mut batch),
            }
            if batch.spans >= BATCH {
                self.flush(known.as_ref(), &mut batch);
            }
        }
        self.flush(known.as_ref(), &mut batch);
        if let Some(known) = &mut known {
            self.export(known);
        }
        self.metrics.close();
        self.traces.close();
    }

    /// Has all metrics sent on this host's turn, if it is time.
    fn plan(&self, known: &mut Known) {
        let now = known.registry.now_unix_ns();
        let since = Duration::from_nanos(now.saturating_sub(known.sent_unix_ns));
        if known.due.is_none() && since >= self.settings.interval {
            known.sent_unix_ns = now;
            known.due = Some(Instant::now() + self.settings.phase);
        }
    }

    /// Sends all metrics, with what came while they waited.
    fn export(&self, known: &mut Known) {
        known.due = None;
        if !std::mem::take(&mut known.fresh) {
            return;
        }
        let all = points::all(&known.registry, &self.settings);
        let of_one = |(identity, metrics): (Option<&Arc<Identity>>, Vec<Metric>)| ResourceMetrics {
            resource: Some(match identity {
                Some(identity) => contained(&known.resource, &identity.said()),
                None => known.resource.clone(),
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope()),
                metrics,
                schema_url: SCHEMA_URL.into(),
            }],
            schema_url: SCHEMA_URL.into(),
        };
        let all = all.into_iter().map(of_one).collect();
        self.metrics.push(portions::parcels(all));
    }

    fn flush(&self, known: Option<&Known>, batch: &mut Batch) {
        let (Some(known), false) = (known, batch.spans == 0) else {
            return;
        };
        let Batch { spans: count, of } = std::mem::take(batch);
        let of_one = |(container, spans): (Option<Arc<Container>>, Vec<Span>)| ResourceSpans {
            resource: Some(match &container {
                Some(container) => {
                    let said: Vec<_> = identity::all(container).collect();
                    contained(&known.resource, &said)
                }
                None => known.resource.clone(),
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope()),
                spans,
                schema_url: SCHEMA_URL.into(),
            }],
            schema_url: SCHEMA_URL.into(),
        };
        let message = Message::Spans(ExportTraceServiceRequest {
            resource_spans: of.into_iter().map(of_one).collect(),
        });
        self.traces.push([Parcel::new(message, count as u64)]);
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
    pub(super) condition: Condition,
}

impl Sender {
    /// Until the lane is closed and empty.
    pub(super) async fn run(mut self) {
        let mut delays = delays();
        while let Some(parcel) = self.lane.next().await {
            let gzip = self.gzip.load(Ordering::Relaxed);
            match self.client.send(&parcel.message, gzip).await {
                Answer::Taken { rejected, words } => {
                    self.condition.works();
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
                    self.condition.fails(format!("refused: {}", status(&words)));
                    self.lane.settle(|report| {
                        report.rejected += parcel.count;
                        report.errors += 1;
                    });
                    self.tell(Mood::Refuses, &format!("refuses {}: {words}", self.what));
                }
                Answer::Later { after, words } => {
                    self.condition.fails(format!("away: {}", status(&words)));
                    self.lane.put_back(parcel);
                    self.lane.settle(|report| report.errors += 1);
                    self.tell(Mood::Away, &format!("takes no {} now: {words}", self.what));
                    let delay = delays.next().unwrap_or(LAST_DELAY);
                    sleep(delay.max(after.map(turn::later).unwrap_or_default())).await;
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

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// The first of the words, a status or what the system says; what comes after it may be
/// the receiver's own.
fn status(words: &str) -> &str {
    words.split(": ").next().unwrap_or_default()
}

fn delays() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(LAST_DELAY)
        .with_jitter()
        .without_max_times()
        .build()
}
