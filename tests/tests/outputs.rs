//! Proves that JSON lines survive the change of files, with all privileges given up; and
//! that routes are those that the user names.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::load::Load;
use harness::probe::Probe;
use harness::report::Request;
use harness::run::Evidence;
use harness::server::Server;
use harness::wait;

harness::on_each_backend!(rotation_and_routes);

const LOAD: Load = Load {
    clients: 4,
    requests: 250,
    kept: true,
};

/// Of some 100 requests each.
const SIZE: &str = "64KiB";
/// More than there will be.
const KEEP: u32 = 100;

const PATTERN: &str = "/hello/0/{number}";

fn rotation_and_routes(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let (pid, keep) = (apache.pid()?.to_string(), KEEP.to_string());
    let rotate = ["--jsonl-rotate", SIZE, "--jsonl-keep", &keep];
    let arguments = [["--pid", &pid, "--route", PATTERN], rotate].concat();
    let probe = Probe::start(backend, arguments)?;
    LOAD.run(&apache, |_| Ok(()))?;
    let entries = apache.settle(LOAD.total())?;
    // The newest are written a moment later; then no file changes any more.
    let mut files = Vec::new();
    wait::until("all requests to be written", || {
        files = written(&probe)?;
        Ok(files.iter().map(Vec::len).sum::<usize>() == LOAD.total())
    })?;
    std::thread::sleep(Duration::from_millis(200));
    let mut report = probe.finish()?;
    ensure!(report.exit_code == Some(0), "{}", report.stderr);
    ensure!(files.len() >= 3, "{} files, it never rotated", files.len());
    // The harness read the present file alone.
    let present = files.first().map(Vec::len);
    ensure!(
        present == Some(report.requests.len()),
        "more came: {present:?}"
    );
    report.requests = files.into_iter().flatten().collect();
    let evidence = Evidence { entries, report };
    evidence.check().run()?;
    evidence.report.requests.iter().try_for_each(routed)
}

/// The present file's requests, and those of the old ones.
fn written(probe: &Probe) -> Result<Vec<Vec<Request>>> {
    let mut files = vec![probe.requests()?];
    for number in 1..=KEEP {
        let Some(requests) = probe.rotated(number)? else {
            break;
        };
        files.push(requests);
    }
    Ok(files)
}

/// The pattern where it matches; elsewhere numbers are ids.
fn routed(request: &Request) -> Result<()> {
    let path = request.path.as_deref().context("no path")?;
    let expected = if path.starts_with("/hello/0/") {
        PATTERN
    } else {
        "/hello/{id}/{id}"
    };
    ensure!(request.route == expected, "{path} is {}", request.route);
    Ok(())
}
