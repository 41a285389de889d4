//! What is written to InfluxDB 1.x is read back the same.

use serde_json::{Value, json};
use wsgiprobe::aggregate::Aggregator;
use wsgiprobe::pool::Snapshot;
use wsgiprobe::sinks::influxdb::{Report, Schema};

use crate::influxd::Influxd;
use crate::sample::{TIME, request};
use crate::{DEADLINE, all, db, settings, start};

const HOSTILE: [&str; 14] = [
    "/plain",
    "/new\nline",
    "/carriage\rreturn",
    "/quote\"s'",
    "/a,b=c d",
    "/backslash\\",
    "/\\\"both\\\\",
    "/b,host=evil x=1 1\nevil,a=b x=1",
    "# no comment",
    "/übersicht/名前/🦀",
    "/\u{1}\u{7f}\u{85}\u{2028}\t",
    "/%0A",
    "/trailing space ",
    "=",
];

fn written(points: u64) -> Report {
    Report {
        accepted: points,
        written: points,
        ..Report::default()
    }
}

#[tokio::test]
async fn hostile_paths_read_back() {
    let influxd = Influxd::start().await;
    influxd.create("d").await;
    let (mut influx, mut told) = start(settings(&influxd.url(), db("d")));
    for (n, path) in (0..).zip(HOSTILE) {
        influx.request(&request(path, n));
    }
    assert_eq!(influx.finish(DEADLINE).await, written(14));
    assert_eq!(all(&mut told), [""; 0]);

    let found = influxd
        .column(
            "d",
            r#"SELECT "url.path" FROM "http.server.request""#,
            "url.path",
        )
        .await;
    let mut expected = HOSTILE.map(Value::from);
    expected.sort_by_key(Value::to_string);
    assert_eq!(found, expected);

    // In the tag they are told apart too, and nothing broke out of its point.
    let series = influxd
        .series(
            "d",
            r#"SELECT "ttfb" FROM "http.server.request" GROUP BY *"#,
        )
        .await;
    assert_eq!(series.len(), HOSTILE.len());
    let routes: Vec<_> = series.iter().map(|s| &s["tags"]["route"]).collect();
    for route in [
        "/new%0Aline",
        "/backslash%5C",
        "/a,b=c d",
        "# no comment",
        "=",
    ] {
        assert!(routes.contains(&&json!(route)), "{route} in {routes:?}");
    }
    assert!(series.iter().all(|s| s["tags"]["host.name"] == "web 1"));
    let measurements = influxd.column("d", "SHOW MEASUREMENTS", "name").await;
    assert_eq!(measurements, ["http.server.request"]);
}

#[tokio::test]
async fn requests_of_one_nanosecond_all_survive() {
    let influxd = Influxd::start().await;
    for (name, schema) in [("o", Schema::Otel), ("w", Schema::Workshop)] {
        influxd.create(name).await;
        let mut settings = settings(&influxd.url(), db(name));
        settings.schema = schema;
        // Also across batches.
        settings.batch_points = 7;
        let (mut influx, _told) = start(settings);
        for _ in 0..50 {
            influx.request(&request("/a", 5));
        }
        assert_eq!(influx.finish(DEADLINE).await, written(50));
    }
    for (name, query) in [
        (
            "o",
            r#"SELECT count("url.path") FROM "http.server.request""#,
        ),
        (
            "w",
            r#"SELECT count("application_time") FROM "raw-requests""#,
        ),
    ] {
        assert_eq!(influxd.column(name, query, "count").await, [50]);
    }
    let times = influxd
        .column(
            "w",
            r#"SELECT "application_time" FROM "raw-requests""#,
            "time",
        )
        .await;
    assert_eq!(times[0], json!(TIME + 5));
    assert_eq!(times[49], json!(TIME + 5 + 49));
}

#[tokio::test]
async fn a_window_reads_back() {
    let influxd = Influxd::start().await;
    influxd.create("d").await;
    let mut aggregator = Aggregator::new();
    let mut slow = request("/a", 0);
    slow.times.duration = Some(80_000_000);
    let mut broken = request("/b", 0);
    broken.status = Some(503);
    for request in [&request("/a", 0), &slow, &broken] {
        aggregator.record(request);
    }
    let (mut influx, _told) = start(settings(&influxd.url(), db("d")));
    influx.window(
        &aggregator.close(TIME, TIME + 1_000_000_000),
        &Snapshot::default(),
    );
    // Two rows; what each route's time went to, and what it waited for.
    assert_eq!(influx.finish(DEADLINE).await, written(6));

    let series = influxd
        .series(
            "d",
            r#"SELECT "requests", "errors", "count", "sum", "max", "p50", "le_0.075", "le_0.1", "request_bytes", "application_time", "application_time_count", "cpu", "wait_upstream", "accept_wait" FROM "http.server.request.duration" GROUP BY *"#,
        )
        .await;
    let tags = |route: &str, class: &str| {
        json!({"host.name": "web 1", "http.request.method": "GET",
               "http.response.status_class": class, "route": route})
    };
    let end = TIME + 1_000_000_000;
    let found = |tags: Value| {
        let series = series.iter().find(|series| series["tags"] == tags);
        series.expect("the row's tags")["values"].clone()
    };
    // The median is that of a histogram: to 1 %.
    let p50 = found(tags("/a", "2xx"))[0][6].as_f64().unwrap();
    assert!((p50 - 0.0015).abs() < 0.000_015, "{p50}");
    assert_eq!(
        found(tags("/a", "2xx")),
        json!([[
            end, 2, 0, 2, 0.0815, 0.08, p50, 1, 2, 200, 0.002, 2, 0.001, 0.0005, null
        ]])
    );
    assert_eq!(
        found(tags("/b", "5xx")),
        json!([[
            end, 1, 1, 1, 0.0015, 0.0015, 0.0015, 1, 1, 100, 0.001, 1, 0.0005, 0.00025, null
        ]])
    );

    let upstream = influxd
        .series("d", r#"SELECT * FROM "wsgiprobe.upstream""#)
        .await;
    let upstream = &upstream[0];
    assert_eq!(
        upstream["columns"],
        json!([
            "time",
            "host.name",
            "requests",
            "route",
            "server.address",
            "server.port",
            "wait"
        ])
    );
    assert_eq!(
        upstream["values"],
        json!([
            [end, "web 1", 2, "/a", "127.0.0.1", "5432", 0.0005],
            [end, "web 1", 1, "/b", "127.0.0.1", "5432", 0.00025],
        ])
    );
}
