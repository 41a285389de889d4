//! What to do about a refusal of the kernel's that its error does not explain.

use std::fs;

use bytesize::ByteSize;
use caps::{CapSet, Capability};
use rustix::process::{Resource, getrlimit};

/// What to add when it makes no map, for want of permission.
#[must_use]
pub fn of_a_map() -> String {
    if super::check().is_err() {
        return ": CAP_BPF and CAP_PERFMON are needed, run as root".to_owned();
    }
    let limit = getrlimit(Resource::Memlock).current;
    limit.map_or_else(String::new, memory_limit)
}

/// Memory of maps counted against it until 5.11 (`bpf_charge_memlock` in
/// `kernel/bpf/syscall.c`), root's too.
fn memory_limit(bytes: u64) -> String {
    format!(
        ": before Linux 5.11 maps count against RLIMIT_MEMLOCK, which is {} here; raise it \
         (`ulimit -l unlimited`, or `LimitMEMLOCK=infinity` of a unit), or grant \
         CAP_SYS_RESOURCE",
        ByteSize(bytes)
    )
}

/// What to add when it opens no perf event, for want of permission.
#[must_use]
pub fn of_a_perf_event() -> String {
    let level = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid");
    let level = level.ok().and_then(|level| level.trim().parse().ok());
    let is_admin = caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_ADMIN);
    match level {
        Some(level) if !is_admin.unwrap_or(false) => paranoid(level),
        _ => String::new(),
    }
}

/// More than the kernel itself knows: a check that Debian adds, and not only it, which
/// `CAP_PERFMON` does not pass.
fn paranoid(level: i32) -> String {
    if level <= 2 {
        return String::new();
    }
    format!(
        ": kernel.perf_event_paranoid is {level}, so CAP_SYS_ADMIN is needed; or \
         `sysctl kernel.perf_event_paranoid=2`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_to_do() {
        let text = memory_limit(65536);
        assert!(
            text.contains("is 64.0 KiB here") && text.contains("ulimit"),
            "{text}"
        );
        assert!(paranoid(3).contains("is 3, so CAP_SYS_ADMIN"));
        assert_eq!(paranoid(2), "");
    }
}
