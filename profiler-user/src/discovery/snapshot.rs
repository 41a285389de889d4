//! The process table at one moment.

use std::collections::{BTreeMap, HashSet};

use procfs::process::Stat;

/// A process, told apart from a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// Thread group id.
    pub pid: u32,
    /// Start time in clock ticks since boot (`/proc/PID/stat`, field 22).
    pub start: u64,
}

impl ProcessId {
    /// The process that has this number now.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        Process::read(pid).map(|process| process.id)
    }

    /// Whether it still runs; a zombie does not.
    #[must_use]
    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }
}

/// A running process.
#[derive(Clone, Debug)]
pub struct Process {
    /// Which one.
    pub id: ProcessId,
    /// Its parent.
    pub parent: u32,
    /// Its name: of the executable, at most 15 bytes (`comm`).
    pub name: String,
}

impl Process {
    /// Reads `/proc/PID/stat`; `None` if there is no such process (any more).
    #[must_use]
    pub fn read(pid: u32) -> Option<Self> {
        let process = procfs::process::Process::new(pid.try_into().ok()?).ok()?;
        Self::of(process.stat().ok()?)
    }

    /// The process that has these statistics; `None` if it has ended.
    #[must_use]
    pub fn of(stat: Stat) -> Option<Self> {
        // Zombie and dead: they serve nobody.
        if matches!(stat.state, 'Z' | 'X' | 'x') {
            return None;
        }
        Some(Self {
            id: ProcessId {
                pid: stat.pid.try_into().ok()?,
                start: stat.starttime,
            },
            parent: stat.ppid.try_into().ok()?,
            name: stat.comm,
        })
    }

    /// The first word of its command line, which a process may have rewritten;
    /// `None` where it has none or must not be read.
    #[must_use]
    pub fn title(&self) -> Option<String> {
        let process = procfs::process::Process::new(self.id.pid.try_into().ok()?).ok()?;
        process.cmdline().ok()?.into_iter().next()
    }
}

/// Every process that could be read, by number.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    processes: BTreeMap<u32, Process>,
}

impl Snapshot {
    /// Reads the table. Processes that end meanwhile are simply not in it.
    pub fn read() -> procfs::ProcResult<Self> {
        let processes = procfs::process::all_processes()?
            .filter_map(Result::ok)
            .filter_map(|process| process.stat().ok())
            .filter_map(Process::of);
        Ok(processes.collect())
    }

    /// That process.
    #[must_use]
    pub fn get(&self, pid: u32) -> Option<&Process> {
        self.processes.get(&pid)
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Process> {
        self.processes.values()
    }

    /// Its parent, grandparent and so on.
    pub fn ancestors(&self, pid: u32) -> impl Iterator<Item = &Process> {
        let mut seen = HashSet::from([pid]);
        let mut next = self.get(pid).map(|process| process.parent);
        std::iter::from_fn(move || {
            let process = self.get(next?)?;
            // A parent read before its number was reused could close a circle.
            next = seen.insert(process.id.pid).then_some(process.parent);
            next.map(|_| process)
        })
    }

    /// Its children, their children and so on, parents first.
    #[must_use]
    pub fn descendants(&self, pid: u32) -> Vec<&Process> {
        let mut seen = HashSet::from([pid]);
        let mut found: Vec<&Process> = Vec::new();
        loop {
            let before = found.len();
            let next = self
                .iter()
                .filter(|p| seen.contains(&p.parent) && !seen.contains(&p.id.pid));
            let next: Vec<_> = next.collect();
            seen.extend(next.iter().map(|p| p.id.pid));
            found.extend(next);
            if found.len() == before {
                return found;
            }
        }
    }

    /// What descends from these roots: each process with its root, parents first.
    #[must_use]
    pub fn families(&self, roots: &[u32]) -> Vec<(u32, u32)> {
        let roots: HashSet<u32> = roots.iter().copied().collect();
        let mut found: Vec<(usize, u32, u32)> = self
            .processes
            .keys()
            .filter(|pid| !roots.contains(pid))
            .filter_map(|&pid| {
                let mut above = self.ancestors(pid).map(|process| process.id.pid);
                let depth = above.position(|pid| roots.contains(&pid))?;
                let root = self.ancestors(pid).nth(depth)?.id.pid;
                Some((depth, pid, root))
            })
            .collect();
        found.sort_unstable();
        found
            .into_iter()
            .map(|(_, pid, root)| (pid, root))
            .collect()
    }

    /// Those of `processes` that do not descend from another of them.
    #[must_use]
    pub fn roots(&self, processes: &[ProcessId]) -> Vec<ProcessId> {
        let chosen: HashSet<u32> = processes.iter().map(|id| id.pid).collect();
        let mut roots = processes.to_vec();
        roots.retain(|id| !self.ancestors(id.pid).any(|a| chosen.contains(&a.id.pid)));
        roots.sort_unstable();
        roots.dedup();
        roots
    }
}

impl FromIterator<Process> for Snapshot {
    fn from_iter<I: IntoIterator<Item = Process>>(processes: I) -> Self {
        let processes = processes.into_iter().map(|p| (p.id.pid, p));
        Self {
            processes: processes.collect(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// A table of `(pid, parent, name)`.
    pub fn table(rows: &[(u32, u32, &str)]) -> Snapshot {
        rows.iter()
            .map(|&(pid, parent, name)| Process {
                id: ProcessId { pid, start: 1 },
                parent,
                name: name.to_owned(),
            })
            .collect()
    }

    fn pids<'a>(processes: impl IntoIterator<Item = &'a Process>) -> Vec<u32> {
        processes.into_iter().map(|p| p.id.pid).collect()
    }

    #[test]
    fn walks_the_family_both_ways() {
        let table = table(&[
            (1, 0, "init"),
            (5, 9, "c"),
            (7, 1, "a"),
            (9, 7, "b"),
            (8, 1, "d"),
        ]);
        assert_eq!(pids(table.descendants(7)), [9, 5]);
        assert_eq!(pids(table.ancestors(5)), [9, 7, 1]);
        assert_eq!(table.families(&[7, 8]), [(9, 7), (5, 7)]);
        let all: Vec<_> = [5, 8, 7].map(|pid| ProcessId { pid, start: 1 }).into();
        let roots: Vec<_> = table.roots(&all).iter().map(|id| id.pid).collect();
        assert_eq!(roots, [7, 8]);
    }

    #[test]
    fn a_circle_ends() {
        let table = table(&[(2, 3, "a"), (3, 2, "b")]);
        assert_eq!(pids(table.ancestors(2)), [3]);
        assert_eq!(pids(table.descendants(2)), [3]);
    }

    #[test]
    fn finds_real_children_and_their_end() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 60 & wait"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let id = ProcessId::of(child.id()).unwrap();
        let grandchild = loop {
            let table = Snapshot::read().unwrap();
            assert!(pids(table.descendants(std::process::id())).contains(&child.id()));
            let below = table.descendants(child.id());
            if let Some(process) = below.iter().find(|p| p.name == "sleep") {
                assert_eq!(process.title().as_deref(), Some("sleep"));
                break process.id;
            }
        };
        assert!(id.is_alive() && grandchild.is_alive());
        let reused = ProcessId {
            start: id.start + 1,
            ..id
        };
        assert!(!reused.is_alive(), "same number, other process");
        child.kill().unwrap();
        while id.is_alive() {}
        assert!(
            ProcessId::of(child.id()).is_none(),
            "a zombie is no process"
        );
        child.wait().unwrap();
        Command::new("kill")
            .arg(grandchild.pid.to_string())
            .status()
            .unwrap();
    }
}
