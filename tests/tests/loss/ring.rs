//! The ring buffer: of one page, and of a consumer that does nothing for a while.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::apache::{Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::load::Load;
use nix::sys::signal::Signal;

use super::{balances, start, told, warned};

harness::on_each_backend!(
    one_page_embedded,
    one_page_daemon,
    stopped_embedded,
    stopped_daemon
);

const BURST: Load = Load {
    clients: 4,
    requests: 50,
    kept: true,
};

fn one_page_embedded(backend: Backend) -> Result<()> {
    one_page(backend, Wsgi::Embedded)
}

fn one_page_daemon(backend: Backend) -> Result<()> {
    one_page(backend, Wsgi::Daemon)
}

/// A burst that nobody reads, and one while it is read.
fn one_page(backend: Backend, wsgi: Wsgi) -> Result<()> {
    let run = start(
        backend,
        Conf::new(Mpm::Event, wsgi),
        &["--ring-size", "4KiB"],
    )?;
    run.probe.signal(Signal::SIGSTOP)?;
    BURST.run(&run.apache, |_| Ok(()))?;
    run.probe.signal(Signal::SIGCONT)?;
    BURST.run(&run.apache, |_| Ok(()))?;
    warned(&run, "ring_full")?;
    let evidence = run.finish(2 * BURST.total())?;
    balances(&evidence, 0)?;
    let lost = evidence.report.summary.total_lost();
    // A record has 400 bytes and more: ten of them fill a page. The last of each client
    // may be made when it has its answer already, and the burst is over.
    let kept = 10 + BURST.clients as u64;
    ensure!(lost >= BURST.total() as u64 - kept, "only {lost} lost");
    told(&evidence, "ring_full", lost, "--ring-size")
}

fn stopped_embedded(backend: Backend) -> Result<()> {
    stopped(backend, Wsgi::Embedded)
}

fn stopped_daemon(backend: Backend) -> Result<()> {
    stopped(backend, Wsgi::Daemon)
}

/// The consumer stops for five seconds under load, and goes on.
fn stopped(backend: Backend, wsgi: Wsgi) -> Result<()> {
    let run = start(
        backend,
        Conf::new(Mpm::Event, wsgi),
        &["--ring-size", "64KiB"],
    )?;
    let probe = &run.probe;
    let before = BURST.total();
    BURST.run(&run.apache, |_| Ok(()))?;
    probe.signal(Signal::SIGSTOP)?;
    let began = std::time::Instant::now();
    let mut bursts = 0;
    while began.elapsed() < Duration::from_secs(5) {
        BURST.run(&run.apache, |_| Ok(()))?;
        bursts += 1;
        sleep(Duration::from_millis(200));
    }
    probe.signal(Signal::SIGCONT)?;
    BURST.run(&run.apache, |_| Ok(()))?;
    warned(&run, "ring_full")?;
    let total = before + (bursts + 1) * BURST.total();
    let evidence = run.finish(total)?;
    balances(&evidence, 0)?;
    let lost = evidence.report.summary.total_lost();
    ensure!(lost > 0, "64 KiB took {bursts} bursts");
    told(&evidence, "ring_full", lost, "--ring-size")
}
