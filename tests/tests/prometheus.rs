//! Proves that Prometheus has what the access log has: a real one scrapes a run in both
//! of its formats, finds each request once, by method and status, the quantiles in native
//! histograms, and exemplars that lead to requests; and its own linter finds no fault.

use std::collections::BTreeMap;
use std::net::TcpListener;

use anyhow::{Context, Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::expect_status;
use harness::load::Load;
use harness::ports;
use harness::probe::{self, Probe};
use harness::prometheus::{Asks, Prometheus, lint, scrape};
use harness::run::{Evidence, Run};
use harness::server::Server;
use harness::wait;

harness::on_each_backend!(scraped, idle_scraper);

const DURATION: &str = "http_server_request_duration_seconds";

fn start(backend: Backend, address: &str) -> Result<Run> {
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let pid = apache.pid()?.to_string();
    let probe = Probe::start(backend, ["--pid", &pid, "--prometheus", address])?;
    Ok(Run { apache, probe })
}

fn scraped(backend: Backend) -> Result<()> {
    let port = ports::free()?;
    let run = start(backend, &port.to_string())?;
    let native = Prometheus::start(port, Asks::Protobuf)?;
    let text = Prometheus::start(port, Asks::Text)?;

    for status in [204, 304, 404, 500] {
        let answer = run.apache.connect()?.get(&format!("/status/{status}"))?;
        expect_status(&answer, status)?;
    }
    let load = Load {
        clients: 4,
        requests: 100,
        kept: true,
    };
    load.run(&run.apache, |_| Ok(()))?;
    let count = 4 + load.total();
    for prometheus in [&native, &text] {
        wait::until("all requests to be scraped", || {
            let total = prometheus.value("sum(wsgiprobe_requests_total)")?;
            Ok(total == Some(count as f64))
        })
        .with_context(|| prometheus.complaint().unwrap_or_default())?;
        ensure!(prometheus.complaint()?.is_empty());
    }
    let said = lint(&scrape(port)?)?;
    ensure!(said.is_empty(), "promtool: {said}");

    let by_kind = |of: &Prometheus| -> Result<BTreeMap<(String, String), u64>> {
        let query =
            "sum by (http_request_method, http_response_status_class) (wsgiprobe_requests_total)";
        let text = |labels: &serde_json::Value, name: &str| {
            labels[name].as_str().unwrap_or_default().to_owned()
        };
        let each = of.query(query)?.into_iter().map(|(labels, value)| {
            let method = text(&labels, "http_request_method");
            (
                (method, text(&labels, "http_response_status_class")),
                value as u64,
            )
        });
        Ok(each.collect())
    };
    let counted = [by_kind(&native)?, by_kind(&text)?];
    let of_native = native.value(&format!("histogram_count(sum({DURATION}))"))?;
    let of_text = text.value(&format!("sum({DURATION}_count)"))?;
    let median = native.value(&format!("histogram_quantile(0.5, sum({DURATION}))"))?;
    let sum = text.value(&format!("sum({DURATION}_sum)"))?;
    let seen = native.value("wsgiprobe_account_seen_total")?;
    let examples =
        [&native, &text].map(|of| of.exemplars(&format!("{{__name__=~\"{DURATION}.*\"}}")));
    let known = text.metadata(DURATION)?;
    drop((native, text));

    let evidence = run.finish(count)?;
    evidence.check().run()?;
    for counted in counted {
        ensure!(
            counted == logged(&evidence),
            "{counted:?}, logged {:?}",
            logged(&evidence)
        );
    }
    ensure!(
        of_native == Some(count as f64) && of_text == of_native && seen == of_native,
        "{count} requests, native {of_native:?}, classic {of_text:?}, seen {seen:?}"
    );
    let mut durations: Vec<f64> = evidence
        .report
        .requests
        .iter()
        .filter_map(|request| Some(request.duration? as f64 / 1e9))
        .collect();
    durations.sort_by(f64::total_cmp);
    let (half, total) = (
        durations[durations.len() / 2],
        durations.iter().sum::<f64>(),
    );
    let median = median.context("no median")?;
    // A bucket is 9 % wide, and the quantile may be at its other end.
    ensure!(
        (median / half - 1.0).abs() < 0.12,
        "median {median}, of the requests {half}"
    );
    let sum = sum.context("no sum")?;
    ensure!(
        (sum - total).abs() < 1e-6,
        "sum {sum}, of the requests {total}"
    );
    for examples in examples {
        let examples = examples?;
        ensure!(!examples.is_empty(), "no exemplars");
        for example in &examples {
            of_a_request(example, &evidence)?;
        }
        println!("{} exemplars", examples.len());
    }
    ensure!(
        known["type"] == "histogram" && known["unit"] == "seconds",
        "{known}"
    );
    println!("{count} requests in both; median {median}, of the requests {half}");
    Ok(())
}

fn logged(evidence: &Evidence) -> BTreeMap<(String, String), u64> {
    let mut counted = BTreeMap::new();
    for entry in &evidence.entries {
        let class = format!("{}xx", entry.status / 100);
        let method = entry.method.clone().unwrap_or_default();
        *counted.entry((method, class)).or_default() += 1;
    }
    counted
}

fn of_a_request(example: &serde_json::Value, evidence: &Evidence) -> Result<()> {
    let number =
        |value: &serde_json::Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
    let labels = &example["labels"];
    let thread = [number(&labels["process_pid"]), number(&labels["thread_id"])];
    let value = number(&example["value"]).context("no value")?;
    let is_it = |request: &&harness::report::Request| {
        let same = |ns: u64| (ns as f64 / 1e9 - value).abs() < 1e-9;
        thread == [Some(request.pid.into()), Some(request.tid.into())]
            && request.duration.is_some_and(same)
    };
    let found = evidence.report.requests.iter().find(is_it);
    ensure!(found.is_some(), "of no request: {example}");
    Ok(())
}

/// Who connects and asks nothing holds up nobody, and not the end either.
fn idle_scraper(backend: Backend) -> Result<()> {
    let port = ports::free()?;
    let run = start(backend, &format!("127.0.0.1:{port}"))?;
    let idle: Result<Vec<_>> = (0..40)
        .map(|_| harness::client::Client::connect(port))
        .collect();
    let idle = idle?;
    let load = Load {
        clients: 2,
        requests: 50,
        kept: true,
    };
    load.run(&run.apache, |_| Ok(()))?;
    let evidence = run.finish(load.total())?;
    evidence.check().run()?;
    ensure!(
        evidence
            .report
            .stdout
            .contains(&format!("0 scrapes of http://127.0.0.1:{port}/metrics"))
    );
    drop(idle);
    Ok(())
}

#[test]
fn a_taken_port_is_told_before_anything_is_watched() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let own = std::process::id().to_string();
    let output = probe::run(["--pid", &own, "--prometheus", &address])?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1) && said.contains(&address),
        "{said}"
    );
    ensure!(!said.contains("attached"), "{said}");
    Ok(())
}
