//! Points on disk while a real InfluxDB 1.x is away.

use std::path::Path;
use std::time::{Duration, Instant};

use wsgiprobe::sinks::influxdb::{Settings, SpoolSettings};

use crate::influxd::{Influxd, free_port};
use crate::sample::request;
use crate::{DEADLINE, all, db, settings, start, until};

fn spooled(port: u16, dir: &Path) -> Settings {
    let mut settings = settings(&format!("http://127.0.0.1:{port}"), db("d"));
    settings.spool = Some(SpoolSettings {
        dir: dir.to_owned(),
        bytes: 32 << 20,
    });
    settings
}

#[tokio::test]
async fn what_one_run_could_not_deliver_the_next_one_does() {
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("a/b");
    let (mut influx, mut told) = start(spooled(port, &folder));
    for n in 0..30 {
        influx.request(&request("/a", n));
    }
    let begin = Instant::now();
    let report = influx.finish(DEADLINE).await;
    assert!(
        begin.elapsed() < DEADLINE / 2,
        "it is safe: nothing to wait for"
    );
    assert_eq!(
        (report.accepted, report.spooled, report.dropped),
        (30, 30, 0)
    );
    let said = all(&mut told).concat();
    assert!(
        said.contains(&format!("kept in {}", folder.display())),
        "{said}"
    );

    let influxd = Influxd::start_at(port, false).await;
    influxd.create("d").await;
    let (mut influx, mut told) = start(spooled(port, &folder));
    influx.request(&request("/b", 30));
    until(|| influx.report().written == 31).await;
    let report = influx.finish(DEADLINE).await;
    assert_eq!((report.accepted, report.inherited), (1, 30));
    assert_eq!((report.spooled, report.dropped, report.rejected), (0, 0, 0));
    let said = all(&mut told).concat();
    assert!(said.contains("30 points of an earlier run"), "{said}");
    let query = r#"SELECT "url.path" FROM "http.server.request""#;
    assert_eq!(influxd.column("d", query, "url.path").await.len(), 31);
}

#[tokio::test]
async fn what_waits_is_on_disk_before_the_end() {
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let (mut influx, _told) = start(spooled(port, dir.path()));
    for n in 0..10 {
        influx.request(&request("/a", n));
    }
    until(|| influx.report().spooled == 10).await;
    let influxd = Influxd::start_at(port, false).await;
    influxd.create("d").await;
    until(|| influx.report().written == 10).await;
    assert_eq!(influx.report().spooled, 0);
}

#[tokio::test]
async fn two_cannot_share_a_folder() {
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let (_first, _told) = start(spooled(port, dir.path()));
    let (notices, _inbox) = tokio::sync::mpsc::unbounded_channel();
    let second = wsgiprobe::sinks::influxdb::InfluxDb::start(spooled(port, dir.path()), notices);
    let said = second.unwrap_err().to_string();
    assert!(
        said.contains("--influx-spool") && said.contains("a folder of its own"),
        "{said}"
    );
    tokio::time::sleep(Duration::from_millis(1)).await;
}
