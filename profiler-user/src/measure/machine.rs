//! The machine, and what else went on there.

use std::fs;

use anyhow::{Context as _, Result};
use procfs::process::all_processes;
use serde::Serialize;

/// Load of the last minute, a CPU, from which on figures are not to be trusted.
const BUSY: f64 = 0.25;

/// Share of the time that the hypervisor may keep for others.
const STEAL: f64 = 0.01;

/// What was there before the first measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The kernel's release.
    pub kernel: String,
    /// The processor's name.
    pub cpu: String,
    /// CPUs that may be used.
    pub cpus: usize,
    /// Mean number of runnable threads in the minute before.
    pub load: f64,
    /// Other wsgiprobes that ran then: their programs run for everybody.
    pub wsgiprobes: usize,
    #[serde(skip)]
    before: Ticks,
}

/// CPU time of the whole machine, clock ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    total: u64,
    stolen: u64,
}

impl Machine {
    /// Looks at it.
    pub fn look() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).with_context(|| format!("reading {path}"));
        let load = read("/proc/loadavg")?;
        Ok(Self {
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            cpu: model(&read("/proc/cpuinfo")?),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            load: first_figure(&load).context("/proc/loadavg has no figure")?,
            wsgiprobes: wsgiprobes()?,
            before: Ticks::parse(&read("/proc/stat")?).context("/proc/stat has no first line")?,
        })
    }

    /// Share of the time since then that the hypervisor gave to other machines.
    pub fn stolen(&self) -> Result<f64> {
        let now = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
        let now = Ticks::parse(&now).context("/proc/stat has no first line")?;
        let total = now.total.saturating_sub(self.before.total).max(1);
        Ok(now.stolen.saturating_sub(self.before.stolen) as f64 / total as f64)
    }

    /// What speaks against a measurement here and now.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let Self {
            load,
            cpus,
            wsgiprobes,
            ..
        } = self;
        let mut complaints = Vec::new();
        if load / *cpus as f64 > BUSY {
            complaints.push(format!(
                "this machine is busy with something else: load {load} on {cpus} CPUs before the start"
            ));
        }
        if *wsgiprobes > 0 {
            complaints.push(format!(
                "{wsgiprobes} other wsgiprobe runs here, at the cost of all"
            ));
        }
        complaints
    }

    /// The same, of what was seen at the end.
    #[must_use]
    pub fn complaint_of_steal(stolen: f64) -> Option<String> {
        (stolen > STEAL).then(|| {
            let percent = stolen * 100.0;
            format!("the hypervisor gave {percent:.1} % of the time to others")
        })
    }

    /// For the head of a table.
    #[must_use]
    pub fn line(&self) -> String {
        let Self {
            kernel,
            cpu,
            cpus,
            load,
            ..
        } = self;
        format!("{cpu}, {cpus} CPUs, Linux {kernel}, load {load} before the start")
    }
}

impl Ticks {
    /// Of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal. The
    /// two behind them, guests, are in the first two already.
    fn parse(stat: &str) -> Option<Self> {
        let figures = stat.lines().next()?.strip_prefix("cpu ")?;
        let figures: Vec<u64> = figures
            .split_whitespace()
            .take(8)
            .map_while(|figure| figure.parse().ok())
            .collect();
        Some(Self {
            total: figures.iter().sum(),
            stolen: *figures.get(7)?,
        })
    }
}

/// Processes of that name, beside this one.
fn wsgiprobes() -> Result<usize> {
    let processes = all_processes().context("listing processes")?;
    let others = processes.filter_map(|process| process.ok()?.stat().ok());
    let own = std::process::id() as i32;
    Ok(others
        .filter(|stat| stat.pid != own && stat.comm == "wsgiprobe")
        .count())
}

fn first_figure(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

fn model(cpuinfo: &str) -> String {
    let mut fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let model = fields.find(|(name, _)| name.trim() == "model name");
    model
        .map_or("unknown processor", |(_, name)| name.trim())
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_the_eighth_figure() {
        let stat = "cpu  1163987 41732 469642 2905228 22384 0 8665 1618 5 6\ncpu0 1 2\n";
        let expected = Ticks {
            total: 4_613_256,
            stolen: 1618,
        };
        assert_eq!(Ticks::parse(stat), Some(expected));
        assert_eq!(Ticks::parse("intr 1 2\n"), None);
        assert_eq!(Ticks::parse("cpu  1 2 3\n"), None);
    }

    #[test]
    fn a_busy_machine_is_complained_of() {
        let mut machine = Machine::look().unwrap();
        machine.cpus = 2;
        machine.load = 0.4;
        machine.wsgiprobes = 0;
        assert!(machine.complaints().is_empty());
        machine.load = 3.0;
        machine.wsgiprobes = 1;
        let complaints = machine.complaints();
        assert!(complaints[0].contains("load 3 on 2 CPUs"), "{complaints:?}");
        assert!(
            complaints[1].contains("1 other wsgiprobe"),
            "{complaints:?}"
        );
        assert_eq!(Machine::complaint_of_steal(0.001), None);
        assert!(Machine::complaint_of_steal(0.05).is_some());
    }

    #[test]
    fn the_processor_has_a_name() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n\nprocessor\t: 1\n";
        assert_eq!(model(cpuinfo), "Some CPU @ 2 GHz");
        assert_eq!(model(""), "unknown processor");
    }
}
