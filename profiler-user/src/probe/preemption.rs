//! Whether the kernel preempts programs: while it does, it leaves out runs of the same
//! program (docs/journal/2026-11-21-preempted-programs.md).

use std::sync::LazyLock;

use rustix::system::uname;

/// Whether programs on tracepoints are preempted, other than those that get the
/// tracepoint's record: since Linux 7 (`__bpf_trace_run` in `kernel/trace/bpf_trace.c`,
/// `include/trace/perf.h`). It shows nowhere but in the release.
pub fn of_tracepoints() -> bool {
    static OF_TRACEPOINTS: LazyLock<bool> =
        LazyLock::new(|| since_linux_7(&uname().release().to_string_lossy()));
    *OF_TRACEPOINTS
}

fn since_linux_7(release: &str) -> bool {
    let major = release.split('.').next().unwrap_or_default();
    major.parse::<u32>().map_or(true, |major| major >= 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_releases_apart() {
        assert!(since_linux_7("7.2.3-cloud-amd64"));
        assert!(!since_linux_7("6.18.44"));
        assert!(since_linux_7("what next"));
    }
}
