//! Proves that wsgiprobe lives and ends with what it watches: with `--pid` it is
//! done when Apache is, and writes its summary; `--duration` ends it by itself. That it
//! waits for the return of others is in `arrivals`.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::expect_status;
use harness::emulated::patiently;
use harness::probe::Probe;
use harness::run::{Evidence, Run};
use harness::server::Server;

harness::on_each_backend!(ends_with_apache, ends_after_duration);

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
