//! Proves that servers which come while wsgiprobe runs are followed from their first
//! request on: every Apache with `--all`, whoever listens on a `--port`, whatever has a
//! `--name`. No time is allowed for noticing them.

use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use harness::access_log::Entry;
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{Client, expect_status};
use harness::probe::{Probe, Report};
use harness::process::Guarded;
use harness::report::Mode;
use harness::run::Evidence;
use harness::server::Server;
use harness::{ports, wait};

harness::on_each_backend!(port, name);
harness::on_each_backend!(alone: every_apache);

/// The request by which the harness finds out that a server is there.
const WARM_UP: &str = "/hello/warm-up";

/// With no other test beside it, whose servers would be watched, too.
fn every_apache(backend: Backend) -> Result<()> {
    let probe = Probe::start(backend, ["--all"])?;
    let (mut entries, mut served) = (Vec::new(), Vec::new());
    for wsgi in [Wsgi::Daemon, Wsgi::Embedded] {
        let mut apache = Apache::start(Conf::new(Mpm::Event, wsgi))?;
        served.push(apache.port());
        entries.extend(requests(&apache, &format!("{wsgi:?}"))?);
        // It is gone before wsgiprobe could look at it by itself.
        apache.stop()?;
    }
    let mut report = probe.finish()?;
    for port in &served {
        let said = report
            .stdout
            .contains(&format!("listening on 127.0.0.1:{port}"));
        ensure!(said, "nothing was said of port {port}: {}", report.stdout);
    }
    report.retain(|request| served.contains(&request.server.port()));
    // Another Apache of this machine may have been in the middle of something. Of these each
    // request is looked for.
    report.summary.seen = report.summary.reported;
    report.summary.in_flight = 0;
    report.summary.lost.clear();
    without_warm_ups(&mut report, served.len())?;
    Evidence { entries, report }.check().run()
}

fn port(backend: Backend) -> Result<()> {
    let mut apache = Apache::start(Conf::default())?;
    let probe = Probe::start(backend, ["--port", &apache.port().to_string()])?;
    let mut entries = Vec::new();
    for number in 0..2 {
        apache.stop()?;
        apache.start_again()?;
        entries.extend(requests(&apache, &format!("port-{number}"))?);
    }
    let mut report = probe.finish()?;
    without_warm_ups(&mut report, 2)?;
    Evidence { entries, report }.check().run()
}

/// Another server, which only a look at its name tells.
fn name(backend: Backend) -> Result<()> {
    let folder = tempfile::tempdir()?;
    // Other back ends are tested at the same time.
    let program = folder.path().join(format!("serves-{backend}"));
    symlink("/usr/bin/python3", &program)?;
    let (mut first, _) = serve(&program)?;
    let probe = Probe::start(backend, ["--name", &format!("^serves-{backend}$")])?;
    first.stop()?;
    let (mut second, port) = serve(&program)?;
    for number in 0..10 {
        let answer = Client::connect(port)?.get(&format!("/none-{number}"))?;
        expect_status(&answer, 404)?;
    }
    second.stop()?;
    let report = probe.finish()?;
    for number in 0..10 {
        let path = format!("/none-{number}");
        let request = report.only(&path)?;
        ensure!(request.mode == Some(Mode::Http), "{request:?}");
        ensure!(request.status == Some(404), "{request:?}");
    }
    ensure!(report.summary.total_lost() == 0, "{:?}", report.summary);
    Ok(())
}

/// Such a server, and where it listens.
fn serve(program: &Path) -> Result<(Guarded, u16)> {
    let port = ports::free()?;
    let mut command = Command::new(program);
    command
        .args(["-m", "http.server", "--bind", "127.0.0.1"])
        .arg(port.to_string())
        .current_dir(program.parent().unwrap_or(program))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let server = Guarded::spawn(&mut command)?;
    wait::until("the server to listen", || {
        Ok(TcpStream::connect(("127.0.0.1", port)).is_ok())
    })?;
    Ok((server, port))
}

/// Some requests on connections of their own: what Apache logged of them.
fn requests(apache: &Apache, name: &str) -> Result<Vec<Entry>> {
    for number in 0..20 {
        let answer = apache.connect()?.get(&format!("/hello/{name}-{number}"))?;
        expect_status(&answer, 200)?;
    }
    apache.settle(20)
}

/// Leaves out the requests by which the harness found out that a server was there, which
/// its logs are without. One for each server was answered, and it was the first.
fn without_warm_ups(report: &mut Report, servers: usize) -> Result<()> {
    let answered = report.of(WARM_UP).filter(|it| it.status == Some(200));
    let answered = answered.count();
    ensure!(
        answered == servers,
        "{answered} first requests were seen, of {servers} servers"
    );
    report.retain(|request| request.path.as_deref() != Some(WARM_UP));
    Ok(())
}
