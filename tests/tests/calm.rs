//! Proves that 100 000 different paths a minute leave every output calm: with all of them
//! on at once each has every request, none grows with the paths, and one that is slow
//! holds up no other.
//!
//! Twenty seconds at that rate. The output is the same whatever the hooks are.

mod paths;
mod readers;
mod slow;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::apache::{Apache, Conf};
use harness::backends::{self, Backend};
use harness::client::{Client, expect_status};
use harness::emulated::{emulated, patiently};
use harness::influx::Influx;
use harness::ports;
use harness::probe::{Probe, Report};
use harness::prometheus::scrape;
use harness::rotel::Rotel;
use harness::run::{Evidence, Run};
use harness::server::Server;
use harness::skip;
use harness::wait;
use serde_json::Value;
use tempfile::TempDir;

use self::paths::{EVERY, GROUPED, ask, words};
use self::readers::{Attentive, Events, Idle, Scraper, Scrapes};
use self::slow::Slow;
use crate::influxdb::DATABASE;
use crate::otlp::Said;

/// Works on every kernel.
const BACKEND: Backend = Backend::Syscall;

/// Requests: 20 s.
const COUNT: usize = 33_333;

/// `--max-routes`, as it is.
const ROUTES: usize = 200;

/// `--otlp-spans`, as it is: a second.
const SPANS: usize = 20;

/// What a slow output takes for each thing that it is given.
const SLOW: Duration = Duration::from_secs(4);

/// Whoever waited for a slow one would be later than this, an interval included.
const PROMPT: Duration = Duration::from_secs(3);

/// Of the page's state, asked for at once: more than the kernel keeps for a connection.
const STATES: usize = 128;

/// Of `--jsonl-rotate`.
const FILES: u32 = 100;

/// One wsgiprobe with every output.
struct Everything {
    run: Run,
    rotel: Rotel,
    metrics: u16,
    page: u16,
    folder: TempDir,
}

impl Everything {
    fn start(influx: &str, rotel: Rotel, further: &[&str]) -> Result<Self> {
        let apache = Apache::start(Conf::default())?;
        let folder = tempfile::tempdir()?;
        let (metrics, page) = (ports::free()?, ports::free()?);
        let report = folder.path().join("report.html");
        let (pid, keep) = (apache.pid()?.to_string(), FILES.to_string());
        let (prometheus, web) = (metrics.to_string(), page.to_string());
        let otlp = format!("http://127.0.0.1:{}", rotel.grpc);
        let arguments = [
            ["--pid", &pid],
            ["--influx-url", influx],
            ["--influx-db", DATABASE],
            ["--prometheus", &prometheus],
            ["--otlp", &otlp],
            ["--otlp-protocol", "grpc"],
            ["--otlp-interval", "5s"],
            // All of them would have spans.
            ["--otlp-slow", "1us"],
            ["--jsonl-rotate", "1MiB"],
            ["--jsonl-keep", &keep],
            ["--web", &web],
            ["--report", report.to_str().context("no UTF-8")?],
        ];
        let arguments = [arguments.as_flattened(), &["--influx-raw"], further].concat();
        let probe = Probe::start(BACKEND, arguments)?;
        Ok(Self {
            run: Run { apache, probe },
            rotel,
            metrics,
            page,
            folder,
        })
    }

    /// Asks for all paths, while somebody reads the page and the metrics, and ends the run.
    fn through(self) -> Result<Seen> {
        let Self {
            run,
            rotel,
            metrics,
            page,
            folder,
        } = self;
        // Before the run has begun it says so.
        wait::until("the metrics", || Ok(scrape(metrics).is_ok()))?;
        let scraper = Scraper::start(metrics);
        let attentive = Attentive::start(page)?;
        let took = ask(&run.apache, COUNT)?;
        let planned = EVERY * COUNT as u32;
        println!("{COUNT} requests in {took:.1?}, {planned:.1?} were planned");
        if took > planned * 3 / 2 {
            skip::say("the rate was not reached: this machine is too busy");
        }
        wait::until("the metrics to have all", || {
            Ok(counter(metrics, "wsgiprobe_account_reported_total")? == Some(COUNT as u64))
        })?;
        let exposed = String::from_utf8(scrape(metrics)?)?;
        let state = Client::connect(page)?.get("/api/state")?;
        expect_status(&state, 200)?;
        let reads = scraper.stop()?;
        let evidence = run.apache.settle(COUNT)?;
        let mut old = Vec::new();
        // The newest are written a moment later; then no file changes any more.
        wait::until("all requests to be written", || {
            old = Vec::new();
            for number in 1..=FILES {
                old.extend(run.probe.rotated(number)?.into_iter().flatten());
            }
            Ok(old.len() + run.probe.requests()?.len() == COUNT)
        })?;
        ensure!(!old.is_empty(), "the file never rotated");
        let mut report = run.probe.finish()?;
        report.requests.append(&mut old);
        ensure!(report.exit_code == Some(0), "{}", report.stderr);
        Ok(Seen {
            evidence: Evidence {
                entries: evidence,
                report,
            },
            scrapes: reads,
            events: attentive.read()?,
            state: state.body,
            exposed,
            rotel,
            html: folder.path().join("report.html"),
            _folder: folder,
        })
    }
}

/// What all sides have after a run.
struct Seen {
    evidence: Evidence,
    scrapes: Scrapes,
    events: Events,
    /// Of the page, as JSON.
    state: Vec<u8>,
    exposed: String,
    rotel: Rotel,
    html: PathBuf,
    _folder: TempDir,
}

impl Seen {
    fn all_but_influx(&self) -> Result<()> {
        self.account()?;
        self.prometheus()?;
        self.page()?;
        self.collector()
    }

    fn report(&self) -> &Report {
        &self.evidence.report
    }

    /// Every request is there once, nothing was lost, and the rest is `_other`.
    fn account(&self) -> Result<()> {
        self.evidence.check().run()?;
        let summary = &self.report().summary;
        ensure!(
            summary.reported == COUNT as u64 && summary.total_lost() == 0,
            "{summary:?}"
        );
        let others = words(COUNT) - (ROUTES - GROUPED.len());
        ensure!(
            summary.note("route_overflow") == others as u64,
            "{summary:?}"
        );
        let mut routes: Vec<_> = self.report().requests.iter().map(|r| &*r.route).collect();
        let of = |route: &str| routes.iter().filter(|other| **other == route).count();
        for route in GROUPED {
            ensure!(of(route) >= COUNT / 5, "{} of {route}", of(route));
        }
        ensure!(of("_other") == others, "{} of _other", of("_other"));
        routes.sort_unstable();
        routes.dedup();
        ensure!(routes.len() == ROUTES + 1, "{} routes", routes.len());
        let rss = summary.probe.rss_bytes >> 20;
        println!("wsgiprobe: {rss} MiB, {:.1} s of CPU", summary.probe.cpu_s);
        ensure!(rss < 96, "{rss} MiB");
        Ok(())
    }

    fn prometheus(&self) -> Result<()> {
        const DURATIONS: &str = "http_server_request_duration_seconds_count{";
        let counts = self
            .exposed
            .lines()
            .filter(|line| line.starts_with(DURATIONS));
        let counts: Vec<u64> = counts.filter_map(value).collect();
        ensure!(
            counts.iter().sum::<u64>() == COUNT as u64,
            "{} requests",
            counts.iter().sum::<u64>()
        );
        // One method, one class of status.
        ensure!(
            counts.len() == ROUTES + 1,
            "{} series of durations",
            counts.len()
        );
        let Scrapes {
            count,
            slowest,
            largest,
        } = &self.scrapes;
        println!("{count} scrapes: {largest} bytes, {slowest:.1?} at most");
        // Of a route: histogram, parts, waits, sizes.
        ensure!(*largest < (ROUTES + 1) * 16_384, "{largest} bytes");
        ensure!(*slowest < patiently(PROMPT), "a scrape took {slowest:?}");
        Ok(())
    }

    fn page(&self) -> Result<()> {
        let state: Value = serde_json::from_slice(&self.state)?;
        let rows = state["routes"].as_array().context("no routes")?;
        ensure!(rows.len() == ROUTES + 1, "{} rows", rows.len());
        ensure!(
            state["total"]["n"] == COUNT,
            "{} on the page",
            state["total"]["n"]
        );
        let Events {
            count,
            longest_wait,
            largest,
            last,
        } = &self.events;
        println!(
            "{count} events: {largest} bytes, {longest_wait:.1?} apart at most; state {} bytes",
            self.state.len()
        );
        ensure!(
            last["ended"] == true && last["total"]["n"] == COUNT,
            "{last}"
        );
        ensure!(*largest < 64 << 10, "an event of {largest} bytes");
        ensure!(
            self.state.len() < 256 << 10,
            "a state of {} bytes",
            self.state.len()
        );
        ensure!(
            *longest_wait < patiently(PROMPT),
            "{longest_wait:?} without an event"
        );
        let html = fs::metadata(&self.html)?.len();
        println!("report: {html} bytes");
        ensure!(html < 1 << 20, "a report of {html} bytes");
        Ok(())
    }

    fn collector(&self) -> Result<()> {
        let mut said = Said::of(&self.rotel.said()?);
        wait::until("the collector to print all", || {
            said = Said::of(&self.rotel.said()?);
            Ok(said.sum("wsgiprobe.requests", "Value: ") == Some(COUNT as u64))
        })?;
        let durations = said.points("http.server.request.duration");
        ensure!(durations == ROUTES + 1, "{durations} series of durations");
        let took = said.seconds().context("no spans")?;
        let roots = said
            .spans
            .iter()
            .filter(|span| span.parent.is_empty())
            .count();
        println!("{roots} spans of requests in {took} s, {durations} series");
        ensure!(
            roots > 0 && roots <= SPANS * (took as usize + 2),
            "{roots} spans in {took} s"
        );
        Ok(())
    }

    /// The line of what became of an output's points.
    fn line(&self, of: &str) -> Result<&str> {
        let mut lines = self.report().stdout.lines();
        let line = lines.find(|line| line.contains(of));
        let line = line.with_context(|| format!("no {of} in {}", self.report().stdout))?;
        println!("{line}");
        ensure!(
            !line.contains("dropped") && !line.contains("lost") && !line.contains("rejected"),
            "{line}"
        );
        Ok(line)
    }
}

fn counter(port: u16, name: &str) -> Result<Option<u64>> {
    let text = String::from_utf8(scrape(port)?)?;
    let mut lines = text
        .lines()
        .filter_map(|line| Some((line, line.strip_prefix(name)?)));
    Ok(lines.find_map(|(line, rest)| rest.starts_with(' ').then(|| value(line))?))
}

/// Of a line; exemplars stand after it.
fn value(line: &str) -> Option<u64> {
    let line = line.split(" # ").next()?;
    Some(line.rsplit(' ').next()?.parse::<f64>().ok()? as u64)
}

fn one(influx: &Influx, query: &str, column: &str) -> Result<u64> {
    let rows = influx.query(DATABASE, query)?;
    let values = rows.column(column)?;
    values
        .first()
        .and_then(|value| value.as_u64())
        .with_context(|| format!("{query}: {rows:?}"))
}

#[test]
fn every_output_at_once() -> Result<()> {
    if emulated() {
        skip::say("processors are emulated: the rate is out of reach");
        return Ok(());
    }
    backends::run(BACKEND, |_| {
        let Some(rotel) = Rotel::start()? else {
            return Ok(());
        };
        let influx = Influx::start()?;
        influx.create(DATABASE)?;
        let seen = Everything::start(&influx.url(), rotel, &[])?.through()?;
        seen.all_but_influx()?;
        seen.line("points to InfluxDB")?;
        seen.line(" points and ")?;
        stored(&influx)
    })
}

/// The database has every request, and no more series for all its paths.
fn stored(influx: &Influx) -> Result<()> {
    const RAW: &str = "SELECT COUNT(\"client.port\") AS n FROM \"http.server.request\"";
    const ROUTE_VALUES: &str =
        "SHOW TAG VALUES FROM \"http.server.request.duration\" WITH KEY = \"route\"";
    const SUM: &str = "SELECT SUM(\"requests\") AS n FROM \"http.server.request.duration\"";
    for query in [RAW, SUM] {
        ensure!(
            one(influx, query, "n")? == COUNT as u64,
            "{query}: {}",
            one(influx, query, "n")?
        );
    }
    let series = influx.query(DATABASE, "SHOW SERIES")?.len();
    let routes = influx.query(DATABASE, ROUTE_VALUES)?.len();
    println!("InfluxDB: {series} series, {routes} routes");
    ensure!(routes == ROUTES + 1, "{routes} routes");
    // Of a route: aggregates, what its time went to, and its requests by who served them.
    ensure!(series <= 4 * (ROUTES + 1), "{series} series");
    Ok(())
}

#[test]
fn a_slow_one_holds_up_nobody() -> Result<()> {
    if emulated() {
        skip::say("processors are emulated: the rate is out of reach");
        return Ok(());
    }
    backends::run(BACKEND, |_| {
        let Some(rotel) = Rotel::start()? else {
            return Ok(());
        };
        let slow = Slow::start(SLOW)?;
        let spool = tempfile::tempdir()?;
        let further = ["--influx-spool", spool.path().to_str().context("no UTF-8")?];
        let everything = Everything::start(&slow.url(), rotel, &further)?;
        let watches = Idle::start(everything.page, "/api/events", 1)?;
        let takes = Idle::start(everything.page, "/api/state", STATES)?;
        let seen = everything.through()?;
        seen.all_but_influx()?;
        let line = seen.line("points to InfluxDB")?;
        println!("the slow one answered {} times", slow.taken());
        let (events, states) = (watches.kept(), takes.kept());
        println!("{events} and {states} bytes wait for who does not read");
        ensure!(states < STATES * seen.state.len() / 2, "it has all of them");
        // Or it held up nobody because it was not slow.
        ensure!(line.contains("wait in the spool"), "{line}");
        Ok(())
    })
}
