//! Proves that no request is lost while Apache replaces its processes: children
//! that end after 25 connections, graceful restarts in the middle of a load, and a
//! child that is killed over a request (which Apache never logs).

use anyhow::{Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{expect_status, get};
use harness::load::Load;
use harness::process::descendants;
use harness::run::Run;
use harness::server::Server;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

harness::on_each_backend!(prefork_recycled, event_daemon_restarted, child_killed);

fn prefork_recycled(backend: Backend) -> Result<()> {
    let conf = Conf {
        connections_per_child: 25,
        ..Conf::new(Mpm::Prefork, Wsgi::Embedded)
    };
    restarted_in_the_middle(
        backend,
        conf,
        Load {
            clients: 4,
            requests: 300,
            kept: false,
        },
    )
}

fn event_daemon_restarted(backend: Backend) -> Result<()> {
    let conf = Conf::new(Mpm::Event, Wsgi::Daemon);
    restarted_in_the_middle(
        backend,
        conf,
        Load {
            clients: 4,
            requests: 200,
            kept: false,
        },
    )
}

fn restarted_in_the_middle(backend: Backend, conf: Conf, load: Load) -> Result<()> {
    let run = Run::start(backend, conf)?;
    let half = load.total() / 2;
    load.run(&run.apache, |done| {
        if done == half {
            run.apache.restart_gracefully()?;
        }
        Ok(())
    })?;
    run.finish(load.total())?.check().run()
}

fn child_killed(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::new(Mpm::Prefork, Wsgi::Embedded))?;
    expect_status(&run.apache.connect()?.get("/hello/before")?, 200)?;
    let mut victim = run.apache.connect()?;
    victim.send(get("/gate/killed"))?;
    victim.receive_some()?;
    let children = descendants(run.apache.pid()?);
    let child = victim.connection()?.holder(&children)?;
    kill(Pid::from_raw(child as i32), Signal::SIGKILL)?;
    victim.receive_to_end()?;
    expect_status(&run.apache.connect()?.get("/hello/after")?, 200)?;
    drop(victim);
    let evidence = run.finish(2)?;
    let report = &evidence.report;
    for path in ["/hello/before", "/hello/after"] {
        ensure!(report.only(path)?.status == Some(200), "{path} is wrong");
    }
    let summary = &report.summary;
    let accounted = summary.reported + summary.in_flight + summary.total_lost();
    ensure!(
        summary.seen == 3 && accounted == 3,
        "3 requests: {summary:?}"
    );
    Ok(())
}
