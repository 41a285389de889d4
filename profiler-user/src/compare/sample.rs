//! One measurement of one variant.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::access_log::AccessLog;
use super::figure::{Figure, Figures};
use super::interrupt::Interrupt;
use super::load::Outcome;
use super::others::Busy;
use super::probe::Probe;
use super::said::{self, Said};
use super::server::Server;
use super::usage;
use super::variant::{Plan, Variant};

/// What was measured.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Of the plan's variants.
    pub variant: usize,
    /// Counted from 1.
    pub round: usize,
    /// When the measurement began, since the begin of all.
    pub at: Duration,
    /// What the client saw.
    pub outcome: Outcome,
    /// What else was measured of it.
    pub figures: Figures<f64>,
    /// Requests sent, those of the warm-up among them: the next four are of these.
    pub sent: u64,
    /// Those of them that failed, or were answered with an error.
    pub failed: u64,
    /// Lines of the access log.
    pub logged: Option<u64>,
    /// What the instrument said.
    pub said: Option<Said>,
    /// What these requests took in the mean, as the client saw it, seconds.
    pub client_mean: Option<f64>,
    /// wsgiprobe's back end, if it was there.
    pub hooks: Option<String>,
    /// Share of the machine's CPUs that neither the server nor this took, 0 to 1.
    pub others: f64,
}

/// What a measurement needs.
pub struct Setup<'a> {
    /// What is to be done.
    pub plan: &'a Plan,
    /// Set once all is to end.
    pub interrupt: &'a Interrupt,
    /// When all began.
    pub began: Instant,
}

impl Setup<'_> {
    /// Starts the variant's server if it has one of its own, measures, and ends it.
    pub fn take(&self, number: usize, round: usize, logs: &Path) -> Result<Sample> {
        let variant = &self.plan.variants[number];
        fs::create_dir_all(logs).with_context(|| format!("creating {}", logs.display()))?;
        let mut server = self.server(variant, logs)?;
        let context = || format!("measuring {}", variant.name);
        let taken = self.measure(number, round, &mut server, logs);
        // Why it is down is more to the point than what that did.
        if taken.is_err() {
            self.interrupt.check()?;
            server.check().with_context(context)?;
        }
        taken.with_context(context)
    }

    fn server(&self, variant: &Variant, logs: &Path) -> Result<Server> {
        let Plan {
            url, headers, pids, ..
        } = self.plan;
        match &variant.server {
            None => Server::running(url, headers, pids),
            Some(command) => Server::start(variant, command, url, headers, logs, self.interrupt),
        }
    }

    fn measure(
        &self,
        number: usize,
        round: usize,
        server: &mut Server,
        logs: &Path,
    ) -> Result<Sample> {
        let Plan {
            load,
            warm_up,
            time,
            ..
        } = self.plan;
        let variant = &self.plan.variants[number];
        let log = variant.access_log.as_ref();
        let log = log.map(|path| AccessLog::from_its_end(server.placed(path).into()));
        let log = log.transpose()?;
        if variant.reports.is_some() {
            // What it says of the first request of all is not asked for.
            self.interrupt.sleep_until(Instant::now() + said::BATCH)?;
        }
        let from = said::now();
        let attach = || {
            let arguments = &self.plan.probe_arguments;
            Probe::attach(server.pids(), arguments, logs, self.interrupt)
        };
        let probe = variant.wsgiprobe.then(attach).transpose()?;

        let page = server.page().clone();
        let warm = load.run(&page, *warm_up, logs, self.interrupt)?;
        ensure!(
            warm.answered > 0,
            "{} answered nothing while it was warmed up",
            page.url()
        );
        let own = [std::process::id()];
        let probes: Vec<u32> = probe.iter().map(Probe::pid).collect();
        let groups = [server.pids(), &probes, &own];
        let at = self.began.elapsed();
        let busy = Busy::now()?;
        let (cpu, outcome) =
            usage::of_cpu(groups, || load.run(&page, *time, logs, self.interrupt))?;
        let [of_server, of_probe, of_own] = cpu;
        // What is started here descends from here, and is in it already.
        let elsewhere = if variant.server.is_none() {
            of_server
        } else {
            0
        };
        let others = busy.others(of_own + elsewhere)?;
        server.check()?;
        ensure!(outcome.answered > 0, "{} answered nothing", page.url());

        let server_memory = usage::of_memory(server.pids())?;
        let probe_memory = (!probes.is_empty())
            .then(|| usage::of_memory(&probes))
            .transpose()?;
        let account = probe
            .map(|probe| probe.finish(self.interrupt))
            .transpose()?;
        let sent = warm.sent + outcome.sent;
        let logged = log.map(|log| log.lines(sent)).transpose()?;
        let said = match (&account, &variant.reports) {
            (Some(account), _) => Some(Said {
                requests: account.reported,
                mean: account
                    .duration
                    .as_ref()
                    .map(|duration| duration.mean / 1e9),
            }),
            (None, Some(reports)) => Some(said::since(reports, from, sent)?),
            (None, None) => None,
        };

        let each = |ns: u64| Some(ns as f64 / 1e9 / outcome.answered as f64);
        let latency = &outcome.latency;
        let figures = Figures::of(|figure| match figure {
            Figure::Throughput => Some(outcome.throughput()),
            Figure::Mean => latency.mean(),
            Figure::P50 => latency.percentile(50.0),
            Figure::P90 => latency.percentile(90.0),
            Figure::P99 => latency.percentile(99.0),
            Figure::P999 => latency.percentile(99.9),
            Figure::Max => latency.percentile(100.0),
            Figure::ServerCpu => each(of_server),
            Figure::ProbeCpu => account.as_ref().and_then(|_| each(of_probe)),
            Figure::ServerMemory => Some(server_memory as f64),
            Figure::ProbeMemory => probe_memory.map(|bytes| bytes as f64),
        });
        Ok(Sample {
            variant: number,
            round,
            at,
            figures,
            sent,
            failed: warm.errors + outcome.errors,
            logged,
            said,
            client_mean: mean_of_both(&warm, &outcome),
            hooks: account.map(|account| account.hooks),
            others,
            outcome,
        })
    }
}

/// The mean over the requests of both.
fn mean_of_both(warm: &Outcome, outcome: &Outcome) -> Option<f64> {
    let sum = |of: &Outcome| Some(of.latency.mean()? * of.sent as f64);
    Some((sum(warm)? + sum(outcome)?) / (warm.sent + outcome.sent) as f64)
}
