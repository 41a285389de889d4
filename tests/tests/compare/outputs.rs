//! Where the results go, and what instruments that report to an InfluxDB say.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::influx::Influx;
use harness::probe::{find, to_end};
use harness::process::Guarded;
use harness::server::Server as _;
use serde_json::Value;

use super::{Comparison, variant};

/// The whole line-up, once each: every instrument reports every request, and page and
/// database get what the JSON has.
#[test]
fn the_line_up() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    let influx = Influx::start()?;
    for database in ["wsgi", "compared"] {
        influx.create(database)?;
    }
    let config = comparison.folder.path().join("compare.toml");
    let page = comparison.folder.path().join("page.html");
    let (config, page) = (config.display().to_string(), page.display().to_string());
    let url = influx.url();
    let options = [
        "--rounds=1",
        "--time=500ms",
        "--warm-up=200ms",
        "--rate=100",
    ];
    let outputs = [
        "--report",
        &page,
        "--influx-url",
        &url,
        "--influx-db=compared",
    ];
    let arguments = [&["--config", &config][..], &options, &outputs].concat();
    let environment = [("INFLUX_URL", url.as_str()), ("INFLUX_DB", "wsgi")];
    let results = comparison.results_with(&arguments, &environment)?;

    let all = results["variants"].as_array().context("no variants")?;
    ensure!(all.len() == 8, "{} variants", all.len());
    for variant in all {
        let (name, requests) = (&variant["name"], &variant["requests"]);
        ensure!(requests["errors"] == 0, "{name}: {requests}");
        ensure!(requests["logged"] == requests["sent"], "{name}: {requests}");
        let reports = !name.as_str().is_some_and(|name| name.starts_with("bare"));
        let wanted = if reports {
            &requests["sent"]
        } else {
            &Value::Null
        };
        ensure!(requests["reported"] == *wanted, "{name}: {requests}");
        ensure!(
            variant["says"].is_object() == reports,
            "{name}: {}",
            variant["says"]
        );
    }

    let text = fs::read_to_string(&page)?;
    ensure!(
        text.contains("batching") && text.contains("too_few"),
        "the page has no results"
    );
    let rows = influx.query(
        "compared",
        "SELECT throughput FROM \"wsgiprobe.compare\" GROUP BY *",
    )?;
    ensure!(!rows.is_empty(), "no points were written");
    let points = influx.query(
        "compared",
        "SELECT COUNT(throughput) FROM \"wsgiprobe.compare\"",
    )?;
    let count = points.column("count")?[0].as_u64();
    ensure!(count == Some(8), "{count:?} points for 8 variants");
    Ok(())
}

/// Recorded with five threads for the application, and with one: requests wait for it.
#[test]
fn two_recordings() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    let mut files = Vec::new();
    for (name, threads) in [("before", 5), ("after", 1)] {
        let apache = Apache::start(Conf {
            threads: Some(threads),
            ..Conf::new(Mpm::Event, Wsgi::Daemon)
        })?;
        let file = comparison.folder.path().join(format!("{name}.jsonl"));
        let mut probe = Command::new(find()?);
        probe.args([
            "--pid",
            &apache.pid()?.to_string(),
            "--no-tui",
            "--duration=12s",
        ]);
        let mut probe = Guarded::spawn(probe.arg("--jsonl").arg(&file))?;
        let url = format!("http://127.0.0.1:{}/slow/5", apache.port());
        to_end(Command::new("wrk").args(["-t1", "-c8", "-d11", &url]))?;
        let status = probe.wait_for(harness::wait::patience())?;
        ensure!(status.is_some_and(|status| status.success()), "{status:?}");
        files.push(file);
    }
    let json = comparison.folder.path().join("compared.json");
    let mut command = Command::new(find()?);
    let ran = to_end(command.arg("compare").args(&files).arg("--json").arg(&json))?;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    println!("{said}{}", String::from_utf8_lossy(&ran.stderr));
    ensure!(ran.status.success(), "{}", ran.status);
    ensure!(
        said.contains("GET /slow/{id}  slower") && said.contains("parts    queue +"),
        "{said}"
    );
    let _: Value = serde_json::from_slice(&fs::read(&json)?)?;
    Ok(())
}

/// The page of an earlier comparison can be made again.
#[test]
fn a_page_of_the_json() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    let options = ["--rounds=1", "--time=200ms", "--warm-up=100ms"];
    let arguments = comparison.of(&options, &[("one", "bare"), ("other", "bare")]);
    let results = comparison.results(&arguments)?;
    ensure!(variant(&results, "other")?["ratios"]["throughput"]["verdict"] == "too_few");
    let json = comparison.folder.path().join("results.json");
    let ran = to_end(Command::new(find()?).arg("report").arg(&json))?;
    ensure!(ran.status.success(), "{ran:?}");
    let page = fs::read_to_string(json.with_extension("html"))?;
    ensure!(page.contains("other") && page.contains("Content-Security-Policy"));
    Ok(())
}
