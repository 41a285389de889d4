//! Proves that InfluxDB gets every request's point, exactly as Apache logged it, whatever
//! becomes of InfluxDB under load: stopped, killed, out of disk; and of wsgiprobe itself.
//!
//! The output is the same whatever the hooks are: these run with one back end.

mod catching_up;
mod disk;
mod gate;
mod secret;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::access_log::Entry;
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::{self, Backend};
use harness::emulated::{emulated, patiently};
use harness::influx::Influx;
use harness::load::Load;
use harness::probe::{Probe, Report};
use harness::run::Run;
use harness::server::Server;
use harness::skip;
use nix::sys::signal::Signal;

use crate::influxdb::{DATABASE, arguments, logged, stored};

/// Works on every kernel.
const BACKEND: Backend = Backend::Syscall;

/// So long that writes time out (5 s), and are tried again.
const WHILE: Duration = Duration::from_secs(8);

/// Longer than points wait before they are on disk, on a busy machine, too.
const SETTLED: Duration = Duration::from_secs(5);

fn conf() -> Conf {
    Conf::new(Mpm::Event, Wsgi::Daemon)
}

fn watch(apache: &Apache, influx: &Influx, spool: &Path) -> Result<Probe> {
    watch_at(apache, &influx.url(), spool)
}

fn watch_at(apache: &Apache, url: &str, spool: &Path) -> Result<Probe> {
    let mut arguments = arguments(apache, url)?;
    arguments.push("--influx-spool".into());
    arguments.push(spool.to_str().context("a path in UTF-8")?.into());
    Probe::start(BACKEND, arguments)
}

/// Some requests at once, of paths of their own: client ports come again within a minute.
/// How many.
fn some_load(apache: &Apache, round: usize) -> Result<usize> {
    let load = Load {
        clients: 2,
        requests: 50,
        kept: true,
    };
    load.measure(apache, &format!("/hello/{round}"), b"")?;
    Ok(load.total())
}

/// Keeps the server busy until `disturb` is over, and a little longer; how many requests
/// that were.
fn under_load(apache: &Apache, disturb: impl FnOnce() -> Result<()>) -> Result<usize> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut sent = 0;
            while !over.load(Ordering::Relaxed) {
                sent += some_load(apache, sent)?;
                sleep(Duration::from_millis(100));
            }
            Ok(sent)
        });
        sleep(Duration::from_secs(2));
        let disturbed = disturb();
        sleep(Duration::from_secs(2));
        over.store(true, Ordering::Relaxed);
        let sent = load.join().expect("the load does not panic");
        disturbed?;
        sent
    })
}

/// Every logged request has its point, and there is no other.
fn all_there(influx: &Influx, entries: &[Entry]) -> Result<()> {
    let (mut points, mut log) = (stored(influx)?, logged(entries));
    points.sort_unstable();
    log.sort_unstable();
    let missing: Vec<_> = log
        .iter()
        .filter(|p| points.binary_search(p).is_err())
        .collect();
    let some: Vec<_> = missing.iter().take(5).collect();
    ensure!(
        points == log,
        "{} points of {} requests; {} are missing, such as {some:?}",
        points.len(),
        log.len(),
        missing.len()
    );
    println!("{} points, equal to the log", points.len());
    Ok(())
}

/// Waits until so many points are in: the next attempt may be half a minute away.
fn caught_up(influx: &Influx, sent: usize) -> Result<()> {
    const COUNT: &str = "SELECT COUNT(\"client.port\") AS total FROM \"http.server.request\"";
    let began = Instant::now();
    loop {
        // It may be too busy to answer.
        let count = influx.query(DATABASE, COUNT).ok().and_then(|rows| {
            let count = rows.column("total").ok()?;
            count.first()?.as_u64()
        });
        if count == Some(sent as u64) {
            return Ok(());
        }
        ensure!(
            began.elapsed() < patiently(Duration::from_mins(2)),
            "{count:?} of {sent} points are there"
        );
        sleep(Duration::from_millis(200));
    }
}

/// What the run says at its end of what became of the points.
fn account(report: &Report) -> Result<&str> {
    let all = report.stdout.lines().chain(report.stderr.lines());
    let mut lines = all.filter(|line| line.contains(" points to InfluxDB"));
    let line = lines.next().context("no account of the points")?;
    println!("{line}");
    Ok(line)
}

fn nothing_lost(report: &Report) -> Result<()> {
    let line = account(report)?;
    for loss in ["dropped", "rejected", "wait in the spool", "damaged"] {
        ensure!(!line.contains(loss), "{line}\n{}", report.stderr);
    }
    Ok(())
}

/// A run with load, while something is done to InfluxDB.
fn disturbed(disturb: impl FnOnce(&mut Influx) -> Result<()>) -> Result<()> {
    let mut influx = Influx::start()?;
    influx.create(DATABASE)?;
    let spool = tempfile::tempdir()?;
    let apache = Apache::start(conf())?;
    let probe = watch(&apache, &influx, spool.path())?;
    let sent = under_load(&apache, || disturb(&mut influx))?;
    caught_up(&influx, sent)?;
    let evidence = Run { apache, probe }.finish(sent)?;
    evidence.check().run()?;
    nothing_lost(&evidence.report)?;
    all_there(&influx, &evidence.entries)
}

fn stop_for(influx: &Influx, absence: Duration) -> Result<()> {
    influx.signal(Signal::SIGSTOP)?;
    sleep(absence);
    influx.signal(Signal::SIGCONT)
}

#[test]
fn stopped_for_a_while() -> Result<()> {
    backends::run(BACKEND, |_| disturbed(|influx| stop_for(influx, WHILE)))
}

#[test]
fn stopped_for_a_minute() -> Result<()> {
    if emulated() {
        skip::say("a shorter absence is tested as well, and processors are emulated");
        return Ok(());
    }
    backends::run(BACKEND, |_| {
        disturbed(|influx| stop_for(influx, Duration::from_mins(1)))
    })
}

fn kill_for_a_while(influx: &mut Influx) -> Result<()> {
    influx.kill()?;
    sleep(WHILE);
    influx.start_again()
}

#[test]
fn killed_and_started_again() -> Result<()> {
    backends::run(BACKEND, |_| {
        disturbed(|influx| {
            kill_for_a_while(influx)?;
            // While it still catches up.
            kill_for_a_while(influx)
        })
    })
}

/// Nothing of what was on disk is lost with it, and the next one delivers it.
fn wsgiprobe_killed(_: Backend) -> Result<()> {
    let mut influx = Influx::start()?;
    influx.create(DATABASE)?;
    let spool = tempfile::tempdir()?;
    let apache = Apache::start(conf())?;
    let mut killed = watch(&apache, &influx, spool.path())?;
    let mut sent = some_load(&apache, 0)?;
    influx.kill()?;
    sent += some_load(&apache, 1)?;
    apache.settle(sent)?;
    sleep(patiently(SETTLED));
    killed.signal(Signal::SIGKILL)?;
    killed.gone()?;

    let probe = watch(&apache, &influx, spool.path())?;
    let second = some_load(&apache, 2)?;
    sent += second;
    influx.start_again()?;
    let entries = apache.settle(sent)?;
    let report = probe.finish()?;
    nothing_lost(&report)?;
    let line = account(&report)?;
    ensure!(line.contains("of an earlier run"), "{line}");
    ensure!(
        report.requests.len() == second,
        "the second run saw {} requests",
        report.requests.len()
    );
    all_there(&influx, &entries)
}

#[test]
fn killed_while_the_database_is_away() -> Result<()> {
    backends::run(BACKEND, wsgiprobe_killed)
}

/// The run ends while the database is away; the next one has nothing else to do.
fn ended(_: Backend) -> Result<()> {
    let mut influx = Influx::start()?;
    influx.create(DATABASE)?;
    let spool = tempfile::tempdir()?;
    let apache = Apache::start(conf())?;
    let probe = watch(&apache, &influx, spool.path())?;
    influx.kill()?;
    let sent = some_load(&apache, 0)?;
    let entries = apache.settle(sent)?;
    let first = probe.finish()?;
    ensure!(
        account(&first)?.contains("wait in the spool"),
        "{}",
        first.stderr
    );

    influx.start_again()?;
    let probe = watch(&apache, &influx, spool.path())?;
    nothing_lost(&probe.finish()?)?;
    all_there(&influx, &entries)
}

#[test]
fn ended_while_the_database_is_away() -> Result<()> {
    backends::run(BACKEND, ended)
}
