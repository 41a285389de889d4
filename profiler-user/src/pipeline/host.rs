//! This host, and what this process costs it.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::system::uname;
use rustix::time::{ClockId, clock_gettime};

use crate::probe::{Cost, Memory};
use crate::summary::ProbeCost;

/// Wall clock, nanoseconds since the epoch.
pub(super) fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_nanos() as u64
}

/// What outputs call this host: a node by its name, as in a pod the host's is the pod's.
pub(super) fn called(node: Option<&str>) -> String {
    node.map_or_else(name, str::to_owned)
}

/// The host's name.
pub(super) fn name() -> String {
    uname().nodename().to_string_lossy().into_owned()
}

/// The kernel's release, e.g. `6.18.44`.
pub(super) fn kernel() -> String {
    uname().release().to_string_lossy().into_owned()
}

/// What this process has used so far, with the kernel side's share.
pub(super) fn cost(kernel: Cost, memory: Option<Memory>) -> ProbeCost {
    // Exact, unlike the ticks of /proc/self/stat.
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    ProbeCost {
        cpu_s: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
        rss_bytes: resident_bytes().unwrap_or_default(),
        bpf_runs: kernel.runs,
        bpf_ns: kernel.nanoseconds,
        kernel_bytes: memory.map(|memory| memory.now),
        kernel_bytes_max: memory.map(|memory| memory.most),
    }
}

fn resident_bytes() -> Option<u64> {
    let stat = procfs::process::Process::myself().ok()?.stat().ok()?;
    Some(stat.rss * procfs::page_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_itself() {
        let cost = cost(Cost::default(), None);
        assert!(cost.cpu_s > 0.0 && cost.rss_bytes > 100_000);
        assert!(kernel().contains('.') && !name().is_empty());
        assert_eq!(called(Some("node-1")), "node-1");
        assert_eq!(called(None), name());
    }
}
