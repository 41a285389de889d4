//! Proves that what is not HTTP is told apart: unanswered it is counted and not
//! reported, and Apache's 400 to it is reported as just that.
//!
//! Apache reads on until there is a newline. TLS without one is closed silently
//! (and logged with status 408 if a timeout ended it, else not at all); with one
//! it is answered in plain text: 400.

use anyhow::{Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{expect_status, get};
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(tls_unanswered, answered_400, on_a_kept_connection);

const TLS: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

fn tls_unanswered(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::new(Mpm::Event, Wsgi::Embedded))?;
    for _ in 0..3 {
        let mut client = run.apache.connect()?;
        client.send([TLS, &[0x11; 500]].concat())?;
        client.wait_until_read()?;
    }
    expect_status(&run.apache.connect()?.get("/hello/after")?, 200)?;
    let evidence = run.finish(1)?;
    evidence.check().run()?;
    let noted = evidence.report.summary.note("non_http");
    ensure!(
        noted == 3,
        "{noted} connections noted: {:?}",
        evidence.report.summary.further
    );
    Ok(())
}

fn answered_400(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::new(Mpm::Prefork, Wsgi::Embedded))?;
    let inputs: [&[u8]; 5] = [
        &[TLS, b"\x0a", &[0x11; 500]].concat(),
        b"garbage\r\n\r\n",
        b"\x00\x01\x02\n\n",
        b"one two three four\r\n\r\n",
        b"GET /bad\x01path HTTP/1.1\r\n\r\n",
    ];
    let mut ports = Vec::new();
    for input in inputs {
        let mut client = run.apache.connect()?;
        ports.push(client.port()?);
        client.send(input)?;
        expect_status(&client.receive()?, 400)?;
    }
    let evidence = run.finish(inputs.len())?;
    let summary = &evidence.report.summary;
    ensure!(summary.total_lost() == 0, "lost: {:?}", summary.lost);
    for (input, port) in inputs.into_iter().zip(ports) {
        let requests = evidence.report.requests.iter();
        let reported: Vec<_> = requests
            .filter(|request| request.client.port() == port)
            .collect();
        let input = input.escape_ascii().to_string();
        let input = &input[..input.len().min(60)];
        ensure!(
            reported.len() == 1,
            "reported {} times: {input}",
            reported.len()
        );
        let request = reported[0];
        ensure!(
            request.status == Some(400),
            "status {:?}: {input}",
            request.status
        );
        ensure!(!request.incomplete, "it began after the attach: {input}");
    }
    Ok(())
}

fn on_a_kept_connection(backend: Backend) -> Result<()> {
    let run = Run::start(backend, Conf::new(Mpm::Worker, Wsgi::Daemon))?;
    let mut client = run.apache.connect()?;
    expect_status(&client.get("/hello/before")?, 200)?;
    client.send("what is this\r\n\r\n")?;
    expect_status(&client.receive()?, 400)?;
    drop(client);
    let mut client = run.apache.connect()?;
    client.send(format!("\r\n{}", get("/hello/after-empty-line")))?;
    expect_status(&client.receive()?, 200)?;
    drop(client);
    run.finish(3)?.check().any_sizes().run()
}
