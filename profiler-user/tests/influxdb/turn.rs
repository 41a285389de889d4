//! Windows wait for this host's turn: no longer than said, and not at the end.

use std::time::{Duration, Instant};

use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};
use wsgiprobe::aggregate::{Aggregator, Window};
use wsgiprobe::pool::Snapshot;
use wsgiprobe::sinks::influxdb::InfluxDb;

use super::sample::{TIME, request};
use super::{DEADLINE, db, settings, start};

/// Points lie for a second at most before any of this.
const BATCH_AGE: Duration = Duration::from_secs(1);

async fn server() -> MockServer {
    let server = MockServer::start().await;
    let writes = Mock::given(method("POST")).and(path("/write"));
    writes
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    server
}

fn started(server: &MockServer, phase: Duration) -> InfluxDb {
    let mut settings = settings(&server.uri(), db("d"));
    settings.phase = phase;
    start(settings).0
}

fn window() -> Window {
    let mut aggregator = Aggregator::new();
    aggregator.record(&request("/a", 1));
    aggregator.close(TIME, TIME + 1_000_000_000)
}

async fn until_written(influx: &InfluxDb) {
    let began = Instant::now();
    while influx.report().written == 0 {
        assert!(began.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_window_waits_for_its_turn_and_no_longer() {
    let server = server().await;
    let phase = Duration::from_millis(1_500);
    let mut influx = started(&server, phase);
    let ended = Instant::now();
    influx.window(&window(), &Snapshot::default());
    // A later window does not put off the first.
    tokio::time::sleep(phase / 3).await;
    influx.window(&window(), &Snapshot::default());
    until_written(&influx).await;
    let took = ended.elapsed();
    assert!(took >= phase, "{took:?}");
    // This machine may be busy.
    assert!(
        took < phase + BATCH_AGE + Duration::from_secs(2),
        "{took:?}"
    );
}

#[tokio::test]
async fn the_end_of_a_run_does_not_wait() {
    let server = server().await;
    let mut influx = started(&server, Duration::from_hours(1));
    influx.window(&window(), &Snapshot::default());
    // It waits by now.
    tokio::time::sleep(BATCH_AGE + BATCH_AGE / 4).await;
    let before = influx.report();
    assert_eq!((before.written, before.accepted > 0), (0, true));
    let began = Instant::now();
    let report = influx.finish(DEADLINE).await;
    assert_eq!((report.written, report.dropped), (report.accepted, 0));
    assert!(began.elapsed() < DEADLINE / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_would_be_dropped_does_not_wait() {
    let server = server().await;
    let mut settings = settings(&server.uri(), db("d"));
    (settings.phase, settings.buffer_bytes) = (Duration::from_hours(1), 64 << 10);
    let mut influx = start(settings).0;
    influx.window(&window(), &Snapshot::default());
    for n in 0..60 {
        influx.request(&request(&format!("/{n}"), n));
    }
    until_written(&influx).await;
}
