//! Killed while it catches up: in the worst moment, when InfluxDB has taken what wsgiprobe
//! has no answer to.

use std::thread::sleep;

use anyhow::{Result, ensure};
use harness::apache::Apache;
use harness::backends::{self, Backend};
use harness::emulated::patiently;
use harness::influx::Influx;
use harness::load::Load;
use harness::server::Server;
use harness::wait;
use nix::sys::signal::Signal;

use super::gate::Gate;
use super::{
    BACKEND, DATABASE, SETTLED, account, all_there, caught_up, conf, nothing_lost, watch_at,
};

/// Writes are of 5 000 points at most: these are four.
const LOAD: Load = Load {
    clients: 4,
    requests: 4_200,
    kept: true,
};

/// Of these it hears that they were taken.
const HEARD: usize = 2;

fn killed(_: Backend) -> Result<()> {
    let mut influx = Influx::start()?;
    influx.create(DATABASE)?;
    let gate = Gate::before(influx.port())?;
    let spool = tempfile::tempdir()?;
    let apache = Apache::start(conf())?;
    let mut probe = watch_at(&apache, &gate.url(), spool.path())?;
    influx.kill()?;
    LOAD.run(&apache, |_| Ok(()))?;
    let entries = apache.settle(LOAD.total())?;
    sleep(patiently(SETTLED));
    gate.pass(HEARD);
    influx.start_again()?;
    wait::until("an answer to be withheld", || Ok(gate.withholds()))?;
    probe.signal(Signal::SIGKILL)?;
    probe.gone()?;
    let (before, total) = (stored(&influx, RAW)?, LOAD.total() as u64);
    println!("killed with {before} of {total} points there");
    ensure!(
        (1..total).contains(&before),
        "{before} of {total}: not amid"
    );

    gate.pass(usize::MAX);
    let probe = watch_at(&apache, &gate.url(), spool.path())?;
    caught_up(&influx, LOAD.total())?;
    let report = probe.finish()?;
    nothing_lost(&report)?;
    let line = account(&report)?;
    ensure!(line.contains("of an earlier run"), "{line}");
    // The second run has seen no request.
    let summed = stored(&influx, AGGREGATED)?;
    ensure!(
        summed == total,
        "{summed} requests in the aggregates of {total}"
    );
    all_there(&influx, &entries)
}

const RAW: &str = "SELECT COUNT(\"client.port\") AS n FROM \"http.server.request\"";
const AGGREGATED: &str = "SELECT SUM(\"requests\") AS n FROM \"http.server.request.duration\"";

fn stored(influx: &Influx, query: &str) -> Result<u64> {
    let rows = influx.query(DATABASE, query)?;
    let values = rows.column("n").unwrap_or_default();
    Ok(values.first().and_then(|value| value.as_u64()).unwrap_or(0))
}

#[test]
fn killed_while_it_catches_up() -> Result<()> {
    backends::run(BACKEND, killed)
}
