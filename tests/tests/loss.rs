//! Proves that what is lost is counted to the unit, and that the user is told which
//! limit was hit and which option raises it: with a ring buffer of one page, a
//! consumer that is stopped, and maps of 16 entries. In each the equation
//! `seen = reported + in flight + lost` holds, and `seen` is what Apache logged.

#[path = "loss/flat.rs"]
mod flat;
#[path = "loss/maps.rs"]
mod maps;
#[path = "loss/ring.rs"]
mod ring;

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use harness::apache::{Apache, Conf};
use harness::backends::Backend;
use harness::client::{Client, expect_status, get};
use harness::probe::Probe;
use harness::run::{Evidence, Run};
use harness::server::Server;
use harness::wait;

/// A server watched with those options.
fn start(backend: Backend, conf: Conf, options: &[&str]) -> Result<Run> {
    let apache = Apache::start(conf)?;
    let pid = apache.pid()?.to_string();
    let options = [&["--pid", &pid], options].concat();
    let probe = Probe::start(backend, options)?;
    Ok(Run { apache, probe })
}

/// So many connections, all open.
fn connections(run: &Run, count: usize) -> Result<Vec<Client>> {
    (0..count).map(|_| run.apache.connect()).collect()
}

/// A request on each, all under way at the same time; their paths begin with `path`.
fn round(connections: &mut [Client], path: &str) -> Result<()> {
    for (number, client) in connections.iter_mut().enumerate() {
        client.send(get(&format!("{path}-{number}")))?;
    }
    for client in connections {
        expect_status(&client.receive()?, 200)?;
    }
    Ok(())
}

/// Waits until it was told during the run that the limit was hit.
fn warned(run: &Run, counter: &str) -> Result<()> {
    let told = || Ok(run.probe.said().contains(counter));
    wait::until(&format!("a warning of {counter}"), told)
}

/// What must hold whatever is lost; `unseen` is what the documentation says is not seen.
fn balances(evidence: &Evidence, unseen: usize) -> Result<()> {
    let summary = &evidence.report.summary;
    let lost = summary.total_lost();
    println!(
        "logged {}, seen {}, reported {}, in flight {}, lost {:?}, limits {:?}",
        evidence.entries.len(),
        summary.seen,
        summary.reported,
        summary.in_flight,
        summary.lost,
        summary.further.get("limits"),
    );
    ensure!(
        summary.seen == summary.reported + summary.in_flight + lost,
        "it does not add up"
    );
    ensure!(
        summary.further.get("balanced") == Some(&true.into()),
        "it does not say that it adds up"
    );
    ensure!(
        summary.reported == evidence.report.requests.len() as u64,
        "{} requests written",
        evidence.report.requests.len()
    );
    let logged = evidence.entries.iter().filter(|entry| entry.is_request());
    let logged = logged.count();
    ensure!(
        summary.seen + unseen as u64 == logged as u64,
        "logged {logged}, seen {}, unseen {unseen}",
        summary.seen
    );
    // Whatever was reported was logged, and no request is there twice.
    let mut logged: HashMap<Option<&str>, usize> = HashMap::new();
    for entry in &evidence.entries {
        *logged.entry(entry.path.as_deref()).or_default() += 1;
    }
    let requests = evidence.report.requests.iter();
    let (cut, whole): (Vec<_>, Vec<_>) = requests.partition(|request| request.path_truncated);
    for request in whole {
        let path = request.path.as_deref();
        take(logged.get_mut(&path), path)?;
    }
    for request in cut {
        let path = request.path.as_deref();
        let mut left = logged.iter_mut().filter(|(_, left)| **left > 0);
        let of_it = left.find(|(logged, _)| starts_with(**logged, path));
        take(of_it.map(|(_, left)| left), path)?;
    }
    Ok(())
}

/// One of those that were logged.
fn take(left: Option<&mut usize>, path: Option<&str>) -> Result<()> {
    let left = left.filter(|left| **left > 0);
    *left.with_context(|| format!("{path:?} was not logged so often"))? -= 1;
    Ok(())
}

fn starts_with(whole: Option<&str>, cut: Option<&str>) -> bool {
    matches!((whole, cut), (Some(whole), Some(cut)) if whole.starts_with(cut))
}

/// The limit was hit `count` times, and the user was told so: in the summary, in a
/// warning during the run if `warned`, and in the account at the end.
fn told(evidence: &Evidence, counter: &str, count: u64, option: &str) -> Result<()> {
    let report = &evidence.report;
    let limits = report.summary.further.get("limits");
    let limits = limits.and_then(|limits| limits.as_array());
    let hit = limits.into_iter().flatten();
    let hit = hit.into_iter().find(|hit| hit["counter"] == counter);
    let hit = hit.ok_or_else(|| anyhow::anyhow!("{counter} is not among the limits"))?;
    ensure!(
        hit["count"] == count,
        "{counter} is {}, not {count}",
        hit["count"]
    );
    ensure!(hit["option"] == option, "{hit}");
    let says = |line: &str| line.contains(counter) && line.contains(&format!("raise {option} ("));
    let account = report.stdout.lines().filter(|line| says(line));
    let expected = format!("{count} {counter}");
    ensure!(
        account.into_iter().any(|line| line.contains(&expected)),
        "no {expected} in the account: {}",
        report.stdout
    );
    let warnings = report.stderr.lines().filter(|line| says(line)).count();
    ensure!(warnings == 1, "{warnings} warnings: {}", report.stderr);
    Ok(())
}
