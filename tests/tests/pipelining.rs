//! Proves that requests which share a write each get a record of their own, with
//! their own size: many in one write, with bodies in between, and cut in the
//! middle of one.

use anyhow::Result;
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{expect_status, get, post, post_chunked};
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(event_embedded, prefork_embedded, event_daemon);

fn event_embedded(backend: Backend) -> Result<()> {
    pipelines(backend, Conf::new(Mpm::Event, Wsgi::Embedded))
}

fn prefork_embedded(backend: Backend) -> Result<()> {
    pipelines(backend, Conf::new(Mpm::Prefork, Wsgi::Embedded))
}

fn event_daemon(backend: Backend) -> Result<()> {
    pipelines(backend, Conf::new(Mpm::Event, Wsgi::Daemon))
}

/// A request's path and bytes.
type Sent = (String, Vec<u8>);

/// `count` requests: plain ones, and with `bodies` also uploads of both framings.
fn requests(name: &str, count: usize, bodies: bool) -> Vec<Sent> {
    let one = |number: usize| {
        let path = format!("/read/{name}-{number}");
        let bytes = match number % 3 {
            1 if bodies => post(&path, &vec![b'b'; 10 * number]),
            2 if bodies => post_chunked(&path, &[b"first", b"and second"]),
            _ => get(&path).into_bytes(),
        };
        (path, bytes)
    };
    (0..count).map(one).collect()
}

/// Sends the requests on a new connection, cut before byte `cut`.
fn send(run: &Run, requests: &[Sent], cut: usize) -> Result<()> {
    let bytes: Vec<u8> = requests
        .iter()
        .flat_map(|(_, bytes)| bytes.clone())
        .collect();
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    let mut client = run.apache.connect()?;
    client.send_pieces([first, second])?;
    for _ in requests {
        expect_status(&client.receive()?, 200)?;
    }
    Ok(())
}

fn pipelines(backend: Backend, conf: Conf) -> Result<()> {
    let run = Run::start(backend, conf)?;
    let mut all = Vec::new();
    for count in [2, 3, 7, 20, 50] {
        let plain = requests(&format!("plain-{count}"), count, false);
        send(&run, &plain, usize::MAX)?;
        let mixed = requests(&format!("mixed-{count}"), count, true);
        send(&run, &mixed, usize::MAX)?;
        all.extend(plain.into_iter().chain(mixed));
    }
    // Cut in a request line, in a head, in a body and at its end.
    let length: usize = requests("cut-00", 4, true)
        .iter()
        .map(|(_, bytes)| bytes.len())
        .sum();
    for (number, cut) in (1..length).step_by(17).enumerate() {
        let cut_up = requests(&format!("cut-{number:02}"), 4, true);
        send(&run, &cut_up, cut)?;
        all.extend(cut_up);
    }
    let evidence = run.finish(all.len())?;
    let mut check = evidence.check();
    for (path, bytes) in all {
        check = check.sent(path, bytes.len());
    }
    check.run()
}
