//! The InfluxDB sink against a real InfluxDB 1.x of its own, against a real
//! `VictoriaMetrics` for the interface of version 2, and against a stand-in for what only
//! versions 2 and 3 say.

mod influxd;
mod sample;
mod settings;
mod spool;
mod tls;
mod turn;
mod v1;
mod v1_trouble;
mod v2;
mod v2_trouble;
mod v3;
mod victoria;
mod workshop;

use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver};
use wsgiprobe::sinks::influxdb::{InfluxDb, Schema, Settings, Target};

/// Longer than anything here takes, short enough to notice.
const DEADLINE: Duration = Duration::from_secs(20);

fn settings(url: &str, target: Target) -> Settings {
    Settings {
        url: url.to_owned(),
        target,
        schema: Schema::Otel,
        raw: true,
        hostname: "web 1".to_owned(),
        timeout: Duration::from_secs(5),
        batch_points: 1_000,
        buffer_bytes: 8 << 20,
        phase: Duration::ZERO,
        ca: None,
        secret_file: None,
        spool: None,
    }
}

fn db(name: &str) -> Target {
    Target::V1 {
        db: name.to_owned(),
        user: None,
        password: None,
    }
}

fn start(settings: Settings) -> (InfluxDb, UnboundedReceiver<String>) {
    let (notices, told) = mpsc::unbounded_channel();
    (InfluxDb::start(settings, notices).unwrap(), told)
}

fn all(told: &mut UnboundedReceiver<String>) -> Vec<String> {
    std::iter::from_fn(|| told.try_recv().ok()).collect()
}

async fn until(done: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !done() {
        assert!(begin.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
