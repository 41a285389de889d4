//! Proves that every panel of every Grafana dashboard shows something: each query in it is
//! run, with what Grafana puts in for its variables, on the InfluxDB and the Prometheus of a
//! run in which there was some of everything.
//!
//! Flux is run on nothing: no server of it can be had here. Its queries are made of the
//! same declarations, and `cargo xtask dashboards` has them parsed.

pub mod asked;

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use aya::sys::{Stats, enable_stats};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::expect_status;
use harness::emulated::emulated;
use harness::influx::Influx;
use harness::probe::Probe;
use harness::prometheus::{Asks, Prometheus, lint, scrape};
use harness::run::Run;
use harness::server::Server;
use harness::{ports, skip, wait};

use self::asked::{Asked, DataSource};
use crate::influxdb::{DATABASE, arguments};
use crate::upstream::{Upstream, http, redis};

harness::on_each_backend!(every_panel_has_data);

/// Of the daemons there are 2 with 5 threads each: these fill them, and some wait.
const AT_ONCE: usize = 16;

/// Says how far the metrics have come.
const REPORTED: &str = "wsgiprobe_account_reported_total";

/// How long there is load.
const ROUNDS: usize = 6;

fn every_panel_has_data(backend: Backend) -> Result<()> {
    if emulated() {
        skip::say("it wants every window in Prometheus, and processors are emulated");
        return Ok(());
    }
    // While it is held, the kernel counts runs and time of its programs.
    let counting = enable_stats(Stats::RunTime).context("asking the kernel to count BPF runs")?;
    let (web, store) = (Upstream::start(slow_http)?, Upstream::start(redis)?);
    let influx = Influx::start()?;
    influx.create(DATABASE)?;
    let conf = Conf::new(Mpm::Event, Wsgi::Daemon)
        .env("UPSTREAM_HTTP", &web.port.to_string())
        .env("UPSTREAM_REDIS", &store.port.to_string());
    let apache = Apache::start(conf)?;
    let port = ports::free()?;
    let mut options = arguments(&apache, &influx.url())?;
    options.extend(["--prometheus".into(), format!("127.0.0.1:{port}")]);
    let from = now();
    let probe = Probe::start(backend, options)?;
    let prometheus = Prometheus::start(port, Asks::Text)?;
    influx.write(DATABASE, &compared(from))?;
    let run = Run { apache, probe };
    // Prometheus knows the growth of a counter only from what it saw it at before.
    wait::until("a scrape before the load", || {
        Ok(prometheus.value(REPORTED)?.is_some())
    })?;
    let mut sent = 0;
    for round in 0..ROUNDS {
        sent += mixed(&run.apache, round)?;
    }
    wait::until("a scrape of the last window", || {
        Ok(prometheus.value(REPORTED)? == Some(sent as f64))
    })?;
    let until = now();
    let prometheus_said = asked::all(DataSource::Prometheus, false)?;
    let empty_of_prometheus = run_each(&prometheus_said, |query| {
        if query.is_instant {
            let found = prometheus.query(&query.filled(from, until))?;
            return Ok(found.into_iter().map(|(_, value)| value).collect());
        }
        prometheus.range(&query.filled(from, until), from, until)
    })?;
    let said = lint(&scrape(port)?)?;
    ensure!(said.is_empty(), "promtool: {said}");
    let not_run = asked::all(DataSource::Flux, false)?;
    let evidence = run.finish(sent)?;
    evidence.check().run()?;
    drop(counting);
    let influx_said = asked::all(DataSource::Influxql, false)?;
    let empty_of_influx = run_each(&influx_said, |query| {
        let found = influx.values(DATABASE, &query.filled(from, until))?;
        Ok(found.iter().filter_map(asked::number).collect())
    })?;
    // Of those that have no rounding in them.
    for (panel, count) in [
        ("Requests", sent),
        ("Server errors", 2 * ROUNDS),
        ("Client errors", ROUNDS),
    ] {
        let place = format!("raw-requests, \"{panel}\"");
        let query = influx_said.iter().find(|query| query.place == place);
        let query = query.with_context(|| format!("no panel {place}"))?;
        let values = influx.values(DATABASE, &query.filled(from, until))?;
        let values: Vec<_> = values.iter().filter_map(asked::number).collect();
        ensure!(values == [count as f64], "{place}: {values:?}, not {count}");
    }
    println!(
        "{sent} requests; {} queries of InfluxQL and {} of PromQL have data; {} of Flux not run",
        influx_said.len(),
        prometheus_said.len(),
        not_run.len()
    );
    let empty = [empty_of_influx, empty_of_prometheus].concat();
    ensure!(empty.is_empty(), "{}", empty.join("\n"));
    ensure!(influx_said.len() > 60 && prometheus_said.len() > 60);
    Ok(())
}

/// What `wsgiprobe compare` writes, in small.
fn compared(at: f64) -> String {
    let ns = (at * 1e9) as u64;
    format!(
        "wsgiprobe.compare,host.name=h,variant=bare,baseline=yes throughput=1000,p99=0.002,server_cpu=0.0004 {ns}\n\
         wsgiprobe.compare.ratio,host.name=h,variant=sock,figure=p99 value=1.01,low=0.99,high=1.03,verdict=\"so\" {ns}\n"
    )
}

/// Runs each, and gives those that tell nothing.
pub fn run_each(
    queries: &[Asked],
    run: impl Fn(&Asked) -> Result<Vec<f64>>,
) -> Result<Vec<String>> {
    let mut empty = Vec::new();
    for query in queries {
        let values = run(query).with_context(|| query.to_string())?;
        let finite = values.iter().filter(|value| value.is_finite()).count();
        let is_shown = values
            .iter()
            .any(|value| value.is_finite() && *value != 0.0);
        if finite == 0 || !(is_shown || query.may_be_zero) {
            empty.push(format!("{} values, {finite} finite: {query}", values.len()));
        }
    }
    Ok(empty)
}

/// Some of everything, and how many that were.
fn mixed(server: &Apache, round: usize) -> Result<usize> {
    let mut sent = 0;
    for (path, status) in [
        ("status/404", 404),
        ("status/500", 500),
        ("status/304", 304),
        ("crash", 500),
        ("upstream", 200),
        ("big", 200),
    ] {
        let answer = server.connect()?.get(&format!("/{path}/{round}"))?;
        expect_status(&answer, status)?;
        sent += 1;
    }
    let answer = server
        .connect()?
        .post(&format!("/read/{round}"), &vec![b'x'; 100_000])?;
    expect_status(&answer, 200)?;
    sent += 1;
    let slow = |number: usize| -> Result<()> {
        for path in ["slow/300", "hello"] {
            // Apache closes kept connections when it is out of threads.
            let answer = server
                .connect()?
                .get(&format!("/{path}/{round}-{number}"))?;
            expect_status(&answer, 200)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..AT_ONCE)
            .map(|number| scope.spawn(move || slow(number)))
            .collect();
        all.into_iter().try_for_each(|one| {
            one.join()
                .map_err(|_| anyhow::anyhow!("a client panicked"))?
        })
    })?;
    Ok(sent + 2 * AT_ONCE)
}

/// Long enough to be waited for.
fn slow_http(stream: &TcpStream) -> std::io::Result<()> {
    thread::sleep(Duration::from_millis(20));
    http(stream)
}

/// Seconds since the epoch.
pub fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}
