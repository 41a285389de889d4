//! Proves the harness on Apache alone, without wsgiprobe: every request sent is
//! in the access log with the bytes that the client counted, under every MPM and
//! application mode, and what stops is really gone.

use anyhow::{Context, Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::beside_others;
use harness::client::{expect_status, get, post};
use harness::process::descendants;
use harness::server::Server;

fn log_equals_client(mpm: Mpm, wsgi: Wsgi) -> Result<()> {
    let apache = Apache::start(Conf::new(mpm, wsgi))?;
    let mut expected = Vec::new();
    for connection in 0..3 {
        let mut client = apache.connect()?;
        for number in 0..5 {
            let path = format!("/read/{connection}-{number}");
            let bytes = if number % 2 == 0 {
                get(&path).into()
            } else {
                post(&path, b"0123456789")
            };
            client.send(&bytes)?;
            let response = client.receive()?;
            expect_status(&response, 200)?;
            expected.push((
                client.port()?,
                path,
                bytes.len() as u64,
                response.wire_bytes as u64,
            ));
        }
    }
    let mut entries = apache.settle(expected.len())?;
    ensure!(entries.len() == expected.len(), "{} entries", entries.len());
    for (port, path, sent, received) in expected {
        let at = entries
            .iter()
            .position(|entry| entry.client_port == port && entry.path.as_ref() == Some(&path))
            .with_context(|| format!("{path} was not logged"))?;
        let entry = entries.swap_remove(at);
        ensure!(
            entry.may_have_received(sent),
            "{sent} bytes sent, {entry:?}"
        );
        ensure!(
            entry.response_bytes == received,
            "{received} bytes received, {entry:?}"
        );
    }
    Ok(())
}

#[test]
fn prefork_embedded() -> Result<()> {
    let _cores = beside_others();
    log_equals_client(Mpm::Prefork, Wsgi::Embedded)
}

#[test]
fn worker_daemon() -> Result<()> {
    let _cores = beside_others();
    log_equals_client(Mpm::Worker, Wsgi::Daemon)
}

#[test]
fn event_embedded() -> Result<()> {
    let _cores = beside_others();
    log_equals_client(Mpm::Event, Wsgi::Embedded)
}

#[test]
fn event_daemon() -> Result<()> {
    let _cores = beside_others();
    log_equals_client(Mpm::Event, Wsgi::Daemon)
}

#[test]
fn nothing_is_left_behind() -> Result<()> {
    let _cores = beside_others();
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let parent = apache.pid()?;
    let mut processes = descendants(parent);
    ensure!(
        processes.len() >= 4,
        "2 children and 2 daemons, not {processes:?}"
    );
    processes.push(parent);
    drop(apache);
    let left: Vec<u32> = processes
        .into_iter()
        .filter(|pid| std::fs::exists(format!("/proc/{pid}")).unwrap_or(true))
        .collect();
    ensure!(left.is_empty(), "still running: {left:?}");
    Ok(())
}
