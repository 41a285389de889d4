//! The workshop's measurements, and the state of pools, in a real InfluxDB 1.x.

use serde_json::{Value, json};
use wsgiprobe::aggregate::Aggregator;
use wsgiprobe::pool::{Cpu, Kind, Listener, Pool, Process, Snapshot};
use wsgiprobe::sinks::influxdb::{Report, Schema};

use crate::influxd::Influxd;
use crate::sample::{TIME, request};
use crate::{DEADLINE, db, settings, start};

const END: u64 = TIME + 2_000_000_000;

fn snapshot() -> Snapshot {
    let cpu = Cpu {
        user: 0.5,
        system: 0.25,
        elapsed: 2.0,
    };
    let pool = |pid, kind| Pool {
        pid,
        kind,
        process_group: None,
        threads: Some(2),
        started: 1,
        busy: 1,
        busy_ns: 1_000_000_000,
        full_ns: Some(0),
        requests: 4,
        length_ns: 2_000_000_000,
    };
    let process = |pid, kind, name: &str| Process {
        pid,
        kind,
        name: name.into(),
        cpu: Some(cpu),
        rss: 4096,
        max_rss: Some(8192),
        threads: 9,
    };
    Snapshot {
        pools: vec![pool(10, Kind::Apache), pool(20, Kind::Daemon)],
        processes: vec![
            process(10, Kind::Apache, "apache2"),
            process(20, Kind::Daemon, "apache2"),
            process(30, Kind::Other, "rotatelogs"),
        ],
        listeners: vec![Listener {
            identity: None,
            address: "[::]:80".parse().unwrap(),
            queue: 3,
        }],
        ..Snapshot::default()
    }
}

async fn written(influxd: &Influxd, schema: Schema) -> Report {
    influxd.create("d").await;
    let mut settings = settings(&influxd.url(), db("d"));
    settings.schema = schema;
    settings.raw = false;
    let (mut influx, _told) = start(settings);
    for n in 0..4 {
        influx.request(&request("/a", n));
    }
    influx.window(&Aggregator::new().close(TIME, END), &snapshot());
    influx.finish(DEADLINE).await
}

#[tokio::test]
async fn the_workshops_measurements() {
    let influxd = Influxd::start().await;
    let report = written(&influxd, Schema::Workshop).await;
    // Requests; metrics, buckets, threads; processes of Apache.
    let points = 4 + 1 + 16 + 2 + 2;
    assert_eq!((report.written, report.rejected), (points, 0));

    let raw = influxd
        .series("d", r#"SELECT * FROM "raw-requests" LIMIT 1"#)
        .await;
    assert_eq!(
        raw[0],
        json!({"name": "raw-requests",
               "columns": ["time", "application_time", "hostname", "process"],
               "values": [[TIME, 0.001, "web 1", "web 1:20"]]})
    );
    // As the dashboards ask: per process, with the buckets as groups.
    let metrics = influxd
        .series(
            "d",
            r#"SELECT "request_throughput", "capacity_utilization", "application_time",
               "cpu_user_time", "memory_max_rss", "request_threads_maximum",
               "request_threads_started", "request_threads_active"
               FROM "request-metrics" WHERE "process" = 'web 1:20'"#,
        )
        .await;
    assert_eq!(
        metrics[0]["values"],
        json!([[END, 2, 0.25, 0.001, 0.25, 8192, 2, 1, 1]])
    );
    let buckets = influxd
        .series(
            "d",
            r#"SELECT sum("application_time_bucket") FROM "request-metrics" GROUP BY "time_bucket""#,
        )
        .await;
    let filled = |series: &&Value| series["values"][0][1] == json!(4);
    let names: Vec<&Value> = buckets.iter().map(|s| &s["tags"]["time_bucket"]).collect();
    assert_eq!(
        (names.len(), names[0], names[15]),
        (16, &json!("0.0"), &json!("inf"))
    );
    assert_eq!(buckets.iter().filter(filled).count(), 1);
    let threads = influxd
        .series(
            "d",
            r#"SELECT "request_threads_bucket", "thread_id" FROM "request-metrics""#,
        )
        .await;
    assert_eq!(threads[0]["values"], json!([[END, 4, "1"], [END, 0, "2"]]));
    let processes = influxd
        .series(
            "d",
            r#"SELECT "cpu", "memory", "pid", "process_type" FROM "process-info""#,
        )
        .await;
    assert_eq!(
        processes[0]["values"],
        json!([
            [END, 37.5, 4096, "10", "httpd"],
            [END, 37.5, 4096, "20", "wsgi"]
        ])
    );
}

#[tokio::test]
async fn pools_processes_and_queues() {
    let influxd = Influxd::start().await;
    let report = written(&influxd, Schema::Otel).await;
    assert_eq!((report.written, report.rejected), (2 + 3 + 1, 0));
    let value =
        |query: &'static str| async { influxd.series("d", query).await[0]["values"].clone() };
    assert_eq!(
        value(r#"SELECT "capacity_used", "idle", "pool" FROM "wsgiprobe.pool""#).await,
        json!([[END, 0.25, 1, "apache"], [END, 0.25, 1, "daemon"]])
    );
    assert_eq!(
        value(r#"SELECT "process.cpu.time.user", "type" FROM "wsgiprobe.process""#).await,
        json!([[END, 0.5, "httpd"], [END, 0.5, "other"], [END, 0.5, "wsgi"]])
    );
    assert_eq!(
        value(r#"SELECT "queue", "server.address" FROM "wsgiprobe.listen""#).await,
        json!([[END, 3, "::"]])
    );
}
