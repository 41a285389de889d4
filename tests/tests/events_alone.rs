//! Proves the reference of [`crate::anatomy`] on Apache alone, without wsgiprobe:
//! mod_wsgi's events come once for each request, they and the access log agree on
//! when it began, and the application's own clock agrees on what it took. Prints
//! what the events' callbacks take, which is what they add to a request.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use harness::access_log::Entry;
use harness::accurate;
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::alone;
use harness::cases::{ALL, Case, THREADS, warm_up};
use harness::express::Express;
use harness::figures::Figures;
use harness::load::Seen;
use harness::measured::Measured;
use harness::reference::Event;
use harness::server::Server;

fn debian(mpm: Mpm, wsgi: Wsgi) -> Result<()> {
    let conf = Conf {
        events: true,
        threads: Some(THREADS),
        ..Conf::measured(mpm, wsgi)
    };
    alone(|| agree(&Apache::start(conf.clone())?, wsgi))
}

#[test]
fn event_daemon() -> Result<()> {
    debian(Mpm::Event, Wsgi::Daemon)
}

#[test]
fn prefork_embedded() -> Result<()> {
    debian(Mpm::Prefork, Wsgi::Embedded)
}

#[test]
fn express_daemon() -> Result<()> {
    alone(|| {
        agree(
            &Express::measured(Mpm::Event, Wsgi::Daemon, THREADS)?,
            Wsgi::Daemon,
        )
    })
}

#[test]
fn express_embedded() -> Result<()> {
    alone(|| {
        agree(
            &Express::measured(Mpm::Event, Wsgi::Embedded, THREADS)?,
            Wsgi::Embedded,
        )
    })
}

fn agree(server: &impl Server, wsgi: Wsgi) -> Result<()> {
    let mut count = warm_up(server)?;
    let mut runs = Vec::new();
    for case in ALL {
        runs.push((case, case.run(server)?));
        count += case.load.total();
    }
    let entries = server.settle(count)?;
    let logged: HashMap<&str, &Entry> = entries
        .iter()
        .filter_map(|entry| Some((entry.path.as_deref()?, entry)))
        .collect();
    for (case, seen) in runs {
        let events = case.events(server)?;
        show(&case, &events);
        let seen: HashMap<&str, &Seen> = seen.iter().map(|one| (one.path.as_str(), one)).collect();
        for event in &events {
            let entry = logged.get(event.path.as_str()).context("not logged")?;
            let seen = seen.get(event.path.as_str()).context("not sent")?;
            believable(event, entry, &Measured::of(&seen.response)?, wsgi)
                .with_context(|| format!("{event:?}, {entry:?}"))?;
        }
    }
    Ok(())
}

/// Both clocks are read a moment apart, and another thread may run in between.
const MOMENT_US: f64 = 1_000.0;

fn believable(event: &Event, entry: &Entry, said: &Measured, wsgi: Wsgi) -> Result<()> {
    ensure!(event.in_daemon() == (wsgi == Wsgi::Daemon), "the mode");
    // Not only close: both are Apache's `request_time`.
    ensure!(event.request_start == entry.start_us, "the begin");
    ensure!(event.server_us() >= 0.0 && event.queue_us().unwrap_or(0.0) >= 0.0);
    accurate!(
        event.whole_us() <= entry.duration_us as f64 + MOMENT_US,
        "longer than the request"
    );
    let (application, wall) = (event.application_us(), said.wall as f64 / 1000.0);
    ensure!(
        application >= wall,
        "the application took {wall:.0} us, mod_wsgi says {application:.0}"
    );
    let (rounded, exact) = (event.application_time * 1e6, application);
    ensure!((rounded - exact).abs() < 2.0, "{rounded} is not {exact}");
    Ok(())
}

fn show(case: &Case, events: &[Event]) {
    let figures =
        |of: fn(&Event) -> Option<f64>| -> Figures { events.iter().filter_map(of).collect() };
    let line = |name: &str, figures: Figures| {
        let at = |q| {
            figures
                .quantile(q)
                .map_or("-".to_owned(), |us| format!("{us:.0}"))
        };
        println!("  {name:<12} {:>9} {:>9} {:>9}", at(0.5), at(0.99), at(1.0));
    };
    println!(
        "{}: {} requests; median, p99, worst in us",
        case.name,
        events.len()
    );
    line("server", figures(|event| Some(event.server_us())));
    line("queue", figures(Event::queue_us));
    line("daemon", figures(Event::daemon_us));
    line("application", figures(|event| Some(event.application_us())));
    line(
        "cpu",
        figures(|event| Some((event.cpu_user_time? + event.cpu_system_time?) * 1e6)),
    );
    line(
        "gil wait",
        figures(|event| event.gil_wait_time.map(|s| s * 1e6)),
    );
    line(
        "callbacks",
        figures(|event| Some(event.callbacks_ns as f64 / 1000.0)),
    );
}
