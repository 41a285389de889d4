//! Proves that no request is lost while Apache replaces its processes: children
//! that end after 25 connections, and graceful restarts in the middle of a load.

use anyhow::Result;
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::load::Load;
use harness::run::Run;

harness::on_each_backend!(prefork_recycled, event_daemon_restarted);

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
