//! Proves the CPU per request: summed over all requests it is what the kernel's own
//! account of the serving threads grew by, and a single request that burns a known
//! time has just that, on top of what a request costs that burns nothing.

use std::collections::HashSet;

use anyhow::{Context, Result, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::cases::{self, THREADS};
use harness::figures::Figures;
use harness::load::{Load, Seen};
use harness::measured::Measured;
use harness::probe::Report;
use harness::process::cpu_of_threads;
use harness::report::Request;
use harness::run::Run;
use harness::server::Server;

harness::on_each_backend!(alone: prefork_embedded, event_embedded, event_daemon);

fn prefork_embedded(backend: Backend) -> Result<()> {
    is_the_kernels(backend, Mpm::Prefork, Wsgi::Embedded)
}

fn event_embedded(backend: Backend) -> Result<()> {
    is_the_kernels(backend, Mpm::Event, Wsgi::Embedded)
}

fn event_daemon(backend: Backend) -> Result<()> {
    is_the_kernels(backend, Mpm::Event, Wsgi::Daemon)
}

/// A load, and the shares of the threads' CPU that its requests may have at least and
/// at most. A thread also works between requests: it waits for the next, writes the
/// log, closes the connection. And when a thread goes to sleep the kernel closes its
/// account before it looks for another to run, for some 2 us, which are booked here
/// as the thread's. To a request of 5 ms that is nothing, to one of 60 us it is much.
const LOADS: [(&str, usize, f64, f64); 2] =
    [("burn/5000", 50, 0.97, 1.03), ("hello/0", 400, 0.65, 1.10)];

/// Microseconds burnt by single requests. The first says what a request costs.
const BURNT: [u64; 4] = [0, 1_000, 5_000, 20_000];

fn is_the_kernels(backend: Backend, mpm: Mpm, wsgi: Wsgi) -> Result<()> {
    let conf = Conf {
        threads: Some(THREADS),
        ..Conf::measured(mpm, wsgi)
    };
    let run = Run::attach(backend, Apache::start(conf)?)?;
    let mut count = cases::warm_up(&run.apache)?;
    run.apache.settle(count)?;
    let mut before = cpu_of_threads(&run.apache.processes()?)?;
    let mut growths = Vec::new();
    for (route, requests, ..) in LOADS {
        let load = Load {
            clients: 2,
            requests,
            kept: true,
        };
        load.measure(&run.apache, &format!("/{route}/sum"), &[])?;
        count += load.total();
        run.apache.settle(count)?;
        let after = cpu_of_threads(&run.apache.processes()?)?;
        let grown = |(tid, cpu): (&u32, &u64)| (*tid, cpu - before.get(tid).unwrap_or(&0));
        growths.push(after.iter().map(grown).collect::<Vec<_>>());
        before = after;
    }
    let mut singles = Vec::new();
    for burnt in BURNT {
        let load = Load {
            clients: 1,
            requests: 20,
            kept: true,
        };
        let seen = load.measure(&run.apache, &format!("/burn/{burnt}/single"), &[])?;
        count += seen.len();
        singles.push((burnt, seen));
    }
    let evidence = run.finish(count)?;
    evidence.check().run()?;
    for ((route, _, least, most), growth) in LOADS.into_iter().zip(growths) {
        let share = share(&format!("/{route}/sum"), &growth, &evidence.report)?;
        ensure!(
            (least..=most).contains(&share),
            "{route}: {share:.3} of the kernel's account"
        );
    }
    evidence
        .report
        .requests
        .iter()
        .try_for_each(of_both_sides)?;
    single_requests(&singles, &evidence.report)
}

/// The whole is Apache's share and the daemon's.
fn of_both_sides(request: &Request) -> Result<()> {
    let cpu = request.known("cpu", request.cpu)?;
    let apache = request.known("cpu_apache", request.cpu_apache)?;
    let daemon = match request.daemon_pid {
        Some(_) => request.known("cpu_daemon", request.cpu_daemon)?,
        None => 0,
    };
    ensure!(
        cpu == apache + daemon,
        "{cpu} is not {apache} + {daemon}: {request:?}"
    );
    Ok(())
}

/// What the requests have of what their threads have, which is printed.
fn share(prefix: &str, growth: &[(u32, u64)], report: &Report) -> Result<f64> {
    let ours = |request: &&Request| {
        let path = request.path.as_deref();
        path.is_some_and(|path| path.starts_with(prefix))
    };
    let requests: Vec<&Request> = report.requests.iter().filter(ours).collect();
    let mut threads = HashSet::new();
    let mut sum = 0;
    for request in &requests {
        threads.insert(request.tid);
        threads.extend(request.daemon_tid);
        sum += request.known("cpu", request.cpu)?;
    }
    let of_threads = growth.iter().filter(|(tid, _)| threads.contains(tid));
    let kernels: u64 = of_threads.map(|(_, cpu)| cpu).sum();
    ensure!(
        kernels > 0,
        "no thread of {threads:?} is known to the kernel"
    );
    let share = sum as f64 / kernels as f64;
    println!(
        "{prefix}: {} requests have {:.3} ms CPU, their {} threads {:.3}: {:.1} %",
        requests.len(),
        sum as f64 / 1e6,
        threads.len(),
        kernels as f64 / 1e6,
        share * 100.0
    );
    Ok(share)
}

/// Of single requests: 2 %, or 30 us, in the median. The tail is printed: what a
/// request costs besides what it burns depends on what is in the caches.
fn single_requests(singles: &[(u64, Vec<Seen>)], report: &Report) -> Result<()> {
    let mut base = None;
    for (burnt, seen) in singles {
        let mut beyond = Vec::new();
        for one in seen {
            let cpu = report.only(&one.path)?;
            let cpu = cpu.known("cpu", cpu.cpu)? as f64;
            beyond.push((cpu - Measured::of(&one.response)?.cpu as f64) / 1000.0);
        }
        let beyond: Figures = beyond.into_iter().collect();
        let median = beyond.median().context("no request")?;
        let base = *base.get_or_insert(median);
        let (least, most) = (beyond.quantile(0.0), beyond.quantile(1.0));
        println!(
            "{burnt} us burnt: {:+.1} us beyond that and the base of {base:.1} (least {:.1?}, most \
             {:.1?})",
            median - base,
            least.map(|us| us - base),
            most.map(|us| us - base)
        );
        let allowed = (*burnt as f64 * 0.02).max(30.0);
        ensure!(
            (median - base).abs() <= allowed,
            "{burnt} us were burnt, and {:+.1} us more than by a request that burns nothing",
            median - base
        );
    }
    Ok(())
}
