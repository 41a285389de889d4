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

    let of = Fields::of(wsgi);
    let processes = of.every_second(&influx)?;
    of.counts(&influx, processes, sent as u64)?;
    process_info(&influx, wsgi)?;
    let raw = influx.values(
        DATABASE,
        "SELECT \"application_time\" FROM \"raw-requests\"",
    )?;
    ensure!(raw.len() == sent, "{} raw requests of {sent}", raw.len());
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
    println!("{processes} processes, {} queries of ours", queries.len());
    Ok(())
}

/// Those that an application has.
struct Fields {
    metrics: &'static [&'static str],
    buckets: &'static [&'static str],
    never: &'static [&'static str],
}

impl Fields {
    fn of(wsgi: Wsgi) -> Self {
        let skip = if wsgi == Wsgi::Daemon { 0 } else { 2 };
        Self {
            metrics: &METRICS[skip..],
            buckets: &BUCKETS[skip..],
            never: &METRICS[..skip],
        }
    }

    /// Each of a process, each second from its first request on. How many processes.
    fn every_second(&self, influx: &Influx) -> Result<usize> {
        let own = "\"time_bucket\" = '' AND \"thread_id\" = ''";
        let series = each(influx, "request-metrics", &METRICS, own)?;
        ensure!(!series.is_empty(), "no request-metrics");
        for (name, points) in &series {
            full(name, points, self.metrics)?;
            every_second(name, points)?;
            let has = |field: &str| points.iter().any(|(_, row)| !row[field].is_null());
            let too_many: Vec<_> = self.never.iter().filter(|field| has(field)).collect();
            ensure!(too_many.is_empty(), "{name} has {too_many:?}");
        }
        // Not all had a request in the first load.
        let longest = series.values().map(Vec::len).max().unwrap_or(0) as u64;
        ensure!(longest > IDLE + 1, "{longest} points at most");
        Ok(series.len())
    }

    /// Buckets and threads have each request once.
    fn counts(&self, influx: &Influx, processes: usize, requests: u64) -> Result<()> {
        let filter = "\"time_bucket\" != ''";
        let buckets = each(influx, "request-metrics", self.buckets, filter)?;
        ensure!(
            buckets.len() == 16 * processes,
            "{} series of buckets",
            buckets.len()
        );
        for (name, points) in &buckets {
            full(name, points, self.buckets)?;
            every_second(name, points)?;
        }
        let (field, filter) = ("request_threads_bucket", "\"thread_id\" != ''");
        let threads = each(influx, "request-metrics", &[field], filter)?;
        for (name, points) in &threads {
            full(name, points, &[field])?;
            every_second(name, points)?;
        }
        for (series, field) in [(&buckets, "application_time_bucket"), (&threads, field)] {
            let counted = series.values().flatten();
            let counted = counted.filter_map(|(_, row)| row[field].as_u64());
            let total: u64 = counted.sum();
            ensure!(total == requests, "{field}: {total} of {requests} requests");
        }
        Ok(())
    }
}

fn process_info(influx: &Influx, wsgi: Wsgi) -> Result<()> {
    let kinds = each(influx, "process-info", &["cpu", "memory"], "\"pid\" != ''")?;
    for (name, points) in &kinds {
        ensure!(name.contains("httpd") || name.contains("wsgi"), "{name}");
        full(name, points, &["memory"])?;
        // The first look at a process has no CPU time: there is no second to tell of.
        full(name, &points[1..], &["cpu"])?;
        every_second(name, points)?;
    }
    let has = |kind: &str| kinds.keys().any(|name| name.contains(kind));
    ensure!(
        has("httpd") && has("wsgi") == (wsgi == Wsgi::Daemon),
        "{:?}",
        kinds.keys()
    );
    Ok(())
}

/// Time in nanoseconds, and the fields.
type Point = (u64, Value);

/// The points by series.
fn each(
    influx: &Influx,
    measurement: &str,
    fields: &[&str],
    filter: &str,
) -> Result<BTreeMap<String, Vec<Point>>> {
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

fn full(name: &str, points: &[Point], fields: &[&str]) -> Result<()> {
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
fn every_second(name: &str, points: &[Point]) -> Result<()> {
    for pair in points[..points.len() - 1].windows(2) {
        let apart = (pair[1].0 - pair[0].0) as f64 / 1e9;
        ensure!(
            (0.4..2.6).contains(&apart),
            "{name}: {apart} s between two points"
        );
    }
    Ok(())
}
