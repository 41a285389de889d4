//! Proves that `--health` says what is so: that a run is ready while InfluxDB takes its
//! points and not while it does not, without a word of secrets; alive while its pipeline
//! turns and not while that is blocked; and gone soon after it was told to go.
//!
//! It is the same whatever the hooks are: these run with one back end.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::{self, Backend};
use harness::client::{Client, expect_status, request};
use harness::emulated::patiently;
use harness::influx::{Influx, PASSWORD, USER};
use harness::ports;
use harness::probe::{self, Probe};
use harness::process::Guarded;
use harness::run::Run;
use harness::server::Server;
use harness::wait;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::Signal;

use crate::influxdb::{DATABASE, arguments, logged, stored};

/// Works on every kernel.
const BACKEND: Backend = Backend::Syscall;

/// What an output gets at the end, and a bit: as docs/kubernetes.md says.
const GRACE: Duration = Duration::from_secs(15);

/// Status and body.
fn ask(port: u16, path: &str) -> Result<(u16, String)> {
    let answer = Client::connect(port)?.get(path)?;
    Ok((answer.status, answer.text()))
}

fn expect_ready(port: u16) -> Result<()> {
    wait::until("the run to be ready", || Ok(ask(port, "/readyz")?.0 == 200))?;
    let said = ask(port, "/readyz")?;
    let all = "attached: ok\njsonl: ok\ninfluxdb: ok\n";
    ensure!(said == (200, all.into()), "{said:?}");
    expect_alive(port)
}

fn expect_alive(port: u16) -> Result<()> {
    let said = ask(port, "/healthz")?;
    ensure!(said == (200, "ok\n".into()), "{said:?}");
    Ok(())
}

/// Waits until it is attached, and not ready for that reason.
fn expect_unready(port: u16, why: &str) -> Result<()> {
    let trouble = || {
        let (status, text) = ask(port, "/readyz")?;
        let said = text.starts_with("attached: ok\n") && text.contains(why);
        Ok((status == 503 && said).then_some(text))
    };
    let text = wait::value("the run not to be ready", trouble)?;
    println!("{text}");
    for secret in [USER, PASSWORD] {
        ensure!(!text.contains(secret), "{text}");
    }
    expect_alive(port)
}

fn requests(apache: &Apache, count: usize) -> Result<usize> {
    for number in 0..count {
        expect_status(&apache.connect()?.get(&format!("/hello/{number}"))?, 200)?;
    }
    Ok(count)
}

fn follows_the_database(_: Backend) -> Result<()> {
    let mut influx = Influx::start_guarded()?;
    influx.create(DATABASE)?;
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let port = ports::free()?;
    let url = influx.url();
    let login = |word: &str| url.replace("://", &format!("://{USER}:{word}@"));
    let mut wanted = arguments(&apache, &login(PASSWORD))?;
    wanted.extend(["--health".into(), port.to_string()]);
    let probe = Probe::start(BACKEND, wanted)?;
    let run = Run { apache, probe };
    expect_ready(port)?;
    let mut client = Client::connect(port)?;
    client.send(request("HEAD", "/readyz"))?;
    expect_status(&client.receive_for("HEAD")?, 200)?;

    let mut sent = requests(&run.apache, 5)?;
    influx.kill()?;
    sent += requests(&run.apache, 5)?;
    expect_unready(port, "\ninfluxdb: away: cannot connect: ")?;
    influx.start_again()?;
    expect_ready(port)?;

    let evidence = run.finish(sent)?;
    evidence.check().run()?;
    let points = stored(&influx)?;
    ensure!(points.len() == sent, "{} of {sent} points", points.len());

    // And one that does not get in.
    let apache = Apache::start(Conf::default())?;
    let mut wanted = arguments(&apache, &login("another"))?;
    wanted.extend(["--health".into(), port.to_string()]);
    let _probe = Probe::start(BACKEND, wanted)?;
    expect_unready(port, "\ninfluxdb: refused: 401 Unauthorized\n")
}

#[test]
fn is_ready_while_the_database_is() -> Result<()> {
    backends::run(BACKEND, follows_the_database)
}

/// Nobody reads its lines: the pipeline stands still in a write.
fn notices_a_standstill(_: Backend) -> Result<()> {
    let apache = Apache::start(Conf::default())?;
    let port = ports::free()?;
    let mut command = Command::new(probe::find()?);
    command.args(["--pid", &apache.pid()?.to_string(), "--interval", "100ms"]);
    command.args(["--hooks", BACKEND.name(), "--health", &port.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut process = Guarded::spawn(&mut command)?;
    let mut lines = process.child().stdout.take().context("no stdout")?;
    fcntl(&lines, FcntlArg::F_SETPIPE_SZ(4096))?;

    wait::until("wsgiprobe to attach", || {
        let said = Client::connect(port).and_then(|mut client| client.get("/readyz"));
        Ok(said.is_ok_and(|answer| answer.status == 200))
    })?;
    expect_alive(port)?;
    let said = wait::value("the standstill to be told", || {
        expect_status(&apache.connect()?.get("/hello/there")?, 200)?;
        let (status, text) = ask(port, "/healthz")?;
        Ok((status == 503).then_some(text))
    })?;
    println!("{said}");
    ensure!(said.starts_with("the pipeline has stood still for "));

    std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
    wait::until("it to go on", || Ok(ask(port, "/healthz")?.0 == 200))
}

#[test]
fn is_alive_while_the_pipeline_turns() -> Result<()> {
    backends::run(BACKEND, notices_a_standstill)
}

/// As Kubernetes ends a pod.
fn terminated(_: Backend) -> Result<()> {
    let influx = Influx::start()?;
    influx.create(DATABASE)?;
    let apache = Apache::start(Conf::default())?;
    let probe = Probe::start(BACKEND, arguments(&apache, &influx.url())?)?;
    let sent = requests(&apache, 20)?;
    let entries = apache.settle(sent)?;
    probe.signal(Signal::SIGTERM)?;
    let report = probe.wait()?;
    ensure!(report.exit_code == Some(0), "{:?}", report.exit_code);
    let (mut points, mut log) = (stored(&influx)?, logged(&entries));
    points.sort_unstable();
    log.sort_unstable();
    ensure!(points == log, "{points:?}, not {log:?}");

    // The database takes connections and never answers: nothing takes longer.
    let mut probe = Probe::start(BACKEND, arguments(&apache, &influx.url())?)?;
    influx.signal(Signal::SIGSTOP)?;
    requests(&apache, 20)?;
    let told = Instant::now();
    probe.signal(Signal::SIGTERM)?;
    probe.gone()?;
    let took = told.elapsed();
    influx.signal(Signal::SIGCONT)?;
    println!("gone after {took:?}");
    ensure!(took < patiently(GRACE), "{took:?}");
    Ok(())
}

#[test]
fn is_gone_soon_after_it_was_told() -> Result<()> {
    backends::run(BACKEND, terminated)
}
