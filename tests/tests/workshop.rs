//! Proves that the workshop's dashboards get each field that they read, each second: of
//! daemons and of an embedded application, with requests and without; and that each of
//! ours for that schema shows something.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::influx::Influx;
use harness::load::Load;
use harness::probe::Probe;
use harness::run::Run;
use harness::server::Server;
use serde_json::Value;

use crate::dashboards::asked::{self, DataSource};
use crate::dashboards::{now, run_each};
use crate::influxdb::DATABASE;

harness::on_each_backend!(daemons, embedded);

/// Of both kinds of application, but for the first two.
const METRICS: [&str; 13] = [
    "queue_time",
    "daemon_time",
    "request_throughput",
    "capacity_utilization",
    "server_time",
    "application_time",
    "cpu_user_time",
    "cpu_system_time",
    "memory_rss",
    "memory_max_rss",
    "request_threads_maximum",
    "request_threads_started",
    "request_threads_active",
];

const BUCKETS: [&str; 4] = [
    "queue_time_bucket",
    "daemon_time_bucket",
    "server_time_bucket",
    "application_time_bucket",
];

/// Seconds with nothing to do.
const IDLE: u64 = 3;

/// Some are at work as a window ends.
const SLOW: Load = Load {
    clients: 4,
    requests: 5,
    kept: true,
};

const LOAD: Load = Load {
    clients: 6,
    requests: 40,
    kept: true,
};

fn daemons(backend: Backend) -> Result<()> {
    complete(backend, Wsgi::Daemon)
}

fn embedded(backend: Backend) -> Result<()> {
    complete(backend, Wsgi::Embedded)
}

fn complete(backend: Backend, wsgi: Wsgi) -> Result<()> {
    let influx = Influx::start()?;
    influx.create(DATABASE)?;
    let apache = Apache::start(Conf::new(Mpm::Event, wsgi))?;
    let (pid, url) = (apache.pid()?.to_string(), influx.url());
    let options = ["--pid", &pid, "--influx-url", &url, "--influx-db", DATABASE];
    let schema = ["--influx-schema", "workshop"];
    let from = now();
    let probe = Probe::start(backend, [&options[..], &schema].concat())?;
    let run = Run { apache, probe };
    // A second of CPU times needs a look before it.
    thread::sleep(Duration::from_millis(2500));
    LOAD.run(&run.apache, |_| Ok(()))?;
    thread::sleep(Duration::from_secs(IDLE));
    LOAD.run(&run.apache, |_| Ok(()))?;
    SLOW.measure(&run.apache, "/slow/400", b"")?;
    thread::sleep(Duration::from_millis(1500));
    let sent = 2 * LOAD.total() + SLOW.total();
    let evidence = run.finish(sent)?;
    evidence.check().run()?;
    let until = now();

    let skip = if wsgi == Wsgi::Daemon { 0 } else { 2 };
    let own = "\"time_bucket\" = '' AND \"thread_id\" = ''";
    let series = each(&influx, "request-metrics", &METRICS[skip..], own)?;
    ensure!(!series.is_empty(), "no request-metrics");
    for (name, points) in &series {
        full(name, points, &METRICS[skip..])?;
        every_second(name, points)?;
    }
    // A process begins with its first request: not all had one in the first load.
    let longest = series.values().map(Vec::len).max().unwrap_or(0) as u64;
    ensure!(longest > IDLE + 1, "{longest} points at most");
    let absent: Vec<_> = METRICS[..skip]
        .iter()
        .filter(|field| {
            series
                .values()
                .flatten()
                .any(|(_, row)| !row[**field].is_null())
        })
        .collect();
    ensure!(absent.is_empty(), "an embedded application has {absent:?}");

    let buckets = each(
        &influx,
        "request-metrics",
        &BUCKETS[skip..],
        "\"time_bucket\" != ''",
    )?;
    ensure!(
        buckets.len() == 16 * series.len(),
        "{} series of buckets",
        buckets.len()
    );
    let threads = each(
        &influx,
        "request-metrics",
        &["request_threads_bucket"],
        "\"thread_id\" != ''",
    )?;
    let served = |points: &Points, field: &str| {
        points
            .iter()
            .filter_map(|(_, row)| row[field].as_u64())
            .sum::<u64>()
    };
    let requests = sent as u64;
    for (name, points) in &buckets {
        full(name, points, &BUCKETS[skip..])?;
        every_second(name, points)?;
    }
    for (name, points) in &threads {
        full(name, points, &["request_threads_bucket"])?;
    }
    for (of, series, field) in [
        ("buckets", &buckets, "application_time_bucket"),
        ("threads", &threads, "request_threads_bucket"),
    ] {
        let total: u64 = series.values().map(|points| served(points, field)).sum();
        ensure!(
            total == requests,
            "{of} count {total} of {requests} requests"
        );
    }

    let kinds = each(&influx, "process-info", &["cpu", "memory"], "\"pid\" != ''")?;
    for (name, points) in &kinds {
        ensure!(name.contains("httpd") || name.contains("wsgi"), "{name}");
        full(name, points, &["memory"])?;
        // The first look at a process has no CPU time: there is no second to tell of.
        full(name, &points[1..].to_vec(), &["cpu"])?;
        every_second(name, points)?;
    }
    let has = |kind: &str| kinds.keys().any(|name| name.contains(kind));
    ensure!(
        has("httpd") && has("wsgi") == (wsgi == Wsgi::Daemon),
        "{:?}",
        kinds.keys()
    );

    let raw = influx.values(
        DATABASE,
        "SELECT \"application_time\" FROM \"raw-requests\"",
    )?;
    ensure!(
        raw.len() as u64 == requests,
        "{} raw requests of {requests}",
        raw.len()
    );
    let queries = asked::all(DataSource::Influxql, true)?;
    let empty = run_each(&queries, |query| {
        let found = influx.values(DATABASE, &query.filled(from, until))?;
        Ok(found.iter().filter_map(asked::number).collect())
    })?;
    // An embedded application has no queue, and mostly the head in one read: 0 in Apache.
    let of_daemons: &[&str] = match wsgi {
        Wsgi::Daemon => &[],
        Wsgi::Embedded => &["queue_time", "daemon_time", "server_time"],
    };
    let absent = |query: &&String| {
        let mut fields = of_daemons.iter();
        fields.any(|field| query.contains(&format!("mean(\"{field}\")")))
    };
    let empty: Vec<_> = empty.iter().filter(|query| !absent(query)).collect();
    ensure!(empty.is_empty(), "{empty:#?}");
    println!(
        "{} processes, {} queries of ours",
        series.len(),
        queries.len()
    );
    Ok(())
}

/// Time in nanoseconds, and the fields.
type Points = Vec<(u64, Value)>;

/// The points by series.
fn each(
    influx: &Influx,
    measurement: &str,
    fields: &[&str],
    filter: &str,
) -> Result<BTreeMap<String, Points>> {
    let fields: Vec<String> = fields.iter().map(|field| format!("\"{field}\"")).collect();
    let query = format!(
        "SELECT {} FROM \"{measurement}\" WHERE {filter} GROUP BY *",
        fields.join(", ")
    );
    let mut found = BTreeMap::new();
    for (tags, points) in influx.series(DATABASE, &query)? {
        found.insert(tags.to_string(), points);
    }
    Ok(found)
}

fn full(name: &str, points: &Points, fields: &[&str]) -> Result<()> {
    for (time, row) in points {
        let absent: Vec<_> = fields
            .iter()
            .filter(|field| row[**field].is_null())
            .collect();
        ensure!(
            absent.is_empty(),
            "{name} at {time} is without {absent:?}: {row}"
        );
    }
    Ok(())
}

/// A window apart, from the first point on; those of a busy machine may be late. The last
/// window is as long as the run was.
fn every_second(name: &str, points: &Points) -> Result<()> {
    for pair in points[..points.len() - 1].windows(2) {
        let apart = (pair[1].0 - pair[0].0) as f64 / 1e9;
        ensure!(
            (0.4..2.6).contains(&apart),
            "{name}: {apart} s between two points"
        );
    }
    Ok(())
}
