//! Proves the CPU per request: summed over all requests it is what the kernel's own
//! account of the serving threads grew by, and a single request that burns a known
//! time has just that, on top of what a request costs that burns nothing.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use harness::accurate;
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::cases::{self, THREADS};
use harness::client::Response;
use harness::figures::Figures;
use harness::load::Load;
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
/// at most: all of it, since what a thread does between two requests is the next one's.
const LOADS: [(&str, usize, f64, f64); 2] =
    [("burn/5000", 50, 0.99, 1.01), ("hello/0", 400, 0.97, 1.03)];

/// Microseconds burnt by single requests.
const BURNT: [u64; 4] = [0, 1_000, 5_000, 20_000];
/// Of each.
const SINGLES: usize = 10;

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
    let singles = singles(&run.apache)?;
    count += singles.len();
    let evidence = run.finish(count)?;
    evidence.check().run()?;
    for ((route, _, least, most), growth) in LOADS.into_iter().zip(growths) {
        let share = share(&format!("/{route}/sum"), &growth, &evidence.report)?;
        accurate!(
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

/// A request on its own, and what every thread of the server used meanwhile.
struct Single {
    burnt: u64,
    path: String,
    response: Response,
    growth: HashMap<u32, u64>,
}

/// One after the other, on one connection; the threads rest in between.
fn singles(apache: &Apache) -> Result<Vec<Single>> {
    let processes = apache.processes()?;
    let mut client = apache.connect()?;
    let mut before = cpu_of_threads(&processes)?;
    let mut singles = Vec::new();
    for burnt in BURNT {
        for number in 0..SINGLES {
            let path = format!("/burn/{burnt}/single/{number}");
            let response = client.get(&path)?;
            let after = cpu_of_threads(&processes)?;
            let grown = |(tid, cpu): (&u32, &u64)| (*tid, cpu - before.get(tid).unwrap_or(&0));
            singles.push(Single {
                burnt,
                path,
                response,
                growth: after.iter().map(grown).collect(),
            });
            before = after;
        }
    }
    Ok(singles)
}

/// Each has what the kernel says that its threads used, within 2 % or 30 us, or 5 % where
/// a request that burns little takes long: what they did after the one before counts here,
/// and what they do after it does not. And each has what the application burnt, and a
/// little more.
fn single_requests(singles: &[Single], report: &Report) -> Result<()> {
    for burnt in BURNT {
        let (mut apart, mut beyond) = (Vec::new(), Vec::new());
        let mut all = Vec::new();
        for single in singles.iter().filter(|single| single.burnt == burnt) {
            let request = report.only(&single.path)?;
            let cpu = request.known("cpu", request.cpu)? as f64 / 1000.0;
            let threads = [Some(request.tid), request.daemon_tid];
            let used = threads
                .iter()
                .flatten()
                .filter_map(|tid| single.growth.get(tid));
            all.push(cpu);
            apart.push(cpu - used.sum::<u64>() as f64 / 1000.0);
            beyond.push(cpu - Measured::of(&single.response)?.cpu as f64 / 1000.0);
        }
        let (apart, beyond): (Figures, Figures) =
            (apart.into_iter().collect(), beyond.into_iter().collect());
        let known = |figures: &Figures, q| figures.quantile(q).context("no request");
        let median = known(&apart, 0.5)?;
        println!(
            "{burnt} us burnt: {median:+.1} us from the kernel's account in the median ({:+.1} \
             to {:+.1}), {:.1} us beyond what was burnt ({:.1} to {:.1})",
            known(&apart, 0.0)?,
            known(&apart, 1.0)?,
            known(&beyond, 0.5)?,
            known(&beyond, 0.0)?,
            known(&beyond, 1.0)?,
        );
        let all: Figures = all.into_iter().collect();
        let little = known(&all, 0.5)? - burnt as f64;
        let allowed = (burnt as f64 * 0.02).max(30.0).max(little * 0.05);
        accurate!(
            median.abs() <= allowed,
            "{burnt} us were burnt: {median:+.1} us from the kernel's account"
        );
        // Where a hypervisor takes the processor in the middle of one, that has as much too
        // much as the next has too little.
        accurate!(
            known(&beyond, 0.1)? >= 0.0,
            "{burnt} us were burnt, and a tenth of the requests has less"
        );
    }
    Ok(())
}
