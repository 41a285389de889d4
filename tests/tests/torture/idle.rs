//! Thousands of connections that are kept and idle, and a request on each when all
//! are there: 10,000 of them where the mixtures go on for a minute, else fewer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::get;
use harness::emulated::emulated;
use harness::run::Run;
use harness::server::Server;
use harness::skip;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

harness::on_each_backend!(thousands);

/// Connections at the same time, at most.
const IDLE: usize = 10_000;

/// So many take seconds.
const USUAL: usize = 2_000;

/// Descriptors of this process, which the other tests in it use as well.
const DESCRIPTORS: u64 = IDLE as u64 + 4_000;

fn thousands(backend: Backend) -> Result<()> {
    if emulated() {
        skip::say("thousands of connections take minutes where processors are emulated");
        return Ok(());
    }
    let long = super::duration() >= Duration::from_mins(1);
    let idle = if long { IDLE } else { USUAL };
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < DESCRIPTORS {
        setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS, hard.max(DESCRIPTORS))
            .with_context(|| format!("{soft} of {hard} descriptors, {DESCRIPTORS} needed"))?;
    }
    // Each of 4 processes holds 64 * (1 + 64) of them.
    let conf = Conf {
        keep_alive_timeout: 600,
        ..Conf::new(Mpm::Event, Wsgi::Embedded)
    }
    .directive("ServerLimit 4\nThreadsPerChild 64\nMaxRequestWorkers 256\nStartServers 4")
    .directive(
        "MinSpareThreads 256\nMaxSpareThreads 256\nAsyncRequestWorkerFactor 64\nListenBacklog 4096",
    );
    let run = Run::start(backend, conf)?;
    let port = run.apache.port();
    let mut all = Vec::with_capacity(idle);
    for number in 0..idle {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("connection {number}"))?;
        connection.set_read_timeout(Some(harness::wait::patience()))?;
        ask(&mut connection, &format!("/hello/first-{number}"))?;
        all.push(connection);
    }
    for (number, connection) in all.iter_mut().enumerate() {
        ask(connection, &format!("/hello/second-{number}"))?;
    }
    drop(all);
    let evidence = run.finish(2 * idle)?;
    ensure!(
        evidence.entries.len() == 2 * idle,
        "{} logged",
        evidence.entries.len()
    );
    evidence.check().any_sizes().run()
}

/// A request and its answer, which comes in one piece.
fn ask(connection: &mut TcpStream, path: &str) -> Result<()> {
    connection.write_all(get(path).as_bytes())?;
    let mut answer = [0; 1024];
    let count = connection
        .read(&mut answer)
        .with_context(|| path.to_owned())?;
    ensure!(
        answer[..count].starts_with(b"HTTP/1.1 200"),
        "{path}: {count} bytes"
    );
    Ok(())
}
