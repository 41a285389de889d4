//! Proves that concurrency changes nothing: 2000 requests from four clients at
//! once, kept and new connections, and two of different kinds side by side. In
//! daemon mode the UNIX sockets between Apache and the application are busy all
//! the while; nothing of them may be reported.

use anyhow::{Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::load::Load;
use harness::run::Run;

harness::on_each_backend!(
    event_embedded,
    event_daemon,
    prefork_embedded,
    worker_daemon_new
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
