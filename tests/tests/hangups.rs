//! Proves what becomes of a request whose client does not wait for the answer: it
//! is reported once, with what was really sent, and marked where the server got to
//! know of it.
//!
//! A client that closes before the answer goes unnoticed by Apache: its first
//! write succeeds, and the access log says 200. A reset, or a close in the middle
//! of the answer, makes a write fail.

use anyhow::{Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{Client, expect_status, get, post};
use harness::ports::Connection;
use harness::report::Outcome;
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(event_embedded, prefork_daemon, worker_embedded);

fn event_embedded(backend: Backend) -> Result<()> {
    hangups(backend, Conf::new(Mpm::Event, Wsgi::Embedded))
}

fn prefork_daemon(backend: Backend) -> Result<()> {
    hangups(backend, Conf::new(Mpm::Prefork, Wsgi::Daemon))
}

fn worker_embedded(backend: Backend) -> Result<()> {
    hangups(backend, Conf::new(Mpm::Worker, Wsgi::Embedded))
}

/// A connection whose request is with the application, which does not answer yet.
fn held(run: &Run, path: &str) -> Result<Client> {
    let mut client = run.apache.connect()?;
    client.send(get(path))?;
    client.wait_until_read()?;
    Ok(client)
}

/// Has it answered once the server's end has been told that the client hung up.
fn answered(run: &Run, connection: Connection, path: &str) -> Result<()> {
    connection.wait_until_hung_up()?;
    run.apache.open_gate(path)
}

fn hangups(backend: Backend, conf: Conf) -> Result<()> {
    let run = Run::start(backend, conf)?;

    let client = held(&run, "/held/closed-before")?;
    let connection = client.connection()?;
    drop(client);
    answered(&run, connection, "/held/closed-before")?;

    let client = held(&run, "/held/reset-before")?;
    let connection = client.connection()?;
    client.reset()?;
    answered(&run, connection, "/held/reset-before")?;

    let mut client = run.apache.connect()?;
    client.send(get("/big/closed-within"))?;
    client.receive_some()?;
    drop(client);

    let mut client = run.apache.connect()?;
    client.send(get("/gate/closed-within"))?;
    client.receive_some()?;
    drop(client);
    run.apache.open_gate("/gate/closed-within")?;

    let mut client = held(&run, "/held/half-closed")?;
    client.half_close()?;
    answered(&run, client.connection()?, "/held/half-closed")?;
    expect_status(&client.receive()?, 200)?;
    drop(client);

    // Half a head, half a body: Apache answers although nobody listens.
    let mut client = run.apache.connect()?;
    client.send("GET /hello/half-a-head HTTP/1.1\r\nHost: loc")?;
    drop(client);
    let mut client = run.apache.connect()?;
    client.send(&post("/read/half-a-body", &[b'b'; 1000])[..500])?;
    drop(client);

    // Neither of these is a request.
    drop(run.apache.connect()?);
    let mut client = run.apache.connect()?;
    client.send("GET /hello/half-a-li")?;
    drop(client);

    let evidence = run.finish(7)?;
    for entry in &evidence.entries {
        println!("{entry:?}");
    }
    evidence.check().run()?;
    let outcome = |path: &str| Ok::<_, anyhow::Error>(evidence.report.only(path)?.outcome);
    ensure!(outcome("/held/half-closed")? == Outcome::Ok);
    ensure!(outcome("/held/reset-before")? == Outcome::ClientClosed);
    ensure!(outcome("/big/closed-within")? == Outcome::ClientClosed);
    ensure!(
        evidence.report.summary.note("partial_line") >= 1,
        "the half line went unnoticed"
    );
    Ok(())
}
