//! Proves that an OpenTelemetry collector decodes what it is sent, by gRPC and by HTTP:
//! each request is counted once, and each that was slow or failed has a span, with its
//! parts below it, one after the other.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::expect_status;
use harness::load::Load;
use harness::ports;
use harness::probe::{Probe, Report};
use harness::rotel::Rotel;
use harness::run::Run;
use harness::server::Server;
use harness::wait;

harness::on_each_backend!(grpc, http, away);

/// From there on a request is slow, nanoseconds.
const SLOW_NS: u64 = 150_000_000;

fn grpc(backend: Backend) -> Result<()> {
    match Rotel::start()? {
        Some(rotel) => arrives(backend, &rotel, "grpc", rotel.grpc),
        None => Ok(()),
    }
}

fn http(backend: Backend) -> Result<()> {
    match Rotel::start()? {
        Some(rotel) => arrives(backend, &rotel, "http/protobuf", rotel.http),
        None => Ok(()),
    }
}

fn start(backend: Backend, protocol: &str, port: u16) -> Result<Run> {
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let (pid, url) = (
        apache.pid()?.to_string(),
        format!("http://127.0.0.1:{port}"),
    );
    let slow = format!("{SLOW_NS}ns");
    let arguments = ["--pid", &pid, "--otlp", &url, "--otlp-protocol", protocol];
    let further = [
        "--otlp-slow",
        &slow,
        "--otlp-spans",
        "1000",
        "--otlp-interval",
        "1s",
    ];
    let probe = Probe::start(backend, arguments.into_iter().chain(further))?;
    Ok(Run { apache, probe })
}

/// Some of each kind; how many.
fn requests(apache: &Apache) -> Result<usize> {
    for status in [204, 304, 404, 500, 503] {
        let answer = apache.connect()?.get(&format!("/status/{status}"))?;
        expect_status(&answer, status)?;
    }
    for _ in 0..3 {
        expect_status(&apache.connect()?.get("/slow/200")?, 200)?;
    }
    let load = Load {
        clients: 2,
        requests: 50,
        kept: true,
    };
    load.run(apache, |_| Ok(()))?;
    Ok(8 + load.total())
}

fn arrives(backend: Backend, rotel: &Rotel, protocol: &str, port: u16) -> Result<()> {
    let run = start(backend, protocol, port)?;
    let count = requests(&run.apache)?;
    let evidence = run.finish(count)?;
    evidence.check().run()?;
    let report = &evidence.report;
    let expected = with_spans(report);
    ensure!(expected.len() >= 5, "{expected:?}");

    let mut roots = Vec::new();
    wait::until("the collector to print all", || {
        let said = Said::of(&rotel.said()?);
        roots = said
            .spans
            .iter()
            .filter(|span| span.parent.is_empty())
            .cloned()
            .collect();
        let counted = said.sum("wsgiprobe.requests", "Value: ");
        Ok(roots.len() >= expected.len() && counted == Some(count as u64))
    })
    .with_context(|| {
        format!(
            "{} of {} spans; {}",
            roots.len(),
            expected.len(),
            report.stdout
        )
    })?;
    let said = Said::of(&rotel.said()?);
    let counted = said.sum("http.server.request.duration", "Count: ");
    ensure!(
        counted == Some(count as u64),
        "{counted:?} durations of {count}"
    );

    let mut durations: Vec<u64> = roots.iter().filter_map(|root| root.duration_ns).collect();
    durations.sort_unstable();
    ensure!(
        durations == expected,
        "{durations:?}, of the requests {expected:?}"
    );
    let slept: Vec<&Span> = roots
        .iter()
        .filter(|root| root.name == "GET /slow/{id}")
        .collect();
    ensure!(slept.len() == 3, "{roots:?}");
    for root in slept {
        parts(root, &said)?;
    }
    ensure!(
        report.stdout.contains(" spans to http://127.0.0.1:"),
        "{}",
        report.stdout
    );
    println!(
        "{count} requests, {} with spans, by {protocol}",
        roots.len()
    );
    Ok(())
}

/// Durations of those that were slow or failed, nanoseconds, in order.
fn with_spans(report: &Report) -> Vec<u64> {
    let meant = report.requests.iter().filter(|request| {
        let slow = request.duration.is_some_and(|ns| ns >= SLOW_NS);
        slow || request.status.is_none_or(|status| status >= 500)
    });
    let mut durations: Vec<u64> = meant.filter_map(|request| request.duration).collect();
    durations.sort_unstable();
    durations
}

/// The spans below a request to a daemon that slept for 200 ms.
fn parts(root: &Span, said: &Said) -> Result<()> {
    let below = said.spans.iter().filter(|span| span.parent == root.id);
    let below: HashMap<&str, &Span> = below.map(|span| (&*span.name, span)).collect();
    let part = |name: &str| {
        below
            .get(name)
            .with_context(|| format!("no {name}: {below:?}"))
    };
    let mut at = part("server")?.start;
    for name in ["server", "queue", "daemon", "application", "send"] {
        let part = part(name)?;
        ensure!(part.trace == root.trace, "{part:?} of {root:?}");
        ensure!(
            part.start == at && part.end >= at,
            "{part:?} does not begin at {at}"
        );
        at = part.end;
    }
    let slept = part("application")?.end - part("application")?.start;
    ensure!(slept >= 200_000_000, "the application took {slept} ns");
    let (first, duration) = (
        part("server")?.start,
        root.duration_ns.context("no duration")?,
    );
    ensure!(first + duration == root.end, "{root:?} begins at {first}");
    // What the parts cover of the duration: docs/anatomy.md. On a busy machine the
    // application's thread may be long in coming to its end after the last write.
    let (send, missing) = (part("send")?, root.end.saturating_sub(at));
    ensure!(
        missing <= 50_000.max(duration / 100),
        "the parts end {missing} ns before {root:?}"
    );
    ensure!(
        at <= root.end + 50_000 || send.start == send.end,
        "{send:?} goes on after {root:?}"
    );
    let waited = part("accept_wait")?;
    ensure!(
        waited.start == root.start && waited.end <= first,
        "{waited:?} of {root:?}"
    );
    Ok(())
}

/// A collector that is not there is told once and counted, and nothing else is missing.
fn away(backend: Backend) -> Result<()> {
    let run = start(backend, "grpc", ports::free()?)?;
    let count = requests(&run.apache)?;
    let evidence = run.finish(count)?;
    evidence.check().run()?;
    let Report { stderr, stdout, .. } = &evidence.report;
    let told = stderr.lines().filter(|line| line.contains("otlp: "));
    ensure!((1..=2).contains(&told.count()), "{stderr}");
    ensure!(
        stdout.contains("0 points and 0 spans to") && stdout.contains("spans lost"),
        "{stdout}"
    );
    Ok(())
}

/// What the collector printed.
pub struct Said {
    /// Lines of each metric, by name; the last that was printed.
    metrics: HashMap<String, Vec<String>>,
    pub spans: Vec<Span>,
}

#[derive(Clone, Debug, Default)]
pub struct Span {
    trace: String,
    pub parent: String,
    id: String,
    name: String,
    start: u64,
    end: u64,
    duration_ns: Option<u64>,
}

impl Said {
    pub fn of(text: &str) -> Self {
        let mut said = Self {
            metrics: HashMap::new(),
            spans: Vec::new(),
        };
        let mut metric = String::new();
        for line in text.lines() {
            if line.starts_with("Span #") {
                said.spans.push(Span::default());
                metric.clear();
            } else if line.starts_with("Resource") || line.starts_with("Metric #") {
                metric.clear();
            } else if let Some(name) = line.strip_prefix("     -> Name: ") {
                name.clone_into(&mut metric);
                said.metrics.insert(metric.clone(), Vec::new());
            } else if let Some(lines) = said.metrics.get_mut(&metric) {
                lines.push(line.to_owned());
            } else if let Some(span) = said.spans.last_mut() {
                span.take(line);
            }
        }
        said
    }

    /// The sum of a metric's figures, over its points.
    pub fn sum(&self, metric: &str, figure: &str) -> Option<u64> {
        let lines = self.metrics.get(metric)?.iter();
        lines
            .filter_map(|line| line.strip_prefix(figure)?.parse::<u64>().ok())
            .reduce(|a, b| a + b)
    }

    /// How many points a histogram has.
    pub fn points(&self, metric: &str) -> usize {
        let lines = self.metrics.get(metric).into_iter().flatten();
        lines.filter(|line| line.starts_with("Count: ")).count()
    }

    /// From the first span's begin to the last one's end, full seconds; `None` without any.
    pub fn seconds(&self) -> Option<u64> {
        let first = self.spans.iter().map(|span| span.start).min()?;
        let last = self.spans.iter().map(|span| span.end).max()?;
        Some((last - first) / 1_000_000_000)
    }
}

impl Span {
    fn take(&mut self, line: &str) {
        let Some((key, value)) = line.split_once(':') else {
            return;
        };
        let value = value.trim();
        match key.trim() {
            "Trace ID" => value.clone_into(&mut self.trace),
            "Parent ID" => value.clone_into(&mut self.parent),
            "ID" => value.clone_into(&mut self.id),
            "Name" => value.clone_into(&mut self.name),
            "Start time" => self.start = value.parse().unwrap_or_default(),
            "End time" => self.end = value.parse().unwrap_or_default(),
            "-> wsgiprobe.duration" => {
                let seconds = value
                    .strip_prefix("Double(")
                    .and_then(|rest| rest.strip_suffix(')'));
                let seconds = seconds.and_then(|seconds| seconds.parse::<f64>().ok());
                self.duration_ns = seconds.map(|seconds| (seconds * 1e9).round() as u64);
            }
            _ => {}
        }
    }
}
