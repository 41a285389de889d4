//! What cannot be looked into, and which capability it would take.

use std::io::{self, ErrorKind};
use std::{fs, path::PathBuf};

use caps::{CapSet, Capability, CapsHashSet};

/// What a look into a process of somebody else takes: its descriptors and sockets, and
/// through its root the modules that it has mapped.
const LOOK: [Capability; 2] = [Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH];

/// What a uprobe takes (`perf_uprobe_event_init`, kernel/events/core.c).
const UPROBE: [Capability; 1] = [Capability::CAP_SYS_ADMIN];

/// What is not seen of that process, and why; `None` where all is.
#[must_use]
pub fn into_process(pid: u32) -> Option<String> {
    let refused = match descriptors(pid) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => error,
        _ => return None,
    };
    let missing = missing(&LOOK);
    Some(format!(
        "the ports of process {pid} cannot be told: {refused}{missing}; its connections are \
         taken up at their first read"
    ))
}

/// What to add to the kernel's refusal of a uprobe.
#[must_use]
pub fn uprobe(refusal: &str) -> String {
    if !refusal.contains("ermission denied") && !refusal.contains("not permitted") {
        return String::new();
    }
    // The module is reached through the process.
    missing(&[&LOOK[..], &UPROBE].concat())
}

/// Its descriptors, down to what one of them is.
fn descriptors(pid: u32) -> io::Result<()> {
    let folder = PathBuf::from(format!("/proc/{pid}/fd"));
    match fs::read_dir(folder)?.next() {
        Some(first) => fs::read_link(first?.path()).map(drop),
        None => Ok(()),
    }
}

fn missing(wanted: &[Capability]) -> String {
    let effective = caps::read(None, CapSet::Effective).unwrap_or_default();
    words(wanted, &effective)
}

fn words(wanted: &[Capability], effective: &CapsHashSet) -> String {
    let missing = wanted.iter().filter(|wanted| !effective.contains(wanted));
    let names: Vec<String> = missing.map(ToString::to_string).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!("; {one} is missing"),
        several => format!("; {} are missing", several.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_missing() {
        let have: CapsHashSet = [Capability::CAP_SYS_PTRACE].into_iter().collect();
        assert_eq!(words(&LOOK, &have), "; CAP_DAC_READ_SEARCH is missing");
        assert_eq!(
            words(&LOOK, &CapsHashSet::new()),
            "; CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH are missing"
        );
        assert_eq!(words(&LOOK, &LOOK.into_iter().collect()), "");
    }

    #[test]
    fn its_own_process_is_open() {
        assert_eq!(into_process(std::process::id()), None);
        assert_eq!(uprobe("no such symbol"), "");
    }
}
