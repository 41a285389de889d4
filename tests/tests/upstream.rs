//! Proves that only what the server serves is reported: an application that is a
//! client itself, of another HTTP server and of one that speaks a protocol like
//! Redis's, has its own requests and theirs told apart.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::expect_status;
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(event_embedded, prefork_daemon);

/// A server that answers every connection once, for as long as the tests run.
pub struct Upstream {
    pub port: u16,
    served: Arc<AtomicUsize>,
}

impl Upstream {
    pub fn start(answer: fn(&TcpStream) -> std::io::Result<()>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let served = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&served);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if answer(&stream).is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(Self { port, served })
    }
}

pub fn http(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while !lines.next().transpose()?.unwrap_or_default().is_empty() {}
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nupstream")
}

pub fn redis(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.read_exact(&mut [0; b"*1\r\n$4\r\nPING\r\n".len()])?;
    stream.write_all(b"+PONG\r\n")
}

fn event_embedded(backend: Backend) -> Result<()> {
    only_what_it_serves(backend, Conf::new(Mpm::Event, Wsgi::Embedded))
}

fn prefork_daemon(backend: Backend) -> Result<()> {
    only_what_it_serves(backend, Conf::new(Mpm::Prefork, Wsgi::Daemon))
}

fn only_what_it_serves(backend: Backend, conf: Conf) -> Result<()> {
    let (web, store) = (Upstream::start(http)?, Upstream::start(redis)?);
    let conf = conf
        .env("UPSTREAM_HTTP", &web.port.to_string())
        .env("UPSTREAM_REDIS", &store.port.to_string());
    let run = Run::start(backend, conf)?;
    let mut client = run.apache.connect()?;
    for number in 0..20 {
        let response = client.get(&format!("/upstream/{number}"))?;
        expect_status(&response, 200)?;
        ensure!(
            response.body == b"upstream+PONG\r\n",
            "{:?}",
            response.text()
        );
    }
    drop(client);
    run.finish(20)?.check().run()?;
    let served = [&web, &store].map(|upstream| upstream.served.load(Ordering::Relaxed));
    ensure!(
        served == [20, 20],
        "the application's servers served {served:?}"
    );
    Ok(())
}
