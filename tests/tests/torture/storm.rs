//! The same while processes come and go: children that are replaced after 20
//! connections, graceful and hard restarts, daemons that are restarted by a touch.
//!
//! Clients are cut off here, which is no fault of anybody's; a hard restart kills
//! threads between the answer and its entry in the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::emulated::emulated;
use harness::report::{Outcome, Request};
use harness::run::Run;

use super::mixture::{Mixture, Tally};
use super::{duration, roomy, unanswered};

harness::on_each_backend!(recycled, graceful, touched, hard);

/// Between two blows.
const PAUSE: Duration = Duration::from_millis(1500);

/// At the same time.
const CLIENTS: usize = 40;

fn event(connections_per_child: u32) -> Conf {
    roomy(Conf {
        connections_per_child,
        ..Conf::new(Mpm::Event, Wsgi::Daemon)
    })
}

fn recycled(backend: Backend) -> Result<()> {
    // Children that are on their way out hold a place each.
    let run = Run::start(backend, event(20).directive("ServerLimit 24"))?;
    let tally = stormed(&run.apache, |_| Ok(()))?;
    finish(run, &tally, unanswered)
}

fn graceful(backend: Backend) -> Result<()> {
    let run = Run::start(backend, event(0))?;
    let tally = stormed(&run.apache, Apache::restart_gracefully)?;
    finish(run, &tally, unanswered)
}

fn touched(backend: Backend) -> Result<()> {
    let run = Run::start(backend, event(0))?;
    let tally = stormed(&run.apache, Apache::touch_script)?;
    finish(run, &tally, unanswered)
}

fn hard(backend: Backend) -> Result<()> {
    let run = Run::start(backend, event(0))?;
    let tally = stormed(&run.apache, Apache::restart_hard)?;
    finish(run, &tally, cut_off)
}

/// A request over which the server was killed: unanswered, answered in part, or
/// answered and not logged any more. What Apache logs must be there all the same.
fn cut_off(request: &Request) -> bool {
    unanswered(request) || request.outcome != Outcome::Ok || request.status.is_some()
}

fn finish(run: Run, tally: &Tally, unlogged: fn(&Request) -> bool) -> Result<()> {
    println!("{:?}, {} failed", tally.cases, tally.failures.len());
    for failure in tally.failures.iter().take(5) {
        println!("a client was cut off: {failure:?}");
    }
    let done: usize = tally.cases.values().sum();
    ensure!(
        done > tally.failures.len(),
        "{done} done, {} not",
        tally.failures.len()
    );
    let evidence = run.finish(1)?;
    evidence.check().any_sizes().unlogged(unlogged).run()
}

/// Runs the mixture, with blows in the meantime.
fn stormed(apache: &Apache, blow: fn(&Apache) -> Result<()>) -> Result<Tally> {
    let over = AtomicBool::new(false);
    // There a restart alone takes seconds.
    let pause = if emulated() { PAUSE * 4 } else { PAUSE };
    thread::scope(|scope| {
        let blows = scope.spawn(|| {
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                sleep(pause);
                blow(apache)?;
                count += 1;
            }
            Ok::<_, anyhow::Error>(count)
        });
        let tally = Mixture {
            clients: CLIENTS,
            duration: duration(),
        }
        .run(apache);
        over.store(true, Ordering::Relaxed);
        let count = blows.join().map_err(|_| anyhow!("a panic"))??;
        println!("{count} blows");
        tally
    })
}
