//! Proves that InfluxDB holds what the access log holds: with `--influx-raw` one
//! point a request, with the same path, status and sizes, whatever bytes the path
//! is made of. And that a database which is down or missing is told, and stops
//! nothing.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{expect_status, request};
use harness::influx::Influx;
use harness::load::Load;
use harness::ports;
use harness::probe::{Probe, Report};
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(points_equal_the_log, server_down, database_missing);

pub const DATABASE: &str = "wsgiprobe";

/// One point a request; its fields are those of the access log.
const POINTS: &str = "SELECT \"url.path\", \"http.response.status_code\", \"client.port\", \
                      \"http.response.size\" FROM \"http.server.request\"";

/// What a target may hold and line protocol, or InfluxQL, has a meaning for.
const HOSTILE: [&str; 12] = [
    "quote-\"-end",
    "two-quotes-\"\"",
    "backslash-\\",
    "backslash-quote-\\\"-end",
    "two-backslashes-\\\\",
    "comma,equals=",
    "comma\\,escaped\\=",
    "percent-%20%0A%00",
    "apostrophe-'-end",
    "utf-8-\u{e9}-\u{2713}",
    "hash-i-1i",
    "brackets-{}[]<>|^`",
];

pub fn arguments(apache: &Apache, url: &str) -> Result<Vec<String>> {
    let pid = apache.pid()?.to_string();
    let arguments = [
        "--pid",
        &pid,
        "--influx-url",
        url,
        "--influx-db",
        DATABASE,
        "--influx-raw",
    ];
    Ok(arguments.map(str::to_owned).to_vec())
}

/// A path, status, client port and size, as text.
pub type Point = (String, String, String, String);

pub fn logged(entries: &[harness::access_log::Entry]) -> Vec<Point> {
    let point = |entry: &harness::access_log::Entry| {
        (
            entry.path.clone().unwrap_or_default(),
            entry.status.to_string(),
            entry.client_port.to_string(),
            entry.response_bytes.to_string(),
        )
    };
    entries.iter().map(point).collect()
}

pub fn stored(influx: &Influx) -> Result<Vec<Point>> {
    let rows = influx.query(DATABASE, POINTS)?;
    let text = |name: &str| -> Result<Vec<String>> {
        let values = rows.column(name)?;
        let plain = |value: &serde_json::Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        Ok(values.into_iter().map(plain).collect())
    };
    let (paths, statuses) = (text("url.path")?, text("http.response.status_code")?);
    let (ports, sizes) = (text("client.port")?, text("http.response.size")?);
    let points = paths.into_iter().zip(statuses).zip(ports).zip(sizes);
    Ok(points
        .map(|(((path, status), port), size)| (path, status, port, size))
        .collect())
}

fn points_equal_the_log(backend: Backend) -> Result<()> {
    let influx = Influx::start()?;
    influx.create(DATABASE)?;
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let probe = Probe::start(backend, arguments(&apache, &influx.url())?)?;
    let run = Run { apache, probe };

    for path in HOSTILE {
        let mut client = run.apache.connect()?;
        client.send(request("GET", &format!("/hello/{path}")))?;
        client.receive()?;
    }
    for status in [204, 304, 404, 500] {
        expect_status(
            &run.apache.connect()?.get(&format!("/status/{status}"))?,
            status,
        )?;
    }
    // Enough of the same kind at the same time to end in the same instant.
    let load = Load {
        clients: 4,
        requests: 100,
        kept: true,
    };
    load.run(&run.apache, |_| Ok(()))?;

    let evidence = run.finish(HOSTILE.len() + 4 + load.total())?;
    evidence.check().run()?;
    let points = stored(&influx)?;
    let (count, stored) = (points.len(), points.into_iter().collect::<BTreeSet<_>>());
    let logged: BTreeSet<_> = logged(&evidence.entries).into_iter().collect();
    let missing: Vec<_> = logged.difference(&stored).take(5).collect();
    let extra: Vec<_> = stored.difference(&logged).take(5).collect();
    ensure!(
        missing.is_empty() && extra.is_empty(),
        "no point: {missing:?}; not logged: {extra:?}"
    );
    ensure!(
        count == evidence.entries.len(),
        "{count} points of {} requests",
        evidence.entries.len()
    );
    println!("{count} points, equal to the log");

    let aggregated = "SELECT SUM(\"requests\") AS total FROM \"http.server.request.duration\"";
    let rows = influx.query(DATABASE, aggregated)?;
    let total = rows
        .column("total")?
        .first()
        .and_then(|total| total.as_f64());
    let total = total.context("no aggregates")? as usize;
    ensure!(
        total == count,
        "the aggregates count {total} requests, not {count}"
    );
    Ok(())
}

/// Profiles for a moment with that database, and checks that it did so well.
fn profile(backend: Backend, url: &str) -> Result<Report> {
    let apache = Apache::start(Conf::default())?;
    let probe = Probe::start(backend, arguments(&apache, url)?)?;
    let run = Run { apache, probe };
    let load = Load {
        clients: 2,
        requests: 20,
        kept: true,
    };
    load.run(&run.apache, |_| Ok(()))?;
    let evidence = run.finish_whatever(load.total())?;
    evidence.check().run()?;
    // What was asked for was not all done, which the exit status may say.
    let code = evidence.report.exit_code;
    ensure!(matches!(code, Some(0 | 1)), "exit status {code:?}");
    Ok(evidence.report)
}

fn server_down(backend: Backend) -> Result<()> {
    let url = format!("http://127.0.0.1:{}", ports::free()?);
    let said = profile(backend, &url)?.stderr;
    let complaints = said
        .lines()
        .filter(|line| line.to_lowercase().contains("influx"))
        .count();
    ensure!(
        (1..=5).contains(&complaints),
        "told {complaints} times: {said}"
    );
    Ok(())
}

fn database_missing(backend: Backend) -> Result<()> {
    let influx = Influx::start()?;
    let said = profile(backend, &influx.url())?.stderr;
    ensure!(
        said.contains(DATABASE) || said.contains("404"),
        "not told: {said}"
    );
    Ok(())
}
