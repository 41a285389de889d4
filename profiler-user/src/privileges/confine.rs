//! Giving up what is not needed any more.

use std::fmt::Write as _;

use caps::{CapSet, Capability, CapsHashSet};
use seccompiler::{BpfProgram, apply_filter_all_threads};

use super::filter;

/// What a run does after the attach that takes privileges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Servers may come that were not there at the attach: a probe is set in a module
    /// that is new then.
    pub later_modules: bool,
    /// The maps cannot be reached by their descriptors alone.
    pub maps: bool,
    /// For the outputs.
    pub outputs: OutputNeeds,
}

/// What outputs do after the attach that others do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputNeeds {
    /// Files are created and renamed: one rotates.
    pub new_files: bool,
    /// Files that are open are written at any place, and cut.
    pub spool: bool,
    /// Clients connect to one.
    pub serves: bool,
}

/// What is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confined {
    /// Effective capabilities.
    pub capabilities: Vec<String>,
    /// What could not be given up, and why.
    pub failures: Vec<String>,
}

impl Confined {
    /// For the line at the start.
    #[must_use]
    pub fn words(&self) -> String {
        if self.capabilities.is_empty() {
            return "no capabilities".into();
        }
        self.capabilities.join(" ")
    }
}

/// Keeps what the needs take, of what there is: capabilities in this thread and those
/// that it starts, and system calls in all threads. None of it can be undone.
pub fn confine(needs: Needs) -> Confined {
    let mut confined = Confined::default();
    if let Err(why) = keep(&kept(needs)) {
        confined.failures.push(format!("capabilities: {why}"));
    }
    let left = caps::read(None, CapSet::Effective).unwrap_or_default();
    confined.capabilities = left.iter().map(ToString::to_string).collect();
    confined.capabilities.sort_unstable();
    if let Err(why) = filter::programs(needs).and_then(|programs| apply(&programs)) {
        confined.failures.push(format!("system calls: {why}"));
    }
    confined
}

/// Gives up all capabilities of this thread: for one that only writes what it is given.
pub fn renounce() {
    // What it may do then is less than before, or as much.
    let _ = keep(&CapsHashSet::new());
}

fn kept(needs: Needs) -> CapsHashSet {
    // Descriptors, sockets and memory maps of processes of other users.
    let mut kept = vec![Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH];
    if needs.maps || needs.later_modules {
        kept.push(Capability::CAP_BPF);
    }
    if needs.later_modules {
        // The latter is what the kernel asks of a uprobe.
        kept.extend([Capability::CAP_PERFMON, Capability::CAP_SYS_ADMIN]);
    }
    kept.into_iter().collect()
}

fn keep(kept: &CapsHashSet) -> Result<(), String> {
    let explain = |error: caps::errors::CapsError| error.to_string();
    let permitted = caps::read(None, CapSet::Permitted).map_err(explain)?;
    let effective = caps::read(None, CapSet::Effective).map_err(explain)?;
    if effective.contains(&Capability::CAP_SETPCAP) {
        let bounding = caps::read(None, CapSet::Bounding).map_err(explain)?;
        for gone in bounding.difference(kept) {
            caps::drop(None, CapSet::Bounding, *gone).map_err(explain)?;
        }
    }
    let ambient = caps::read(None, CapSet::Ambient).map_err(explain)?;
    for gone in ambient {
        caps::drop(None, CapSet::Ambient, gone).map_err(explain)?;
    }
    let none = CapsHashSet::new();
    let left: CapsHashSet = permitted.intersection(kept).copied().collect();
    let working: CapsHashSet = effective.intersection(&left).copied().collect();
    // In this order: each is a subset of the next.
    caps::set(None, CapSet::Inheritable, &none).map_err(explain)?;
    caps::set(None, CapSet::Effective, &working).map_err(explain)?;
    caps::set(None, CapSet::Permitted, &left).map_err(explain)
}

/// In all threads at once; sets `no_new_privs` as well.
fn apply(programs: &[BpfProgram]) -> Result<(), String> {
    programs.iter().try_for_each(|program| {
        apply_filter_all_threads(program).map_err(|error| {
            let mut text = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                // Writing to a String does not fail.
                let _ = write!(text, ": {source}");
            }
            text
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(later_modules: bool, maps: bool) -> Vec<String> {
        let kept = kept(Needs {
            later_modules,
            maps,
            outputs: OutputNeeds::default(),
        });
        let mut names: Vec<String> = kept.iter().map(ToString::to_string).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn keeps_what_is_needed() {
        let look = ["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"];
        assert_eq!(names(false, false), look);
        assert!(names(false, true).contains(&"CAP_BPF".into()));
        assert!(names(true, false).contains(&"CAP_SYS_ADMIN".into()));
    }

    #[test]
    fn a_thread_gives_up_its_own() {
        let left = std::thread::spawn(|| {
            renounce();
            let sets = [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable];
            sets.map(|set| caps::read(None, set).unwrap().len())
        });
        assert_eq!(left.join().unwrap(), [0; 3]);
    }
}
