//! Proves that a request's body is counted and is never taken for a request:
//! announced by length or chunked, read by the application or not, asked for with
//! `100 Continue` or sent at once, and full of what looks like requests.

use anyhow::{Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{Client, expect_status, get, post, post_chunked};
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(
    event_embedded,
    prefork_embedded,
    worker_daemon,
    expect_continue
);

fn event_embedded(backend: Backend) -> Result<()> {
    uploads(backend, Conf::new(Mpm::Event, Wsgi::Embedded))
}

fn prefork_embedded(backend: Backend) -> Result<()> {
    uploads(backend, Conf::new(Mpm::Prefork, Wsgi::Embedded))
}

fn worker_daemon(backend: Backend) -> Result<()> {
    uploads(backend, Conf::new(Mpm::Worker, Wsgi::Daemon))
}

/// Half a megabyte of requests, none of which is one.
fn decoy() -> Vec<u8> {
    "GET /decoy HTTP/1.1\r\nHost: localhost\r\n\r\n"
        .repeat(12_500)
        .into_bytes()
}

fn uploads(backend: Backend, conf: Conf) -> Result<()> {
    let run = Run::start(backend, conf)?;
    let mut client = run.apache.connect()?;
    let mut sent = Vec::new();
    let zeros = vec![0; 1 << 20];
    let decoy = decoy();
    let chunks: Vec<&[u8]> = decoy.chunks(41).take(2000).collect();
    for (number, way) in ["read", "hello"].into_iter().enumerate() {
        let path = |what: &str| format!("/{way}/{what}-{number}");
        for (path, bytes) in [
            (path("megabyte"), post(&path("megabyte"), &zeros)),
            (path("decoy"), post(&path("decoy"), &decoy)),
            (path("empty"), post(&path("empty"), b"")),
            (
                path("chunked"),
                post_chunked(&path("chunked"), &[&zeros[..70_000], b"x", &decoy]),
            ),
            (
                path("small-chunks"),
                post_chunked(&path("small-chunks"), &chunks),
            ),
            (path("no-chunk"), post_chunked(&path("no-chunk"), &[])),
            (path("plain"), get(&path("plain")).into_bytes()),
        ] {
            // In the daemon's case Apache may answer before it has read all.
            client.send(&bytes)?;
            expect_status(&client.receive()?, 200)?;
            sent.push((path, bytes.len()));
        }
    }
    drop(client);
    let evidence = run.finish(sent.len())?;
    let mut check = evidence.check();
    for (path, bytes) in sent {
        check = check.sent(path, bytes);
    }
    check.run()
}

fn ask_first(client: &mut Client, path: &str, length: usize) -> Result<usize> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    client.send(&head)?;
    Ok(head.len() + length)
}

fn expect_continue(backend: Backend) -> Result<()> {
    for (mpm, wsgi) in [(Mpm::Event, Wsgi::Embedded), (Mpm::Worker, Wsgi::Daemon)] {
        let run = Run::start(backend, Conf::new(mpm, wsgi))?;
        let mut client = run.apache.connect()?;
        let first = ask_first(&mut client, "/read/asked", 10_000)?;
        let interim = client.receive_any("POST")?;
        ensure!(interim.status == 100, "{interim:?}");
        client.send(vec![b'b'; 10_000])?;
        expect_status(&client.receive()?, 200)?;
        // Some clients do not wait.
        let second = ask_first(&mut client, "/read/not-waited", 5)?;
        client.send(b"12345")?;
        expect_status(&client.receive()?, 200)?;
        expect_status(&client.get("/hello/after")?, 200)?;
        drop(client);
        let evidence = run.finish(3)?;
        evidence
            .check()
            .sent("/read/asked", first)
            .sent("/read/not-waited", second)
            .run()?;
        let status = evidence.report.only("/read/asked")?.status;
        ensure!(status == Some(200), "the final status, not {status:?}");
    }
    Ok(())
}
