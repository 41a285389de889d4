//! The same while processes come and go: children that are replaced after 20
//! connections, graceful and hard restarts, daemons that are restarted by a touch.
//!
//! Clients are cut off here, which is no fault of anybody's; a hard restart kills
//! threads between the answer and its entry in the log.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, SystemTime};

use anyhow::{Result, anyhow, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::emulated::emulated;
use harness::report::Request;
use harness::run::{Evidence, Run};

use super::mixture::{Mixture, Tally};
use super::{duration, roomy, unanswered};

harness::on_each_backend!(recycled, graceful, touched, hard);

/// Between two blows.
const PAUSE: Duration = Duration::from_millis(1500);

/// At the same time.
const CLIENTS: usize = 40;

fn event(connections_per_child: u32) -> Conf {
    roomy(Conf {
        connections_per_child,
        ..Conf::new(Mpm::Event, Wsgi::Daemon)
    })
}

fn recycled(backend: Backend) -> Result<()> {
    // Children that are on their way out hold a place each.
    let run = Run::start(backend, event(20).directive("ServerLimit 24"))?;
    let tally = stormed(&run.apache, |_| Ok(()))?;
    let ended = run.apache.end_hollow_children()?;
    // Written, as far as its socket tells, and ended before the log.
    let cut_short = |request: &Request| ended.contains(&request.pid);
    finish(run, &tally, |request| {
        unanswered(request) || cut_short(request)
    })
    .map(drop)
}

fn graceful(backend: Backend) -> Result<()> {
    let run = Run::start(backend, event(0))?;
    let tally = stormed(&run.apache, Apache::restart_gracefully)?;
    finish(run, &tally, unanswered).map(drop)
}

fn touched(backend: Backend) -> Result<()> {
    let run = Run::start(backend, event(0))?;
    let tally = stormed(&run.apache, Apache::touch_script)?;
    finish(run, &tally, unanswered).map(drop)
}

/// A killed server logs no more what it has answered: clients and connections tell whether
/// such reports are right.
fn hard(backend: Backend) -> Result<()> {
    let run = Run::start(backend, event(0))?;
    let tally = stormed(&run.apache, Apache::restart_hard)?;
    let answered = tally.answered.clone();
    let evidence = finish(run, &tally, |_| true)?;
    all_reported(&evidence.report.requests, &answered)?;
    killed_over(&evidence)
}

/// Whatever a client got an answer to was reported, logged or not.
fn all_reported(requests: &[Request], answered: &[String]) -> Result<()> {
    let paths = requests
        .iter()
        .filter_map(|request| request.path.as_deref());
    let ids: HashSet<_> = paths.filter_map(|path| path.rsplit('/').next()).collect();
    let missing = answered.iter().filter(|id| {
        let pipelined = format!("{id}-0");
        !ids.contains(id.as_str()) && !ids.contains(pipelined.as_str())
    });
    let missing: Vec<_> = missing.collect();
    ensure!(
        missing.is_empty(),
        "{} of {} answered and not reported: {missing:?}",
        missing.len(),
        answered.len()
    );
    Ok(())
}

/// Whatever was reported, answered and not logged is the last on its connection. Not the
/// last of its thread: that may have left the rest of a large answer to another.
fn killed_over(evidence: &Evidence) -> Result<()> {
    let logged: HashSet<_> = evidence
        .entries
        .iter()
        .map(|entry| (entry.client_port, entry.path.as_deref()))
        .collect();
    let (paired, unlogged): (Vec<&Request>, Vec<&Request>) =
        evidence.report.requests.iter().partition(|request| {
            logged.contains(&(request.client.port(), request.path.as_deref()))
        });
    let cut_off: Vec<_> = unlogged
        .into_iter()
        .filter(|request| !unanswered(request))
        .collect();
    println!("{} answered and not logged", cut_off.len());
    for request in cut_off {
        let ended = end(request)?;
        for later in &paired {
            let same = (later.pid, later.client) == (request.pid, request.client);
            ensure!(
                !same || begin(later)? < ended,
                "not logged: {request:?}\nlogged, of the same connection: {later:?}"
            );
        }
    }
    Ok(())
}

fn begin(request: &Request) -> Result<SystemTime> {
    Ok(humantime::parse_rfc3339(&request.time)?)
}

fn end(request: &Request) -> Result<SystemTime> {
    let took = request.read_time.unwrap_or(0) + request.duration.unwrap_or(0);
    Ok(begin(request)? + Duration::from_nanos(took))
}

fn finish(run: Run, tally: &Tally, unlogged: impl Fn(&Request) -> bool) -> Result<Evidence> {
    println!("{:?}, {} failed", tally.cases, tally.failures.len());
    for failure in tally
        .failures
        .iter()
        .filter_map(|failure| failure.as_ref().err())
        .take(5)
    {
        println!("a client was cut off: {failure:#}");
    }
    let done: usize = tally.cases.values().sum();
    ensure!(
        done > tally.failures.len(),
        "{done} done, {} not",
        tally.failures.len()
    );
    let evidence = run.finish(1)?;
    evidence.check().any_sizes().unlogged(unlogged).run()?;
    Ok(evidence)
}

/// Runs the mixture, with blows in the meantime.
fn stormed(apache: &Apache, blow: fn(&Apache) -> Result<()>) -> Result<Tally> {
    let over = AtomicBool::new(false);
    // There a restart alone takes seconds.
    let pause = if emulated() { PAUSE * 4 } else { PAUSE };
    thread::scope(|scope| {
        let blows = scope.spawn(|| {
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                sleep(pause);
                blow(apache)?;
                count += 1;
            }
            Ok::<_, anyhow::Error>(count)
        });
        let tally = Mixture {
            clients: CLIENTS,
            duration: duration(),
        }
        .run(apache);
        over.store(true, Ordering::Relaxed);
        let count = blows.join().map_err(|_| anyhow!("a panic"))??;
        println!("{count} blows");
        tally
    })
}
