//! All cases at once, on 200 connections that are kept as long as they can be.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use fastrand::Rng;
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::client::{Client, Closed};
use harness::failures;
use harness::run::Run;
use harness::server::Server;

use super::cases::{ALL, Case, Turn};
use super::{duration, roomy, unanswered};

harness::on_each_backend!(event_daemon, prefork_embedded);

fn event_daemon(backend: Backend) -> Result<()> {
    let conf = Conf {
        sendfile: true,
        threads: Some(30),
        ..Conf::new(Mpm::Event, Wsgi::Daemon)
    };
    mixture(backend, roomy(conf), 200)
}

/// A process for each connection: fewer of them.
fn prefork_embedded(backend: Backend) -> Result<()> {
    let conf = Conf::new(Mpm::Prefork, Wsgi::Embedded)
        .directive("ServerLimit 50\nMaxRequestWorkers 50\nStartServers 50\nMaxSpareServers 50");
    mixture(backend, conf, 50)
}

fn mixture(backend: Backend, conf: Conf, clients: usize) -> Result<()> {
    let run = Run::start(backend, conf)?;
    let tally = Mixture {
        clients,
        duration: duration(),
    }
    .run(&run.apache)?;
    println!(
        "{:?}, {} idle connections closed",
        tally.cases, tally.closed_idle
    );
    failures::none(tally.failures)?;
    let began = Instant::now();
    let evidence = run.finish(tally.answered.len())?;
    println!("over after {:?}", began.elapsed());
    // What `%I` says of bodies that were not read, and of bytes looked at ahead in
    // a pipeline, is no truth; the tests of single cases compare sizes.
    evidence.check().any_sizes().unlogged(unanswered).run()
}

/// How much of everything.
pub struct Mixture {
    /// Connections at the same time.
    pub clients: usize,
    /// For how long.
    pub duration: Duration,
}

/// What became of it.
#[derive(Debug, Default)]
pub struct Tally {
    /// How often each case came to its end.
    pub cases: BTreeMap<&'static str, usize>,
    /// What went wrong.
    pub failures: Vec<Result<()>>,
    /// Ids of cases that were answered for certain, and so logged if the server lives.
    pub answered: Vec<String>,
    /// Kept connections that the server had closed by the next request: Apache does
    /// so when it is out of threads.
    pub closed_idle: usize,
}

impl Mixture {
    /// Runs it, whatever comes of it.
    pub fn run(&self, server: &impl Server) -> Result<Tally> {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let (ends, tally) = (Instant::now() + self.duration, Mutex::default());
        let (tally_of, server) = (&tally, &server);
        thread::scope(|scope| {
            let clients = (0..self.clients).map(|number| {
                let random = Rng::with_seed(seed ^ (number as u64) << 32);
                scope.spawn(move || one(*server, number, random, ends, tally_of))
            });
            let clients: Vec<_> = clients.collect();
            clients
                .into_iter()
                .try_for_each(|client| client.join().map_err(|_| anyhow!("a client panicked")))
        })?;
        Ok(tally.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One client, until the time is over.
fn one(server: &impl Server, number: usize, mut random: Rng, ends: Instant, tally: &Mutex<Tally>) {
    let (mut kept, mut count) = (None, 0);
    while Instant::now() < ends {
        let case = pick(&mut random);
        let id = format!("{}-{number}-{count}", case.0);
        count += 1;
        let was_kept = kept.is_some();
        let result = take(server, case, kept.take(), &id, &mut random);
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(connection) => {
                *tally.cases.entry(case.0).or_default() += 1;
                // Those that are not kept may not have been requests.
                if connection.is_some() {
                    tally.answered.push(id);
                }
                kept = connection;
            }
            Err(error) if was_kept && closed_idle(&error) => tally.closed_idle += 1,
            Err(error) => {
                tally.failures.push(Err(error));
                drop(tally);
                // A server that is being restarted is not to be hammered.
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

fn take(
    server: &impl Server,
    case: Case,
    kept: Option<Client>,
    id: &str,
    random: &mut Rng,
) -> Result<Option<Client>> {
    let client = kept.map_or_else(|| server.connect(), Ok);
    let turn = client.map(|client| Turn {
        client,
        id: id.to_owned(),
        random,
    });
    turn.and_then(case.2).with_context(|| id.to_owned())
}

/// Whether the server closed instead of answering at all.
fn closed_idle(error: &anyhow::Error) -> bool {
    let broken = error.downcast_ref().map(std::io::Error::kind);
    error.is::<Closed>()
        || matches!(
            broken,
            Some(ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected)
        )
}

/// One of all cases, as often as they weigh.
fn pick(random: &mut Rng) -> Case {
    let mut at = random.u32(0..ALL.iter().map(|case| case.1).sum());
    for case in ALL {
        match at.checked_sub(case.1) {
            Some(rest) => at = rest,
            None => return case,
        }
    }
    ALL[0]
}
