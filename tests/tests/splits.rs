//! Proves that it does not matter how TCP cuts a request: at every byte of line
//! and head, into single bytes, and just after the empty line that some clients
//! send first.

use anyhow::Result;
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{expect_status, post};
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(event_embedded, prefork_daemon);

fn event_embedded(backend: Backend) -> Result<()> {
    every_cut(backend, Conf::new(Mpm::Event, Wsgi::Embedded))
}

fn prefork_daemon(backend: Backend) -> Result<()> {
    every_cut(backend, Conf::new(Mpm::Prefork, Wsgi::Daemon))
}

fn every_cut(backend: Backend, conf: Conf) -> Result<()> {
    let run = Run::start(backend, conf)?;
    let mut client = run.apache.connect()?;
    let mut sent = Vec::new();
    let length = post("/read/cut-000", b"body").len();
    for cut in 1..length {
        let path = format!("/read/cut-{cut:03}");
        let bytes = post(&path, b"body");
        let (first, second) = bytes.split_at(cut);
        client.send_pieces([first, second])?;
        expect_status(&client.receive()?, 200)?;
        sent.push((path, bytes.len()));
    }
    drop(client);

    let path = "/read/single-bytes".to_owned();
    let bytes = post(&path, b"body");
    let mut client = run.apache.connect()?;
    client.send_pieces(bytes.chunks(1))?;
    expect_status(&client.receive()?, 200)?;
    sent.push((path, bytes.len()));
    drop(client);

    let evidence = run.finish(sent.len())?;
    let mut check = evidence.check();
    for (path, bytes) in sent {
        check = check.sent(path, bytes);
    }
    check.run()
}
