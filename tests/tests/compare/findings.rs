//! What is there is found, and what is not is not.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use harness::accurate;
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends;
use harness::figures::Figures;
use harness::process::Guarded;
use harness::server::Server as _;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde_json::Value;

use super::{Comparison, Ended, variant};

/// The application with so much CPU burnt in each call.
const BURN: &str = r"
import os
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))

import hello

BURN_NS = 100_000


def application(environ, start_response):
    until = time.thread_time_ns() + BURN_NS
    while time.thread_time_ns() < until:
        pass
    return hello.application(environ, start_response)
";

/// The middle of a figure, in base units.
fn figure(results: &Value, name: &str, figure: &str) -> Result<f64> {
    let value = &variant(results, name)?["figures"][figure]["value"];
    value
        .as_f64()
        .with_context(|| format!("{name} has no {figure}"))
}

/// The server's CPU a request in each round, seconds, by the rounds' numbers.
fn rounds(results: &Value, name: &str) -> Result<Vec<f64>> {
    let rounds = variant(results, name)?["rounds"]
        .as_array()
        .context("no rounds")?;
    let cpu = rounds
        .iter()
        .map(|round| round["server_cpu"].as_f64().context("no CPU"));
    cpu.collect()
}

/// A CPU for the load, to which this thread and what it starts are kept until this is
/// dropped, and one for the server; and somebody who keeps them awake while nobody else
/// wants them. Else what a request takes differs by half from round to round, with what it
/// costs to wake them.
struct TwoCpus {
    server: usize,
    before: CpuSet,
    _awake: Vec<Guarded>,
}

impl TwoCpus {
    fn take() -> Result<Self> {
        let before = sched_getaffinity(Pid::from_raw(0))?;
        let mut allowed = (0..CpuSet::count()).filter(|cpu| before.is_set(*cpu).unwrap_or(false));
        let server = allowed.next().context("no CPU may be used")?;
        let load = allowed.next().unwrap_or(server);
        let awake = [server, load].map(|cpu| {
            let mut command = Command::new("taskset");
            command.args(["-c", &cpu.to_string(), "chrt", "--idle", "0"]);
            Guarded::spawn(command.args(["sh", "-c", "while :; do :; done"]))
        });
        let mut only = CpuSet::new();
        only.set(load)?;
        sched_setaffinity(Pid::from_raw(0), &only)?;
        Ok(Self {
            server,
            before,
            _awake: awake.into_iter().collect::<Result<_>>()?,
        })
    }
}

impl Drop for TwoCpus {
    fn drop(&mut self) {
        // It was allowed before.
        let _ = sched_setaffinity(Pid::from_raw(0), &self.before);
    }
}

/// What the middle half of the figures differ by.
fn unsteadiness(figures: &Figures) -> Result<f64> {
    let quartile = |q| figures.quantile(q).context("no rounds");
    Ok(quartile(0.75)? - quartile(0.25)?)
}

/// An instrument that burns exactly 100 microseconds costs 100, give or take ten; or what
/// the middle half of the rounds differ by, up to 50, where the host is that unsteady.
#[test]
fn a_known_cost() -> Result<()> {
    backends::alone(costs_what_is_known)
}

fn costs_what_is_known() -> Result<()> {
    let Some(comparison) = Comparison::within_alone()? else {
        return Ok(());
    };
    // What looking at the clock takes is in both.
    comparison.script("bare", &BURN.replace("100_000", "0"))?;
    comparison.script("burn", BURN)?;
    let cpus = TwoCpus::take()?;
    let server = cpus.server;
    let serve = comparison.folder.path().join("serve").display().to_string();
    let options = [
        "--connections=1",
        "--rounds=12",
        "--time=1s",
        "--warm-up=300ms",
    ];
    let mut arguments = comparison.of(&options, &[]);
    for script in ["bare", "burn"] {
        let pinned = format!("taskset -c {server} {serve} {script} {{port}} {{dir}}");
        arguments.push(format!("--variant={script}={pinned}"));
    }
    let results = comparison.results(&arguments)?;
    // The middle of the rounds: other work on the machine costs caches now and then.
    let (bare, burn) = (rounds(&results, "bare")?, rounds(&results, "burn")?);
    let costs: Figures = burn
        .iter()
        .zip(&bare)
        .map(|(burn, bare)| (burn - bare) * 1e6)
        .collect();
    let cost = costs.median().context("no rounds")?;
    let allowed = unsteadiness(&costs)?.clamp(10.0, 50.0);
    println!("burning 100 us costs {cost:.1} us (+-{allowed:.1}): {costs:?}");
    accurate!(
        (cost - 100.0).abs() <= allowed,
        "{cost:.1} us (+-{allowed:.1})"
    );
    let ratio = &variant(&results, "burn")?["ratios"]["server_cpu"];
    ensure!(ratio["verdict"] == "more", "it was not shown: {ratio}");
    Ok(())
}

/// Nothing against nothing. By design one run in twenty finds something all the same: of
/// three at most one may.
#[test]
fn nothing_against_nothing() -> Result<()> {
    backends::alone(|| {
        let (mut clean, mut found) = (0, Vec::new());
        while clean < 2 {
            match finds_nothing()? {
                None => clean += 1,
                Some(what) => found.push(what),
            }
            println!("{clean} runs without a difference; others found {found:?}");
            ensure!(found.len() < 2, "two of {} runs: {found:?}", clean + 2);
        }
        Ok(())
    })
}

/// One run: the first figure in which the same differs from the same.
fn finds_nothing() -> Result<Option<String>> {
    let Some(comparison) = Comparison::within_alone()? else {
        return Ok(None);
    };
    let options = [
        "--rounds=8",
        "--time=1s",
        "--warm-up=300ms",
        "--connections=2",
    ];
    let arguments = comparison.of(&options, &[("one", "bare"), ("other", "bare")]);
    let results = comparison.results(&arguments)?;
    let mut ratios = variant(&results, "other")?["ratios"]
        .as_object()
        .context("no ratios")?
        .iter();
    let found = ratios.find(|(_, ratio)| !["none", "too_noisy"].contains(&verdict(ratio)));
    Ok(found.map(|(figure, ratio)| format!("{figure}: {ratio}")))
}

/// `none` where it was not given.
fn verdict(ratio: &Value) -> &str {
    ratio["verdict"].as_str().unwrap_or("none")
}

/// A server that runs: without and with wsgiprobe, which reports every request.
#[test]
fn a_running_server() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let pid = apache.pid()?.to_string();
    let url = format!("http://127.0.0.1:{}/hello", apache.port());
    let log = apache.site().path("access.log");
    for load in [&["--pid", &pid][..], &["--rate=200"]] {
        let log = log.display().to_string();
        let mut arguments = vec!["--url", &url, "--access-log", &log];
        arguments.extend(["--rounds=2", "--time=1s", "--warm-up=200ms"]);
        arguments.extend(load);
        let results = comparison.results(&arguments)?;
        for name in ["bare", "wsgiprobe"] {
            let requests = &variant(&results, name)?["requests"];
            ensure!(requests["errors"] == 0, "{requests}");
            ensure!(requests["logged"] == requests["sent"], "{name}: {requests}");
        }
        let probed = variant(&results, "wsgiprobe")?;
        ensure!(
            probed["requests"]["reported"] == probed["requests"]["sent"],
            "{probed}"
        );
        ensure!(
            probed["wsgiprobe"].is_string(),
            "no back end is named: {probed}"
        );
        let (says, saw) = (&probed["says"]["mean"], &probed["says"]["client_mean"]);
        let (says, saw) = (
            says.as_f64().context("no mean")?,
            saw.as_f64().context("no mean")?,
        );
        // What it cannot see is what the request is on its way.
        ensure!(
            says > 0.0 && says < saw,
            "it says {says} s, the client saw {saw} s"
        );
        ensure!(figure(&results, "wsgiprobe", "probe_cpu")? > 0.0);
    }
    Ok(())
}

/// The load generators that people have.
#[test]
fn other_loads() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    for (load, figures) in [
        (
            "wrk -t1 -c{connections} -d{seconds}s --latency {url}",
            &["throughput", "mean", "p50", "p99", "max"][..],
        ),
        (
            "ab -q -k -c {connections} -t {seconds} -n 100000 {url}",
            // It tells percentiles in whole milliseconds.
            &["throughput", "mean", "max"],
        ),
    ] {
        let probed = ["--with-wsgiprobe=bare", "--access-log={dir}/access.log"];
        let options = [&["--rounds=1", "--time=1s", "--load", load][..], &probed].concat();
        let arguments = comparison.of(&options, &[("bare", "bare")]);
        let results = comparison.results(&arguments)?;
        let probed = variant(&results, "bare+wsgiprobe")?;
        let requests = &probed["requests"];
        ensure!(requests["errors"] == 0, "{load}: {requests}");
        // They break off what is under way at their end.
        ensure!(
            requests["reported"] == requests["logged"],
            "{load}: {requests}"
        );
        for figure in figures {
            ensure!(
                self::figure(&results, "bare", figure)? > 0.0,
                "{load}: no {figure}"
            );
        }
    }
    Ok(())
}

/// A cost that is shown fails the run, and says what it was.
#[test]
fn a_gate_for_ci() -> Result<()> {
    let Some(comparison) = Comparison::new()? else {
        return Ok(());
    };
    comparison.script("burn", &BURN.replace("100_000", "2_000_000"))?;
    let options = ["--rounds=8", "--time=500ms", "--fail-over=10%"];
    let arguments = comparison.of(&options, &[("bare", "bare"), ("burn", "burn")]);
    let Ended { status, said } = comparison.run(&arguments)?;
    ensure!(status.code() == Some(1), "{status}: {said}");
    ensure!(
        said.contains("--fail-over 10 %") && said.contains("burn: requests/s"),
        "{said}"
    );
    Ok(())
}
