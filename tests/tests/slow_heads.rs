//! Proves that the time a slow client takes to send its head is told apart, and
//! that a server which loses patience is reported as such.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::accurate;
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{expect_status, get, post};
use harness::report::Outcome;
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(read_time, timeout);

const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_NS: u64 = 1_000_000_000;

/// Sends the request with a pause after `cut` bytes.
fn send(run: &Run, path: &str, cut: usize) -> Result<()> {
    let bytes = get(path);
    let (first, second) = bytes.split_at(cut);
    let mut client = run.apache.connect()?;
    client.send(first)?;
    client.wait_until_read()?;
    sleep(PAUSE);
    client.send(second)?;
    expect_status(&client.receive()?, 200)
}

fn read_time(backend: Backend) -> Result<()> {
    for (mpm, wsgi) in [(Mpm::Event, Wsgi::Embedded), (Mpm::Prefork, Wsgi::Daemon)] {
        let run = Run::start(backend, Conf::new(mpm, wsgi))?;
        send(&run, "/hello/slow-line", 10)?;
        send(
            &run,
            "/hello/slow-head",
            "GET /hello/slow-head HTTP/1.1\r\nHo".len(),
        )?;
        send(&run, "/hello/slow-end", get("/hello/slow-end").len() - 1)?;
        let evidence = run.finish(3)?;
        evidence.check().run()?;
        for request in &evidence.report.requests {
            let path = request.path.as_deref().unwrap_or_default();
            let read_time = request.read_time.context("no read_time")?;
            ensure!(read_time >= PAUSE_NS, "{path}: read in {read_time} ns");
            // `duration` starts with the line's end, as `%D` does.
            let duration = request.duration.context("no duration")?;
            let logged = evidence.logged(path)?.duration_us * 1000;
            let apart = duration.abs_diff(logged);
            accurate!(
                apart < PAUSE_NS / 2,
                "{path}: {duration} ns, logged {logged}"
            );
        }
    }
    Ok(())
}

fn timeout(backend: Backend) -> Result<()> {
    let conf =
        Conf::new(Mpm::Event, Wsgi::Embedded).directive("RequestReadTimeout header=1 body=1");
    let run = Run::start(backend, conf)?;
    let mut line = run.apache.connect()?;
    line.send("GET /hello/half-a-li")?;
    let mut head = run.apache.connect()?;
    head.send("GET /hello/half-a-head HTTP/1.1\r\nHo")?;
    let mut body = run.apache.connect()?;
    body.send(&post("/read/half-a-body", &[b'b'; 1000])[..500])?;
    ensure!(
        line.receive_to_end()?.is_empty(),
        "half a line is not answered"
    );
    expect_status(&head.receive()?, 408)?;
    expect_status(&body.receive()?, 500)?;
    drop((line, head, body));
    // The half line is logged too, with status 408 and nothing sent.
    let evidence = run.finish(3)?;
    for entry in &evidence.entries {
        println!("{entry:?}");
    }
    evidence.check().run()?;
    let outcome = evidence.report.only("/hello/half-a-head")?.outcome;
    ensure!(outcome == Outcome::Timeout, "outcome {outcome:?}");
    ensure!(
        evidence.report.summary.note("partial_line") >= 1,
        "the half line went unnoticed"
    );
    Ok(())
}
