//! Proves that wsgiprobe lives and ends with what it watches: with `--pid` it is
//! done when Apache is, and writes its summary; with `--port` it waits for the
//! return of the server; `--duration` ends it by itself.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::expect_status;
use harness::emulated::patiently;
use harness::probe::Probe;
use harness::run::{Evidence, Run};
use harness::server::Server;

harness::on_each_backend!(ends_with_apache, waits_for_the_port, ends_after_duration);

/// `count` requests on connections of their own.
fn requests(apache: &Apache, name: &str, count: usize) -> Result<()> {
    for number in 0..count {
        expect_status(
            &apache.connect()?.get(&format!("/hello/{name}-{number}"))?,
            200,
        )?;
    }
    Ok(())
}

fn ends_with_apache(backend: Backend) -> Result<()> {
    let mut run = Run::start(backend, Conf::new(Mpm::Prefork, Wsgi::Daemon))?;
    requests(&run.apache, "only", 20)?;
    let entries = run.apache.settle(20)?;
    run.apache.stop()?;
    let report = run.probe.wait()?;
    ensure!(
        report.exit_code == Some(0),
        "exit status {:?}",
        report.exit_code
    );
    Evidence { entries, report }.check().run()
}

fn ends_after_duration(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::default())?;
    let pid = apache.pid()?.to_string();
    let duration = format!("{}s", patiently(Duration::from_secs(5)).as_secs());
    let probe = Probe::start(backend, ["--pid", &pid, "--duration", &duration])?;
    requests(&apache, "only", 5)?;
    let entries = apache.settle(5)?;
    let report = probe.wait()?;
    ensure!(
        report.exit_code == Some(0),
        "exit status {:?}",
        report.exit_code
    );
    Evidence { entries, report }.check().run()
}

/// How long wsgiprobe may take to notice that the server is back.
const NOTICE: Duration = Duration::from_secs(10);

fn waits_for_the_port(backend: Backend) -> Result<()> {
    let mut apache = Apache::start(Conf::default())?;
    let probe = Probe::start(backend, ["--port", &apache.port().to_string()])?;
    requests(&apache, "first", 10)?;
    let mut entries = apache.settle(10)?;
    apache.stop()?;
    apache.start_again()?;

    // What comes before it notices is not its to count.
    let (back, mut tried) = (Instant::now(), 0);
    let noticed = |probe: &Probe| {
        let requests = probe.requests()?;
        Ok::<_, anyhow::Error>(requests.iter().any(|request| {
            request
                .path
                .as_deref()
                .is_some_and(|path| path.starts_with("/hello/try-"))
        }))
    };
    while back.elapsed() < patiently(NOTICE) && !noticed(&probe)? {
        requests(&apache, &format!("try-{tried}"), 1)?;
        tried += 1;
        std::thread::sleep(Duration::from_millis(100));
    }
    println!(
        "counts again {:?} after the server's return",
        back.elapsed()
    );

    requests(&apache, "second", 20)?;
    let is_try = |path: Option<&str>| path.is_some_and(|path| path.starts_with("/hello/try-"));
    entries.extend(apache.settle(tried + 20)?);
    entries.retain(|entry| !is_try(entry.path.as_deref()));
    let mut report = probe.finish()?;
    let all = report.requests.len();
    ensure!(
        report.summary.reported == all as u64,
        "{all} requests: {:?}",
        report.summary
    );
    ensure!(
        report.summary.total_lost() == 0,
        "lost: {:?}",
        report.summary.lost
    );
    let warm_up = |path: Option<&str>| path == Some("/hello/warm-up");
    report.requests.retain(|request| {
        let path = request.path.as_deref();
        !is_try(path) && !warm_up(path) && !request.incomplete
    });
    // The equation was looked at above; it counts the tries too.
    let kept = report.requests.len() as u64;
    report.summary.seen -= report.summary.reported - kept;
    report.summary.reported = kept;
    Evidence { entries, report }.check().run()
}
