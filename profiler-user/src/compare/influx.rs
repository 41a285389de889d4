//! A comparison as points for InfluxDB, of either schema.
//!
//! Measurement `wsgiprobe.compare`: one point a measurement, at the time that it began,
//! with the tags `host.name`, `variant` and `baseline` (`yes`, `no`).
//!
//! | field | type | is |
//! |---|---|---|
//! | `throughput` | float | requests answered a second |
//! | `mean` `p50` `p90` `p99` `p99.9` `max` | float, s | the latency, as the client saw it |
//! | `server_cpu` `probe_cpu` | float, s | CPU time a request: of the server's processes, of wsgiprobe |
//! | `server_memory` `probe_memory` | float, bytes | memory of the same |
//! | `answered` `errors` | integer | requests |
//! | `round` | integer | which round, from 1 |
//!
//! Measurement `wsgiprobe.compare.ratio`: one point for each figure of each variant but
//! the baseline, as the last measurement ended, with the tags `host.name`, `variant` and
//! `figure` (a field of the above).
//!
//! | field | type | is |
//! |---|---|---|
//! | `value` | float | how it is to the baseline's: 1 is the same |
//! | `low` `high` | float | the ends of its 95 % interval |
//! | `verdict` | string | what may be said of it, in words |
//!
//! What is not known is left out.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use super::results::{Figure, Figures, Results, Round, Unit, Variant};
use super::words;
use crate::cli::Influx;
use crate::pipeline::influx_settings;
use crate::sinks::influxdb::line::Line;
use crate::sinks::influxdb::{InfluxDb, Report};

const HEAD: &str = "
## Comparisons

`wsgiprobe compare` writes to InfluxDB alone. Measurement `wsgiprobe.compare` has a point for each
measurement, at the time that it began, with the tags `host.name`, `variant` and `baseline` (`yes`,
`no`), the fields below, and `answered`, `errors` and `round`. Measurement `wsgiprobe.compare.ratio` has
a point for each figure of each variant but the baseline, with the tags `host.name`, `variant` and
`figure`: `value` is the ratio to the baseline, `low` and `high` are the ends of its 95 % interval, and
`verdict` says in words what may be said of it.

| field | unit | is |
|---|---|---|
";

const MEASUREMENT: &str = "wsgiprobe.compare";
const RATIO: &str = "wsgiprobe.compare.ratio";

/// How long the database is given, with all attempts.
const PATIENCE: Duration = Duration::from_secs(20);

/// Writes them there, and tries again if need be. Returns what was written, in words.
pub fn write(results: &Results, to: &Influx) -> Result<String> {
    let settings = influx_settings(to);
    let place = settings.place();
    let points = points(results, &settings.hostname);
    let (notices, mut told) = mpsc::unbounded_channel();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let mut influx = InfluxDb::start(settings, notices).context("cannot write to InfluxDB")?;
        for point in points.split_inclusive('\n') {
            influx.line(point);
        }
        anyhow::Ok(influx.finish(PATIENCE).await)
    })?;
    // It ends before what hangs does: a name that is looked up, say.
    runtime.shutdown_background();
    let mut words = Vec::new();
    while let Ok(word) = told.try_recv() {
        words.push(word);
    }
    outcome(&report, &place, &words)
}

/// Of docs/metrics.md.
pub(crate) fn document() -> String {
    let mut out = HEAD.to_owned();
    for figure in Figure::ALL {
        let unit = match figure.unit() {
            Unit::PerSecond => "{request}/s",
            Unit::Seconds => "s",
            Unit::Bytes => "By",
        };
        let (key, title) = (figure.key(), figure.title());
        let _ = writeln!(out, "| `{key}` | `{unit}` | {title} |");
    }
    out
}

fn outcome(report: &Report, place: &str, told: &[String]) -> Result<String> {
    let lost = report.dropped + report.rejected;
    ensure!(
        lost == 0,
        "{lost} of the comparison's {} points are not in {place}: {}",
        report.accepted,
        if told.is_empty() {
            "there was no answer in time".into()
        } else {
            told.join("; ")
        }
    );
    if report.spooled > 0 {
        let Report { spooled, .. } = report;
        return Ok(format!(
            "{spooled} points wait in the spool of --influx-spool, for {place}"
        ));
    }
    Ok(format!("{} points to {place}", report.written))
}

/// All of them, a line each.
fn points(results: &Results, hostname: &str) -> String {
    let began = u64::try_from(results.began.as_nanosecond()).unwrap_or(0);
    let at = |seconds: f64| began + (seconds.max(0.0) * 1e9) as u64;
    let rounds = results.variants.iter().flat_map(|variant| &variant.rounds);
    let last = rounds.map(|round| round.at).fold(0.0, f64::max);
    let end = at(last + results.plan.time);
    let mut out = String::new();
    for variant in &results.variants {
        for round in &variant.rounds {
            measured(&mut out, hostname, variant, round, at(round.at));
        }
        ratios(&mut out, hostname, variant, end);
    }
    out
}

fn measured(out: &mut String, hostname: &str, variant: &Variant, round: &Round, time: u64) {
    let baseline = if variant.is_baseline() { "yes" } else { "no" };
    let mut line = Line::new(out, MEASUREMENT)
        .tag("host.name", hostname)
        .tag("variant", &variant.name)
        .tag("baseline", baseline);
    for (figure, value) in round.figures.known() {
        line = line.float(figure.key(), *value);
    }
    line.integer("answered", round.answered)
        .integer("errors", round.errors)
        .integer("round", round.round as u64)
        .end(time);
}

fn ratios(out: &mut String, hostname: &str, variant: &Variant, time: u64) {
    let ratios = variant.ratios.iter().flat_map(Figures::known);
    for (figure, ratio) in ratios {
        Line::new(out, RATIO)
            .tag("host.name", hostname)
            .tag("variant", &variant.name)
            .tag("figure", figure.key())
            .float("value", ratio.estimate.value)
            .float("low", ratio.estimate.low)
            .float("high", ratio.estimate.high)
            .string("verdict", &words::verdict(ratio))
            .end(time);
    }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::super::results::sample;
    use super::*;
    use crate::cli::{InfluxTarget, Schema};

    fn to(url: &str) -> Influx {
        Influx {
            url: url.parse().unwrap(),
            target: InfluxTarget::V1 {
                db: "d".into(),
                login: None,
            },
            ca: None,
            secret_file: None,
            spool: None,
            schema: Schema::Otel,
            raw: false,
        }
    }

    /// A server that answers so to every write.
    fn server(status: u16, body: &str) -> MockServer {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let answer = ResponseTemplate::new(status).set_body_string(body);
        runtime.block_on(async {
            let server = MockServer::start().await;
            let write = Mock::given(method("POST")).and(path("/write"));
            write.respond_with(answer).mount(&server).await;
            server
        })
    }

    #[test]
    fn a_point_for_each_measurement_and_each_ratio() {
        let results = sample();
        let points = points(&results, "h");
        let lines: Vec<&str> = points.lines().collect();
        let ratios = results.variants[1].ratios.as_ref().unwrap().known().count();
        assert_eq!(lines.len(), 1 + ratios);
        assert_eq!(
            lines[0],
            "wsgiprobe.compare,host.name=h,variant=bare,baseline=yes throughput=1000.5,mean=0.1,\
             p50=0.1,p90=0.1,p99=0.1,p99.9=0.1,max=0.1,server_cpu=0.1,server_memory=0.1,\
             answered=5000i,errors=0i,round=1i 1795332612500000000"
        );
        assert_eq!(
            lines[4],
            "wsgiprobe.compare.ratio,host.name=h,variant=sock,figure=p90 value=1,low=0.98,\
             high=1.02,verdict=\"too noisy (\u{2212}2.0 % to +2.0 %): about 37 rounds would tell\" \
             1795332617500000000"
        );
    }

    #[test]
    fn a_hostile_name_is_one_tag() {
        let mut results = sample();
        results.variants[1].name = "a,b=c d\nwsgiprobe.compare x=1 1".into();
        let points = points(&results, "h");
        let read = influxdb_line_protocol::parse_lines(&points);
        let names: Vec<String> = read
            .map(|line| {
                line.unwrap()
                    .tag_value("variant")
                    .unwrap()
                    .as_str()
                    .to_owned()
            })
            .collect();
        let hidden = "a,b=c d%0Awsgiprobe.compare x=1 1";
        assert!(
            names.iter().all(|name| name == "bare" || name == hidden),
            "{names:?}"
        );
    }

    #[test]
    fn each_figure_is_a_field_that_is_told_of() {
        let told = include_str!("influx.rs");
        let told = told.split("use std").next().unwrap();
        for figure in Figure::ALL {
            assert!(told.contains(&format!("`{}`", figure.key())), "{figure:?}");
        }
    }

    #[test]
    fn what_was_written_is_told() {
        let server = server(204, "");
        let said = write(&sample(), &to(&server.uri())).unwrap();
        assert!(said.starts_with("7 points to InfluxDB http"), "{said}");
    }

    #[test]
    fn what_was_not_written_is_an_error() {
        let server = server(404, r#"{"error":"database not found: \"d\""}"#);
        let error = write(&sample(), &to(&server.uri()))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("7 of the comparison's 7 points are not in InfluxDB http")
                && error.contains("database not found"),
            "{error}"
        );
    }

    #[test]
    fn points_in_the_spool_are_not_lost() {
        let report = Report {
            accepted: 7,
            spooled: 7,
            ..Report::default()
        };
        let said = outcome(&report, "x", &[]).unwrap();
        assert_eq!(said, "7 points wait in the spool of --influx-spool, for x");
    }
}
