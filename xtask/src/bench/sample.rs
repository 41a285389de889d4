//! One measurement: one variant, one server, one load.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::apache::Apache;
use super::bpf::Held;
use super::load::{Kind, Load, Outcome};
use super::probe::{Account, Probe};
use super::variant::{Mode, Variant};
use crate::interrupt::Interrupt;

/// Load before each measurement that counts for nothing: caches fill, threads wake
/// up, connections to InfluxDB open.
const WARM_UP: Duration = Duration::from_secs(1);

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Counted from 1; the same for all that is compared.
    pub round: usize,
    /// Where the application ran.
    pub mode: Mode,
    /// What kind of load it was.
    pub load: Kind,
    /// What was done to the server.
    pub variant: Variant,
    /// What the load saw.
    pub outcome: Outcome,
    /// CPU of Apache and its daemons for each request, nanoseconds.
    pub server_cpu: f64,
    /// wsgiprobe's side, if it was there.
    pub probe: Option<ProbeSample>,
}

/// What was measured of wsgiprobe.
#[derive(Clone, Debug, Serialize)]
pub struct ProbeSample {
    /// CPU of its process for each request, nanoseconds.
    pub cpu: f64,
    /// Resident memory after the load, bytes.
    pub rss: u64,
    /// The most it ever was, bytes.
    pub rss_peak: u64,
    /// In the kernel at the end. Runs and time are those under the load alone, and
    /// zero unless the kernel was asked to count them.
    pub held: Held,
    /// From the start of the process to being attached, milliseconds.
    pub start_ms: f64,
    /// Requests that Apache logged while it watched, warm-up included.
    pub logged: u64,
    /// Its own account.
    pub account: Account,
}

/// How to take samples.
pub struct Setup<'a> {
    /// wsgiprobe.
    pub binary: &'a Path,
    /// How long each one takes, without the warm-up.
    pub time: Duration,
    /// Set once all is to end.
    pub interrupt: &'a Interrupt,
}

impl Setup<'_> {
    /// Takes one. For wsgiprobe's variants it is attached before and ended after.
    pub fn take(
        &self,
        round: usize,
        mode: Mode,
        variant: Variant,
        apache: &Apache,
        load: &Load,
    ) -> Result<Sample> {
        let page = apache.page();
        let watched = match variant.hooks() {
            Some(hooks) => {
                let before = apache.logged()?;
                let probe = Probe::attach(self.binary, hooks, apache.pid(), self.interrupt)?;
                Some((probe, before))
            }
            None => None,
        };
        load.run(&page, WARM_UP, self.interrupt)?;

        let before = Used::so_far(apache, watched.as_ref().map(|(probe, _)| probe))?;
        let outcome = load.run(&page, self.time, self.interrupt)?;
        let after = Used::so_far(apache, watched.as_ref().map(|(probe, _)| probe))?;
        let each = |before: u64, after: u64| (after - before) as f64 / outcome.answered as f64;

        let probe = match watched {
            None => None,
            Some((probe, logged)) => {
                let (rss, rss_peak) = probe.memory()?;
                let start_ms = probe.start_time().as_secs_f64() * 1e3;
                let logged = apache.logged()? - logged;
                let account = probe.finish(self.interrupt)?;
                ensure!(
                    account.balanced,
                    "wsgiprobe's account does not add up: {account:?}"
                );
                Some(ProbeSample {
                    cpu: each(before.probe, after.probe),
                    rss,
                    rss_peak,
                    held: Held {
                        runs: after.held.runs - before.held.runs,
                        nanoseconds: after.held.nanoseconds - before.held.nanoseconds,
                        ..after.held
                    },
                    start_ms,
                    logged,
                    account,
                })
            }
        };
        Ok(Sample {
            round,
            mode,
            load: load.kind,
            variant,
            outcome,
            server_cpu: each(before.server, after.server),
            probe,
        })
    }
}

/// What was used up to a moment.
struct Used {
    server: u64,
    probe: u64,
    held: Held,
}

impl Used {
    fn so_far(apache: &Apache, probe: Option<&Probe>) -> Result<Self> {
        Ok(Self {
            server: apache.cpu()?,
            probe: probe.map_or(Ok(0), Probe::cpu)?,
            held: probe.map_or(Ok(Held::default()), Probe::held)?,
        })
    }
}
