//! What the outputs send, as it arrives.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING};
use tokio::sync::mpsc;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};
use wsgiprobe::model::Request;
use wsgiprobe::sinks::Sink as _;
use wsgiprobe::sinks::influxdb::{self, InfluxDb};
use wsgiprobe::sinks::otlp::{self, Otlp};
use wsgiprobe::sinks::prometheus::Prometheus;
use wsgiprobe::tick::{About, Tick};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Prometheus' own `Accept`, with native histograms and without.
pub const PROTOBUF: &str = "application/vnd.google.protobuf;\
                            proto=io.prometheus.client.MetricFamily;encoding=delimited";
pub const TEXT: &str = "text/plain;version=0.0.4";

/// How many, and how large.
#[derive(Clone, Copy, Debug, Default)]
pub struct Volume {
    /// Points, or series.
    pub count: usize,
    /// Bytes before they are compressed.
    pub plain: usize,
    /// And after that.
    pub gzip: usize,
}

/// A server that takes all, and says nothing.
async fn sink() -> MockServer {
    let server = MockServer::start().await;
    let takes_all = Mock::given(any()).respond_with(ResponseTemplate::new(200));
    takes_all.mount(&server).await;
    server
}

/// The bodies that it got, as they were and unpacked.
async fn bodies(server: &MockServer) -> Result<Vec<(usize, Vec<u8>)>> {
    let received = server.received_requests().await.unwrap_or_default();
    let mut bodies = Vec::new();
    for request in received.iter().filter(|request| !request.body.is_empty()) {
        let mut plain = Vec::new();
        if request.headers.contains_key("content-encoding") {
            GzDecoder::new(&request.body[..]).read_to_end(&mut plain)?;
        } else {
            plain.clone_from(&request.body);
        }
        bodies.push((request.body.len(), plain));
    }
    Ok(bodies)
}

/// To InfluxDB: a window, or the single requests of a second.
pub async fn influxdb(hostname: &str, tick: Option<&Arc<Tick>>, raw: &[Request]) -> Result<Volume> {
    let server = sink().await;
    let (notices, _told) = mpsc::unbounded_channel();
    let settings = influxdb::Settings {
        url: server.uri(),
        target: influxdb::Target::V1 {
            db: "wsgi".into(),
            user: None,
            password: None,
        },
        schema: influxdb::Schema::Otel,
        raw: true,
        hostname: hostname.into(),
        timeout: PATIENCE,
        batch_points: 5_000,
        buffer_bytes: 16 << 20,
        phase: Duration::ZERO,
        ca: None,
        secret_file: None,
        spool: None,
    };
    let mut influx = InfluxDb::start(settings, notices)?;
    for request in raw {
        influx.request(request);
    }
    if let Some(tick) = tick {
        influx.window(&tick.window, &tick.snapshot);
        influx.account(&tick.account, tick.window.end_unix_ns);
    }
    let report = influx.finish(PATIENCE).await;
    ensure!(
        report.written == report.accepted,
        "InfluxDB: not all arrived: {report:?}"
    );
    let mut volume = Volume::default();
    for (gzip, plain) in bodies(&server).await? {
        volume.count += plain.split_inclusive(|byte| *byte == b'\n').count();
        volume.plain += plain.len();
        volume.gzip += gzip;
    }
    Ok(volume)
}

/// To a collector: all metrics once, after those windows.
pub async fn otlp(about: &Arc<About>, ticks: &[Arc<Tick>]) -> Result<Volume> {
    let server = sink().await;
    let (notices, _told) = mpsc::unbounded_channel();
    let settings = otlp::Settings {
        url: server.uri().parse()?,
        protocol: otlp::Protocol::Http,
        headers: Vec::new(),
        resource: Vec::new(),
        // None in between: the end of a run sends what there is.
        interval: Duration::MAX,
        phase: Duration::ZERO,
        buckets: otlp::Buckets::Explicit,
        slow: Duration::from_secs(1),
        spans: 0,
        ca: None,
        timeout: PATIENCE,
    };
    let mut otlp = Otlp::start(settings, &tokio::runtime::Handle::current(), notices)?;
    otlp.begin(about);
    for tick in ticks {
        otlp.tick(tick);
    }
    let last = ticks.last().context("no window")?;
    let summary = Arc::new(last.account.clone());
    Box::new(otlp).finish(&summary, PATIENCE).await;
    let mut volume = Volume::default();
    for (gzip, plain) in bodies(&server).await? {
        let message = ExportMetricsServiceRequest::decode(&plain[..])?;
        volume.count += points(&message);
        volume.plain += plain.len();
        volume.gzip += gzip;
    }
    Ok(volume)
}

fn points(message: &ExportMetricsServiceRequest) -> usize {
    let resources = message.resource_metrics.iter();
    let scopes = resources.flat_map(|resource| &resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| &scope.metrics);
    let count = |data: &Data| match data {
        Data::Gauge(data) => data.data_points.len(),
        Data::Sum(data) => data.data_points.len(),
        Data::Histogram(data) => data.data_points.len(),
        Data::ExponentialHistogram(data) => data.data_points.len(),
        Data::Summary(data) => data.data_points.len(),
    };
    metrics
        .filter_map(|metric| metric.data.as_ref())
        .map(count)
        .sum()
}

/// A scrape by Prometheus, after those windows: in text, and in protobuf. Series are those
/// that Prometheus makes of it: each bucket of a classic histogram is one.
pub async fn prometheus(about: &Arc<About>, ticks: &[Arc<Tick>]) -> Result<[Volume; 2]> {
    let (notices, _told) = mpsc::unbounded_channel();
    let here = tokio::runtime::Handle::current();
    let mut prometheus = Prometheus::bind("127.0.0.1:0", &here, notices)?;
    prometheus.begin(about);
    for tick in ticks {
        prometheus.tick(tick);
    }
    let mut volumes = [Volume::default(); 2];
    for (volume, accept) in volumes.iter_mut().zip([TEXT, PROTOBUF]) {
        let plain = scrape(prometheus.place(), accept, "identity").await?;
        volume.plain = plain.len();
        volume.gzip = scrape(prometheus.place(), accept, "gzip").await?.len();
        if accept == TEXT {
            let lines = plain.split(|byte| *byte == b'\n');
            volume.count = lines
                .filter(|line| line.first().is_some_and(|first| *first != b'#'))
                .count();
        }
    }
    let last = ticks.last().context("no window")?;
    let summary = Arc::new(last.account.clone());
    let delivered = Box::new(prometheus).finish(&summary, PATIENCE).await;
    ensure!(!delivered.failed, "{}", delivered.text);
    Ok(volumes)
}

async fn scrape(place: &str, accept: &str, encoding: &str) -> Result<Vec<u8>> {
    // This host's own: no authority is needed for it.
    let client = reqwest::Client::builder().tls_certs_only([]).build()?;
    let request = client.get(place).header(ACCEPT, accept);
    let response = request.header(ACCEPT_ENCODING, encoding).send().await?;
    let response = response.error_for_status()?;
    Ok(response.bytes().await?.to_vec())
}
