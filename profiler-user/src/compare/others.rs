//! What else the machine did meanwhile.

use std::time::Instant;

use anyhow::{Context as _, Result};
use procfs::{CurrentSI as _, KernelStats};

/// CPU time of the whole machine up to a moment.
pub struct Busy {
    ns: u64,
    at: Instant,
}

impl Busy {
    /// Up to now.
    pub fn now() -> Result<Self> {
        let total = KernelStats::current().context("reading /proc/stat")?.total;
        let ticks = total.user
            + total.nice
            + total.system
            + total.irq.unwrap_or(0)
            + total.softirq.unwrap_or(0);
        Ok(Self {
            ns: ticks * 1_000_000_000 / procfs::ticks_per_second(),
            at: Instant::now(),
        })
    }

    /// Share of all CPUs since then that was used beside these nanoseconds, 0 to 1. The
    /// kernel counts in ticks, so some hundredths are nothing.
    pub fn others(&self, known_ns: u64) -> Result<f64> {
        let now = Self::now()?;
        let used = now.ns.saturating_sub(self.ns);
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let all = (now.at - self.at).as_nanos() as f64 * cpus as f64;
        Ok(used.saturating_sub(known_ns) as f64 / all)
    }
}

/// Governors that leave a CPU at one speed.
const STEADY: [&str; 2] = ["performance", "userspace"];

/// What the machine says of its CPUs' speed, if that is not steady.
#[must_use]
pub fn complaint_of_scaling() -> Option<String> {
    let path = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    let governor = std::fs::read_to_string(path).ok()?;
    let governor = governor.trim();
    (!STEADY.contains(&governor)).then(|| {
        format!(
            "CPU frequency scaling is on (governor {governor}): the CPUs' speed depends on \
             their load; for steadier figures: cpupower frequency-set -g performance"
        )
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn shares_are_shares() {
        let busy = Busy::now().unwrap();
        std::thread::sleep(Duration::from_millis(200));
        let others = busy.others(0).unwrap();
        // Ticks of 10 ms: a busy machine may seem to do a little more than it can.
        assert!((0.0..1.5).contains(&others), "{others}");
        assert!(busy.others(u64::MAX).unwrap() < f64::EPSILON);
    }
}
