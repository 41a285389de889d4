//! Proves that a response ends where it ends, however it is sent: files by
//! sendfile or mmap, chunked, streamed for seconds, without a body, and with every
//! kind of status.
//!
//! The event MPM asks for the next request *before* it flushes what it still has:
//! of a chunked answer the `0\r\n\r\n` goes out after a read that found nothing
//! (EAGAIN). Whoever takes that read for the end of the response miscounts it.

use anyhow::{Context, Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::expect_status;
use harness::run::Run;
use harness::server::Server;
use harness::site::{STATIC_FILE, STATIC_SIZE};

harness::on_each_backend!(
    files_by_sendfile,
    files_by_mmap,
    statuses,
    large,
    streamed,
    prefork
);

fn files_by_sendfile(backend: Backend) -> Result<()> {
    let conf = Conf {
        sendfile: true,
        ..Conf::new(Mpm::Event, Wsgi::Embedded)
    };
    files(backend, conf)
}

fn files_by_mmap(backend: Backend) -> Result<()> {
    files(backend, Conf::new(Mpm::Worker, Wsgi::Embedded))
}

fn prefork(backend: Backend) -> Result<()> {
    let conf = Conf {
        sendfile: true,
        ..Conf::new(Mpm::Prefork, Wsgi::Embedded)
    };
    files(backend, conf)
}

fn files(backend: Backend, conf: Conf) -> Result<()> {
    let run = Run::start(backend, conf)?;
    let mut client = run.apache.connect()?;
    for number in 0..4 {
        let response = client.get(&format!("{STATIC_FILE}/{number}"))?;
        expect_status(&response, 200)?;
        ensure!(response.body.len() == STATIC_SIZE);
    }
    let conditional = "If-None-Match: *\r\n\r\n";
    client.send(format!(
        "GET {STATIC_FILE}/not-modified HTTP/1.1\r\nHost: x\r\n{conditional}"
    ))?;
    expect_status(&client.receive()?, 304)?;
    client.send(format!(
        "GET {STATIC_FILE}/range HTTP/1.1\r\nHost: x\r\nRange: bytes=10-99\r\n\r\n"
    ))?;
    expect_status(&client.receive()?, 206)?;
    client.send(format!(
        "HEAD {STATIC_FILE}/head HTTP/1.1\r\nHost: x\r\n\r\n"
    ))?;
    expect_status(&client.receive_for("HEAD")?, 200)?;
    expect_status(&client.get("/static/absent")?, 404)?;
    drop(client);
    run.finish(8)?.check().run()
}

fn statuses(backend: Backend) -> Result<()> {
    for (mpm, wsgi) in [(Mpm::Event, Wsgi::Embedded), (Mpm::Worker, Wsgi::Daemon)] {
        let run = Run::start(backend, Conf::new(mpm, wsgi))?;
        let statuses = [
            200, 201, 204, 301, 302, 304, 400, 401, 403, 404, 418, 500, 503,
        ];
        for status in statuses {
            // Apache closes after some of them.
            let mut client = run.apache.connect()?;
            expect_status(&client.get(&format!("/status/{status}"))?, status)?;
        }
        expect_status(&run.apache.connect()?.get("/crash/1")?, 500)?;
        run.finish(statuses.len() + 1)?.check().run()?;
    }
    Ok(())
}

fn large(backend: Backend) -> Result<()> {
    for (mpm, wsgi) in [(Mpm::Event, Wsgi::Embedded), (Mpm::Prefork, Wsgi::Daemon)] {
        let run = Run::start(backend, Conf::new(mpm, wsgi))?;
        let mut client = run.apache.connect()?;
        for number in 0..4 {
            ensure!(client.get(&format!("/big/{number}"))?.body.len() == 5_000_000);
            expect_status(&client.get(&format!("/chunked/{number}"))?, 200)?;
        }
        drop(client);
        run.finish(8)?.check().run()?;
    }
    Ok(())
}

fn streamed(backend: Backend) -> Result<()> {
    for (mpm, wsgi) in [(Mpm::Event, Wsgi::Embedded), (Mpm::Worker, Wsgi::Daemon)] {
        let run = Run::start(backend, Conf::new(mpm, wsgi))?;
        let mut client = run.apache.connect()?;
        // The first one loads the application, which may take a second.
        expect_status(&client.get("/hello/before")?, 200)?;
        expect_status(&client.get("/stream/1")?, 200)?;
        expect_status(&client.get("/hello/after")?, 200)?;
        drop(client);
        let evidence = run.finish(3)?;
        evidence.check().run()?;
        let request = evidence.report.only("/stream/1")?;
        let duration = request.duration.context("no duration")?;
        let ttfb = request.ttfb.context("no ttfb")?;
        ensure!(
            duration > 1_900_000_000,
            "{duration} ns for 2 s of streaming"
        );
        ensure!(
            ttfb < duration / 2,
            "{ttfb} of {duration} ns to the first byte"
        );
    }
    Ok(())
}
