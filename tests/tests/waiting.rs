//! Proves that what a request waited for shows under its own name and at the right
//! size: locks, the GIL, a real Redis and a real Postgres, a file that is not in
//! memory, sleep, and cores that others keep busy. The application measures each
//! wait with its thread's own clocks. CPU and waits together are the time that the
//! thread was taken.

mod slow_clients;

use std::fs::File;

use anyhow::{Context, Result};
use harness::accurate;
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::busy::BusyCores;
use harness::cases::{self, THREADS};
use harness::failures;
use harness::figures::Figures;
use harness::load::{Load, Seen};
use harness::measured::Measured;
use harness::probe::Report;
use harness::report::Request;
use harness::report::parts::CAUSES;
use harness::run::Run;
use harness::server::Server;
use harness::stores::{Postgres, Redis};

harness::on_each_backend!(alone: embedded, daemon);

/// What a route waits for.
struct Kind {
    /// For `measured.wsgi`.
    route: &'static str,
    /// The name of most of its waiting.
    cause: &'static str,
    /// What it has to wait for to show anything, milliseconds.
    least_ms: f64,
    clients: usize,
    requests: usize,
    /// Cores that others keep busy meanwhile.
    busy: bool,
}

const fn kind(route: &'static str, cause: &'static str) -> Kind {
    Kind {
        route,
        cause,
        least_ms: 20.0,
        clients: 1,
        requests: 10,
        busy: false,
    }
}

const KINDS: [Kind; 8] = [
    kind("sleep/20", "sleep"),
    kind("lock/20", "lock"),
    kind("redis/20", "upstream"),
    kind("redis-client/20", "upstream"),
    kind("postgres/20", "upstream"),
    Kind {
        least_ms: 2.0,
        ..kind("disk/300", "disk")
    },
    // One of four has the GIL, the others wait for it.
    Kind {
        clients: 4,
        least_ms: 5.0,
        requests: 5,
        ..kind("burn/10000", "lock")
    },
    Kind {
        busy: true,
        least_ms: 5.0,
        ..kind("burn/20000", "runqueue")
    },
];

fn embedded(backend: Backend) -> Result<()> {
    each_under_its_name(backend, Wsgi::Embedded)
}

fn daemon(backend: Backend) -> Result<()> {
    each_under_its_name(backend, Wsgi::Daemon)
}

fn each_under_its_name(backend: Backend, wsgi: Wsgi) -> Result<()> {
    let (redis, postgres) = (Redis::start()?, Postgres::start()?);
    let socket = redis.socket();
    let conf = Conf {
        threads: Some(THREADS),
        ..Conf::measured(Mpm::Event, wsgi)
    };
    let conf = conf
        .env("REDIS_PORT", &redis.port().to_string())
        .env(
            "REDIS_SOCKET",
            socket.to_str().context("the socket's path")?,
        )
        .env("POSTGRES", &postgres.address());
    let run = Run::attach(backend, Apache::start(conf)?)?;
    // A dirty page cannot be dropped from the cache.
    File::open(run.apache.site().path("static/big.bin"))?.sync_all()?;

    let mut count = cases::warm_up(&run.apache)?;
    let mut runs = Vec::new();
    for kind in &KINDS {
        let (first, seen) = kind.run(&run.apache)?;
        count += first + seen.len();
        let truth = kind.truth(&seen)?;
        println!("{}: the application waited {truth:.3} ms", kind.name());
        runs.push((kind, seen, truth));
    }
    let evidence = run.finish(count)?;
    evidence.check().run()?;
    let report = &evidence.report;
    let mut results = Vec::new();
    for (kind, seen, truth) in runs {
        results.extend(kind.judge(&seen, truth, report)?);
    }
    results.push(accounts_for_all(&report.requests));
    failures::none(results)
}

impl Kind {
    fn name(&self) -> String {
        self.route.replace('/', "-") + if self.busy { "-busy" } else { "" }
    }

    /// The answers of the requests that count. Before them each thread connects and
    /// imports what it needs, in as many requests as are returned.
    fn run(&self, server: &impl Server) -> Result<(usize, Vec<Seen>)> {
        let path = format!("/{}/{}", self.route, self.name());
        let mut load = Load {
            clients: THREADS as usize,
            requests: 2,
            kept: false,
        };
        load.measure(server, &format!("{path}-first"), &[])?;
        let first = load.total();
        let _busy = self.busy.then(BusyCores::start).transpose()?;
        load = Load {
            clients: self.clients,
            requests: self.requests,
            kept: true,
        };
        Ok((first, load.measure(server, &path, &[])?))
    }

    /// What the application's thread waited, milliseconds; not too little to show
    /// anything. For the GIL it waits even before it is the application's, so there
    /// the client's time is taken, of which nearly all is this thread's.
    fn truth(&self, seen: &[Seen]) -> Result<f64> {
        let waited = |one: &Seen| {
            let said = Measured::of(&one.response)?;
            let took = one.took.as_nanos() as u64;
            let waited = if self.clients > 1 {
                took - said.cpu
            } else {
                said.waited()
            };
            Ok(waited as f64 / 1e6)
        };
        let waited: Figures = seen.iter().map(waited).collect::<Result<_>>()?;
        let truth = waited.median().context("no request")?;
        accurate!(
            truth > self.least_ms,
            "{} waited only {truth:.3} ms",
            self.name()
        );
        Ok(truth)
    }

    /// One verdict for each cause.
    fn judge(&self, seen: &[Seen], truth: f64, report: &Report) -> Result<Vec<Result<()>>> {
        let median = |cause: &&'static str| -> Result<(&'static str, f64)> {
            let found = |one: &Seen| report.only(&one.path)?.waits()?.of(cause);
            let found = seen.iter().map(|one| Ok(found(one)? as f64 / 1e6));
            let found = found.collect::<Result<Figures>>()?;
            Ok((cause, found.median().context("no request")?))
        };
        let medians = CAUSES.iter().map(median).collect::<Result<Vec<_>>>()?;
        println!("{}: {truth:.3} ms; medians {medians:.3?}", self.name());
        let verdict = |(cause, found): (&str, f64)| {
            let expected = if cause == self.cause { truth } else { 0.0 };
            let allowed = self.allowed(cause, truth);
            accurate!(
                (found - expected).abs() <= allowed,
                "{}: {cause} {found:.3} ms instead of {expected:.3} (+-{allowed:.3})",
                self.name()
            );
            Ok(())
        };
        Ok(medians.into_iter().map(verdict).collect())
    }

    /// How far a median may be off, milliseconds.
    fn allowed(&self, cause: &str, truth: f64) -> f64 {
        // What the application cannot see of itself, and the rounding of its clocks.
        let little = 0.3 + truth * 0.02;
        match cause {
            // Whoever gets the GIL has to get a core next, and two cores are shared
            // by four threads and their clients.
            "lock" | "runqueue" if self.clients > 1 => 3.0 + truth * 0.3,
            // On the way to the disk and back it is others' turn.
            "disk" | "runqueue" | "other" if self.cause == "disk" => 0.5 + truth * 0.3,
            // The application sees two clocks that are read one after the other, with
            // a time slice in between now and then.
            "runqueue" if self.busy => 5.0 + truth * 0.1,
            // A busy core is shared in slices of some milliseconds also when the
            // request is read and answered.
            _ if self.busy => 5.0,
            "runqueue" => 2.0,
            _ => little,
        }
    }
}

/// CPU and waits are the wall time of the thread that was taken: within 1 %, or what
/// two looks at the clock are apart. On top of that come what the thread did since its
/// last request, and in daemon mode the waits of Apache's thread, which may be queueing
/// for a core all the while.
fn accounts_for_all(requests: &[Request]) -> Result<()> {
    let mut between = Vec::new();
    for request in requests {
        let busy = request.known("busy_time", request.busy_time)?;
        let allowed = (busy / 100).max(20_000);
        let (cpu, apache) = match request.daemon_tid {
            Some(_) => (
                request.known("cpu_daemon", request.cpu_daemon)?,
                request.known("duration", request.duration)?,
            ),
            None => (request.known("cpu", request.cpu)?, 0),
        };
        let sum = cpu + request.waits()?.total()?;
        accurate!(
            (busy.saturating_sub(allowed)..=busy + allowed + apache + STALL).contains(&sum),
            "cpu and waits are {sum} ns, the thread was taken for {busy}: {request:?}"
        );
        between.push(sum.saturating_sub(busy + allowed + apache) as f64);
    }
    let between: Figures = between.into_iter().collect();
    let most = between.quantile(0.98).context("no request")?;
    println!("between requests, ns: {between:.0?}");
    accurate!(
        most <= BETWEEN_REQUESTS,
        "between requests {most} ns: {between:?}"
    );
    Ok(())
}

/// What a thread does between requests, nanoseconds, in all but one of fifty: its first
/// leaves more to clean up than any later one, 0.3 ms seen.
const BETWEEN_REQUESTS: f64 = 1e6;

/// The same if the machine stands still meanwhile, which counts as CPU: 2.3 ms seen. No
/// more than a request has to burn here, and less than most have to wait for.
const STALL: u64 = 10_000_000;
