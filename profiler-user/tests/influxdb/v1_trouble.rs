//! What goes wrong with InfluxDB 1.x is counted, told once, and survived.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use wsgiprobe::sinks::influxdb::{Report, Target};

use crate::influxd::{Influxd, free_port, http};
use crate::sample::request;
use crate::{DEADLINE, all, db, settings, start, until};

#[tokio::test]
async fn a_missing_database_is_told_once_and_waited_for() {
    let influxd = Influxd::start().await;
    let mut settings = settings(&influxd.url(), db("nowhere"));
    settings.batch_points = 2;
    let (mut influx, mut told) = start(settings);
    for n in 0..6 {
        influx.request(&request("/a", n));
    }
    until(|| influx.report().errors > 1).await;
    assert_eq!(
        all(&mut told),
        [format!(
            "influxdb at {}: 404 Not Found: database not found: \"nowhere\" (create the \
             database or name another with --influx-db); points are kept and sent later",
            influxd.url()
        )]
    );
    influxd.create("nowhere").await;
    until(|| influx.report().written == 6).await;
    assert_eq!(all(&mut told).len(), 1, "that it is there again");
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_database_that_is_missing() {
    let influxd = Influxd::start().await;
    let (mut influx, _told) = start(settings(&influxd.url(), db("nowhere")));
    influx.request(&request("/a", 0));
    let begin = Instant::now();
    let report = influx.finish(DEADLINE).await;
    assert!(begin.elapsed() < DEADLINE / 2);
    assert_eq!((report.dropped, report.rejected), (1, 0));
}

#[tokio::test]
async fn the_first_contact_tells_without_any_request() {
    let influxd = Influxd::start().await;
    let (_influx, mut told) = start(settings(&influxd.url(), db("nowhere")));
    let notice = tokio::time::timeout(DEADLINE, told.recv()).await.unwrap();
    assert!(notice.unwrap().contains("database not found"));
}

#[tokio::test]
async fn a_server_that_comes_later_gets_everything() {
    let port = free_port();
    let (mut influx, mut told) = start(settings(&format!("http://127.0.0.1:{port}"), db("d")));
    for n in 0..20 {
        influx.request(&request("/a", n));
    }
    let away = tokio::time::timeout(DEADLINE, told.recv()).await.unwrap();
    let away = away.unwrap();
    assert!(
        away.contains("cannot connect: Connection refused"),
        "{away}"
    );
    assert!(away.ends_with("points are kept and sent later"), "{away}");

    let influxd = Influxd::start_at(port, false).await;
    influxd.create("d").await;
    influx.request(&request("/b", 20));
    let report = influx.finish(DEADLINE).await;
    assert_eq!(
        (report.written, report.dropped, report.rejected),
        (21, 0, 0)
    );
    let told = all(&mut told);
    assert!(
        told.len() == 1 && told[0].ends_with("is there again"),
        "{told:?}"
    );
    let query = r#"SELECT count("ttfb") FROM "http.server.request""#;
    assert_eq!(influxd.column("d", query, "count").await, [21]);
}

#[tokio::test]
async fn overflow_is_counted_and_the_newest_are_kept() {
    let port = free_port();
    let mut small = settings(&format!("http://127.0.0.1:{port}"), db("d"));
    small.buffer_bytes = 20_000;
    small.batch_points = 5;
    let (mut influx, mut told) = start(small);
    for n in 0..500 {
        influx.request(&request(&format!("/{n}"), n));
    }
    assert!(influx.report().dropped > 300, "{:?}", influx.report());
    let influxd = Influxd::start_at(port, false).await;
    influxd.create("d").await;
    let report = influx.finish(DEADLINE).await;
    assert_eq!(report.written + report.dropped, 500);
    assert_eq!(report.rejected, 0);
    let full = all(&mut told);
    let full = full.iter().filter(|notice| notice.contains("full"));
    assert_eq!(full.count(), 1);
    let query = r#"SELECT "url.path" FROM "http.server.request""#;
    let paths = influxd.column("d", query, "url.path").await;
    assert_eq!(paths.len() as u64, report.written);
    assert!(paths.contains(&"/499".into()));
}

#[tokio::test]
async fn the_end_comes_in_time_and_counts_what_is_left() {
    let port = free_port();
    let (mut influx, _told) = start(settings(&format!("http://127.0.0.1:{port}"), db("d")));
    for n in 0..10 {
        influx.request(&request("/a", n));
    }
    let begin = Instant::now();
    let report = influx.finish(Duration::from_millis(300)).await;
    assert!(begin.elapsed() < Duration::from_secs(3));
    assert_eq!((report.written, report.dropped), (0, 10));
    assert!(report.errors > 0);
}

#[tokio::test]
async fn a_server_that_never_answers_holds_nobody_up() {
    // Accepts (the kernel does) and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut impatient = settings(&url, db("d"));
    impatient.timeout = Duration::from_millis(200);
    impatient.buffer_bytes = 1 << 20;
    let (mut influx, mut told) = start(impatient);
    let request = request("/a", 0);
    let begin = Instant::now();
    for _ in 0..20_000 {
        influx.request(&request);
    }
    // 20 us each would be slow even unoptimised; one time-out is 200 ms.
    assert!(
        begin.elapsed() < Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
    let notice = tokio::time::timeout(DEADLINE, async {
        loop {
            let notice = told.recv().await.unwrap();
            if !notice.contains("full") {
                return notice;
            }
        }
    });
    let notice = notice.await.unwrap();
    assert!(notice.contains("no answer in time"), "{notice}");
    let report = influx.finish(Duration::from_millis(100)).await;
    assert_eq!((report.written, report.dropped), (0, 20_000));
}

#[tokio::test]
async fn a_conflict_of_types_loses_only_its_points() {
    let influxd = Influxd::start().await;
    influxd.create("d").await;
    // A series of another program took the name for a string.
    let taken = format!("{}/write?db=d", influxd.url());
    let other = http().post(taken);
    let line = "http.server.request,host.name=x ttfb=\"soon\" 1795253823000000000";
    assert_eq!(other.body(line).send().await.unwrap().status(), 204);

    let (mut influx, mut told) = start(settings(&influxd.url(), db("d")));
    let mut without = request("/b", 1);
    without.times.ttfb = None;
    influx.request(&request("/a", 0));
    influx.request(&without);
    let report = influx.finish(DEADLINE).await;
    assert_eq!(
        report,
        Report {
            accepted: 2,
            written: 1,
            rejected: 1,
            errors: 1,
            ..Report::default()
        }
    );
    let told = all(&mut told);
    assert!(
        told.len() == 1 && told[0].contains("field type conflict"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_user_may_be_needed() {
    let influxd = Influxd::start_at(free_port(), true).await;
    let create = "CREATE USER \"a\" WITH PASSWORD 'p@ss' WITH ALL PRIVILEGES";
    influxd.query_as(None, "", create).await;
    let admin = Some(("a", "p@ss"));
    influxd.query_as(admin, "", "CREATE DATABASE \"d\"").await;

    let (mut nobody, mut told) = start(settings(&influxd.url(), db("d")));
    nobody.request(&request("/a", 0));
    assert_eq!(nobody.finish(DEADLINE).await.dropped, 1);
    let told = all(&mut told);
    assert!(
        told.len() == 1 && told[0].contains("401 Unauthorized"),
        "{told:?}"
    );
    assert!(told[0].contains("INFLUX_USER"), "{told:?}");

    let by_option = Target::V1 {
        db: "d".into(),
        user: Some("a".into()),
        password: Some("p@ss".into()),
    };
    let by_url = influxd.url().replace("http://", "http://a:p%40ss@");
    for settings in [
        settings(&influxd.url(), by_option),
        settings(&by_url, db("d")),
    ] {
        let (mut influx, mut told) = start(settings);
        influx.request(&request("/a", 0));
        assert_eq!(influx.finish(DEADLINE).await.written, 1);
        assert_eq!(all(&mut told), [""; 0]);
    }
}
