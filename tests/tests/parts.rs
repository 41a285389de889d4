//! Proves that nothing of a request's time is missing or counted twice: the parts
//! of `duration` add up to it, and with the wait before the first read they add up
//! to what the client saw, even where most of that is waiting.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::accurate;
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::cases::{self, Case, QUEUE, THREADS};
use harness::failures;
use harness::figures::Figures;
use harness::load::Seen;
use harness::report::Request;
use harness::run::Run;

harness::on_each_backend!(alone: event_daemon, event_embedded, prefork_daemon);

fn event_daemon(backend: Backend) -> Result<()> {
    everything_adds_up(backend, Mpm::Event, Wsgi::Daemon)
}

fn event_embedded(backend: Backend) -> Result<()> {
    everything_adds_up(backend, Mpm::Event, Wsgi::Embedded)
}

fn prefork_daemon(backend: Backend) -> Result<()> {
    everything_adds_up(backend, Mpm::Prefork, Wsgi::Daemon)
}

fn everything_adds_up(backend: Backend, mpm: Mpm, wsgi: Wsgi) -> Result<()> {
    let conf = Conf {
        threads: Some(THREADS),
        ..Conf::measured(mpm, wsgi)
    };
    let run = Run::attach(backend, Apache::start(conf)?)?;
    let mut count = cases::warm_up(&run.apache)?;
    let mut queued = Vec::new();
    for case in cases::ALL {
        let seen = case.run(&run.apache)?;
        count += seen.len();
        if case.name == QUEUE.name {
            queued = seen;
        }
    }
    let evidence = run.finish(count)?;
    evidence.check().run()?;
    let requests = &evidence.report.requests;
    let parts = cases::ALL.map(|case| parts_cover(&case, requests));
    let whole = client_saw_it_all(&queued, requests);
    failures::none(parts.into_iter().chain([whole]))
}

/// How far the parts may be from the whole: 1 %, or the microseconds that hooks
/// take one after the other.
fn allowed(duration: u64) -> u64 {
    (duration / 100).max(50_000)
}

fn parts_cover(case: &Case, requests: &[Request]) -> Result<()> {
    let prefix = case.prefix();
    let of_case = requests.iter().filter(|request| {
        let path = request.path.as_deref();
        path.is_some_and(|path| path.starts_with(&prefix))
    });
    let mut missing = Vec::new();
    for request in of_case {
        let duration = request.known("duration", request.duration)?;
        let (sum, allowed) = (request.sum_of_parts()?, allowed(duration));
        accurate!(
            sum + allowed >= duration,
            "{sum} ns of {duration} are explained: {request:?}"
        );
        // An application that goes on after the last write is longer than `duration`.
        accurate!(
            sum <= duration + allowed || request.send_time == Some(0),
            "{sum} ns are explained, of only {duration}: {request:?}"
        );
        missing.push((duration as f64 - sum as f64) / 1000.0);
    }
    ensure!(
        missing.len() == case.load.total(),
        "{} of {}",
        missing.len(),
        case.name
    );
    let missing: Figures = missing.into_iter().collect();
    let (median, sizes) = (missing.median(), missing.sizes());
    println!(
        "{}: duration - sum of its parts: median {median:.1?} us, p99 {:.1?}, worst {:.1?}",
        case.name,
        sizes.quantile(0.99),
        sizes.quantile(1.0)
    );
    Ok(())
}

/// How much longer a client may see its request, all in all: 1 %.
const NETWORK: f64 = 0.01;

fn client_saw_it_all(seen: &[Seen], requests: &[Request]) -> Result<()> {
    let by_path: HashMap<&str, &Request> = requests
        .iter()
        .filter_map(|request| Some((request.path.as_deref()?, request)))
        .collect();
    let (mut clients, mut ours, mut waited) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut network = Vec::new();
    for one in seen {
        let request = by_path.get(one.path.as_str()).context("not reported")?;
        let wait = request.known("accept_wait", request.accept_wait)?;
        let read = request.known("read_time", request.read_time)?;
        let duration = request.known("duration", request.duration)?;
        ensure!(read < duration, "the head took {read} ns: {request:?}");
        let told = Duration::from_nanos(wait + duration);
        network.push((one.took.as_secs_f64() - told.as_secs_f64()) * 1e6);
        waited += Duration::from_nanos(wait + request.queue_time.unwrap_or(0));
        clients += one.took;
        ours += told;
    }
    let network: Figures = network.into_iter().collect();
    println!(
        "{} requests: clients saw {clients:.3?}, accept_wait + duration {ours:.3?}, of which queues \
         {waited:.3?}; the rest: median {:.0?} us, p99 {:.0?}, worst {:.0?}",
        seen.len(),
        network.median(),
        network.quantile(0.99),
        network.quantile(1.0)
    );
    let rest = (clients.as_secs_f64() - ours.as_secs_f64()) / clients.as_secs_f64();
    // A client is told before the server's call returns: slightly less is possible.
    accurate!(
        (-NETWORK / 10.0..NETWORK).contains(&rest),
        "{:.2} % is nowhere",
        rest * 100.0
    );
    accurate!(waited > clients / 2, "no queue: the case shows nothing");
    Ok(())
}
