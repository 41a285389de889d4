//! Descriptors and socket addresses are used again at once: connections that are
//! opened and closed as fast as it goes, in any state.

use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{expect_status, get};
use harness::run::Run;
use harness::server::Server;

use super::{duration, roomy, unanswered};

harness::on_each_backend!(event_embedded, prefork_embedded);

fn event_embedded(backend: Backend) -> Result<()> {
    churn(backend, roomy(Conf::new(Mpm::Event, Wsgi::Embedded)))
}

fn prefork_embedded(backend: Backend) -> Result<()> {
    churn(backend, Conf::new(Mpm::Prefork, Wsgi::Embedded))
}

/// At the same time.
const CLIENTS: usize = 8;

fn churn(backend: Backend, conf: Conf) -> Result<()> {
    let run = Run::start(backend, conf)?;
    let (ends, server) = (Instant::now() + duration() / 2, &run.apache);
    let client = |number: usize| -> Result<usize> {
        let mut answered = 0;
        while Instant::now() < ends {
            let path = format!("/hello/churn-{number}-{answered}");
            // What was begun here must not be continued there.
            let mut half = server.connect()?;
            half.send(format!("GET {path}-ha"))?;
            drop(half);
            let mut reset = server.connect()?;
            reset.send(format!("PUT {path}-reset HTTP/1.1\r\nHost: lo"))?;
            reset.reset()?;
            drop(server.connect()?);
            let mut whole = server.connect()?;
            whole.send(get(&path))?;
            expect_status(&whole.receive()?, 200)?;
            answered += 1;
        }
        Ok(answered)
    };
    let client = &client;
    let answered = thread::scope(|scope| {
        let all: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || client(number)))
            .collect();
        all.into_iter()
            .map(|one| {
                one.join()
                    .unwrap_or_else(|_| Err(anyhow!("a client panicked")))
            })
            .sum::<Result<usize>>()
    })?;
    println!("{answered} answered, each after three connections that were not");
    let evidence = run.finish(answered)?;
    evidence.check().any_sizes().unlogged(unanswered).run()
}
