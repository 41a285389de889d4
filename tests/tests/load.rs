//! Proves that concurrency changes nothing: 2000 requests from four clients at
//! once, kept and new connections, and two of different kinds side by side. In
//! daemon mode the UNIX sockets between Apache and the application are busy all
//! the while; nothing of them may be reported.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::emulated::emulated;
use harness::load::Load;
use harness::probe::to_end;
use harness::run::Run;
use harness::server::Server as _;
use harness::skip;

harness::on_each_backend!(
    event_embedded,
    event_daemon,
    prefork_embedded,
    worker_daemon_new,
    crowded
);

fn event_embedded(backend: Backend) -> Result<()> {
    load(backend, Conf::new(Mpm::Event, Wsgi::Embedded), true)
}

fn event_daemon(backend: Backend) -> Result<()> {
    load(backend, Conf::new(Mpm::Event, Wsgi::Daemon), true)
}

fn prefork_embedded(backend: Backend) -> Result<()> {
    load(backend, Conf::new(Mpm::Prefork, Wsgi::Embedded), true)
}

fn worker_daemon_new(backend: Backend) -> Result<()> {
    load(backend, Conf::new(Mpm::Worker, Wsgi::Daemon), false)
}

/// As many connections as threads: now and then all are busy, and Apache's listener
/// closes kept connections to have one free. A request that comes just then is read and
/// thrown away (`ap_start_lingering_close`): it is none.
fn crowded(backend: Backend) -> Result<()> {
    if emulated() {
        skip::say("there is no wrk in this guest");
        return Ok(());
    }
    let run = Run::start(
        backend,
        Conf {
            threads: Some(5),
            ..Conf::new(Mpm::Event, Wsgi::Embedded)
        },
    )?;
    let url = format!("http://127.0.0.1:{}/hello", run.apache.port());
    let mut answers = 0;
    for _ in 0..10 {
        let wrk = to_end(Command::new("wrk").args(["-t1", "-c5", "-d2", &url]))?;
        let said = String::from_utf8_lossy(&wrk.stdout).into_owned();
        let mut words = said.split_whitespace();
        let all = words.clone().zip(words.clone().skip(1));
        let all = all
            .filter(|(_, word)| *word == "requests")
            .map(|(count, _)| count);
        answers += all.last().context(said.clone())?.parse::<usize>()?;
        if words.any(|word| word == "errors:") {
            return run.finish(answers)?.check().run();
        }
    }
    bail!("no connection was closed: this shows nothing");
}

fn load(backend: Backend, conf: Conf, kept: bool) -> Result<()> {
    let run = Run::start(backend, conf)?;
    let load = Load {
        clients: 4,
        requests: 500,
        kept,
    };
    load.run(&run.apache, |_| Ok(()))?;
    let evidence = run.finish(load.total())?;
    ensure!(evidence.entries.iter().all(|entry| entry.status == 200));
    evidence.check().run()
}
