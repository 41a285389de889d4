//! Proves that connections make no difference: one request each, or many on one
//! connection, are each reported once and right, under every MPM and mode.

use anyhow::Result;
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::expect_status;
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(
    prefork_embedded,
    prefork_daemon,
    worker_daemon,
    event_embedded,
    event_daemon
);

fn prefork_embedded(backend: Backend) -> Result<()> {
    kept_and_new(backend, Mpm::Prefork, Wsgi::Embedded)
}

fn prefork_daemon(backend: Backend) -> Result<()> {
    kept_and_new(backend, Mpm::Prefork, Wsgi::Daemon)
}

fn worker_daemon(backend: Backend) -> Result<()> {
    kept_and_new(backend, Mpm::Worker, Wsgi::Daemon)
}

fn event_embedded(backend: Backend) -> Result<()> {
    kept_and_new(backend, Mpm::Event, Wsgi::Embedded)
}

fn event_daemon(backend: Backend) -> Result<()> {
    kept_and_new(backend, Mpm::Event, Wsgi::Daemon)
}

/// 40 requests on one connection, 20 on connections of their own.
fn kept_and_new(backend: Backend, mpm: Mpm, wsgi: Wsgi) -> Result<()> {
    let run = Run::start(backend, Conf::new(mpm, wsgi))?;
    let mut kept = run.apache.connect()?;
    for number in 0..40 {
        expect_status(&kept.get(&format!("/hello/kept-{number}"))?, 200)?;
    }
    drop(kept);
    for number in 0..20 {
        expect_status(
            &run.apache.connect()?.get(&format!("/hello/new-{number}"))?,
            200,
        )?;
    }
    run.finish(60)?.check().run()
}
