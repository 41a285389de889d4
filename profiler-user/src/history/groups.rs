//! The servers: each mod_wsgi daemon group, Apache, others, and wsgiprobe itself.

use serde::Serialize;

use crate::pool::{Kind, Pool, Process, Snapshot};
use crate::summary::ProbeCost;

/// Groups kept apart; those that come later are in the last.
pub const MAX_GROUPS: usize = 12;

/// Bytes of a name that are kept.
const MAX_NAME: usize = 64;

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// `daemon`, `apache`, `other` or `wsgiprobe`.
    pub kind: &'static str,
    /// mod_wsgi's name of a daemon group, where known.
    pub name: String,
}

/// A group within a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cell {
    /// Which.
    #[serde(rename = "i")]
    pub group: u8,
    /// Its processes.
    #[serde(rename = "p")]
    pub processes: u16,
    /// Threads that can serve; `None` where that is not known of all.
    #[serde(rename = "t")]
    pub threads: Option<u16>,
    /// Threads at a request at the end.
    #[serde(rename = "b")]
    pub busy: u16,
    /// Thread time used of that which there was, 0 to 1.
    #[serde(rename = "u")]
    pub used: Option<f32>,
    /// How long all threads were busy, of the process where it was longest: ms.
    #[serde(rename = "f")]
    pub full_ms: Option<u32>,
    /// CPU time used, in cores.
    #[serde(rename = "c")]
    pub cpu: Option<f32>,
    /// Resident memory, bytes; the most where steps were joined.
    #[serde(rename = "m")]
    pub rss: u64,
}

impl Cell {
    /// Adds the step that comes next; both lengths are in one unit.
    pub(super) fn join(&mut self, next: &Self, (mine, theirs): (f64, f64)) {
        let mean = |a: Option<f32>, b: Option<f32>| match (a, b) {
            (Some(a), Some(b)) if mine + theirs > 0.0 => {
                Some(((f64::from(a) * mine + f64::from(b) * theirs) / (mine + theirs)) as f32)
            }
            (a, b) => a.or(b),
        };
        self.processes = self.processes.max(next.processes);
        self.threads = self.threads.max(next.threads);
        self.busy = self.busy.max(next.busy);
        self.used = mean(self.used, next.used);
        self.full_ms = match (self.full_ms, next.full_ms) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        self.cpu = mean(self.cpu, next.cpu);
        self.rss = self.rss.max(next.rss);
    }
}

/// Names groups, and sums their processes up.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    known: Vec<Group>,
    /// CPU time of wsgiprobe up to the step before, seconds.
    own_cpu: Option<f64>,
}

/// A group under way.
#[derive(Default)]
struct Sum {
    cell: Cell,
    used_ns: u128,
    available_ns: u128,
    opaque: bool,
    pools: bool,
}

impl Groups {
    /// All so far; cells refer to them by place.
    #[must_use]
    pub fn known(&self) -> &[Group] {
        &self.known
    }

    /// The groups of a window that lasted `seconds`.
    pub fn cells(&mut self, snapshot: &Snapshot, cost: &ProbeCost, seconds: f64) -> Vec<Cell> {
        let mut sums: Vec<(u8, Sum)> = Vec::new();
        for pool in &snapshot.pools {
            // An Apache that hands all to daemons has a pool as well.
            sum(
                &mut sums,
                self.place(pool.kind, pool.process_group.as_deref()),
            )
            .pool(pool);
        }
        for process in &snapshot.processes {
            let pool = snapshot.pool(process.pid);
            let name = pool.and_then(|pool| pool.process_group.as_deref());
            sum(&mut sums, self.place(process.kind, name)).process(process);
        }
        let mut cells: Vec<Cell> = sums
            .into_iter()
            .map(|(group, sum)| Cell {
                group,
                ..sum.finish()
            })
            .collect();
        let used = self.own_cpu.map(|before| (cost.cpu_s - before).max(0.0));
        self.own_cpu = Some(cost.cpu_s);
        if cost.rss_bytes > 0 {
            cells.push(Cell {
                group: self.of("wsgiprobe", ""),
                processes: 1,
                cpu: used
                    .filter(|_| seconds > 0.02)
                    .map(|used| (used / seconds) as f32),
                rss: cost.rss_bytes,
                ..Cell::default()
            });
        }
        cells
    }

    fn place(&mut self, kind: Kind, name: Option<&str>) -> u8 {
        match kind {
            Kind::Daemon => self.of("daemon", name.unwrap_or_default()),
            Kind::Apache => self.of("apache", ""),
            Kind::Other => self.of("other", ""),
        }
    }

    fn of(&mut self, kind: &'static str, name: &str) -> u8 {
        let name = &name[..name.floor_char_boundary(MAX_NAME)];
        let is = |group: &Group| group.kind == kind && group.name == name;
        let place = self.known.iter().position(is).unwrap_or_else(|| {
            if self.known.len() < MAX_GROUPS {
                self.known.push(Group {
                    kind,
                    name: name.into(),
                });
            }
            self.known.len() - 1
        });
        place as u8
    }
}

fn sum(sums: &mut Vec<(u8, Sum)>, group: u8) -> &mut Sum {
    let place = sums.iter().position(|(known, _)| *known == group);
    let place = place.unwrap_or_else(|| {
        sums.push((group, Sum::default()));
        sums.len() - 1
    });
    &mut sums[place].1
}

impl Sum {
    fn pool(&mut self, pool: &Pool) {
        self.pools = true;
        self.cell.busy = self.cell.busy.saturating_add(narrow(pool.busy));
        match pool.threads {
            Some(threads) => {
                let all = self
                    .cell
                    .threads
                    .unwrap_or(0)
                    .saturating_add(narrow(threads));
                self.cell.threads = Some(all);
                self.used_ns += u128::from(pool.busy_ns);
                self.available_ns += u128::from(threads) * u128::from(pool.length_ns);
            }
            None => self.opaque = true,
        }
        let full_ms = pool.full_ns.map(|ns| narrow_ms(ns / 1_000_000));
        self.cell.full_ms = self.cell.full_ms.max(full_ms);
    }

    fn process(&mut self, process: &Process) {
        self.cell.processes = self.cell.processes.saturating_add(1);
        self.cell.rss = self.cell.rss.saturating_add(process.rss);
        if let Some(cpu) = process.cpu.filter(|cpu| cpu.elapsed > 0.0) {
            let cores = ((cpu.user + cpu.system) / cpu.elapsed) as f32;
            self.cell.cpu = Some(self.cell.cpu.unwrap_or(0.0) + cores);
        }
    }

    fn finish(mut self) -> Cell {
        if self.opaque {
            self.cell.threads = None;
        } else if self.pools && self.available_ns > 0 {
            let used = self.used_ns as f64 / self.available_ns as f64;
            self.cell.used = Some(used.min(1.0) as f32);
        }
        self.cell
    }
}

fn narrow(count: u32) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

fn narrow_ms(ms: u64) -> u32 {
    u32::try_from(ms).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Cpu;

    fn process(pid: u32, kind: Kind) -> Process {
        Process {
            pid,
            kind,
            name: "apache2".into(),
            cpu: Some(Cpu {
                user: 0.25,
                system: 0.25,
                elapsed: 1.0,
            }),
            rss: 1 << 20,
            max_rss: None,
            threads: 4,
        }
    }

    fn pool(pid: u32, group: &str, threads: Option<u32>) -> Pool {
        Pool {
            pid,
            kind: Kind::Daemon,
            process_group: Some(group.into()),
            threads,
            started: 1,
            busy: 1,
            busy_ns: 500_000_000,
            full_ns: Some(3_000_000),
            requests: 1,
            length_ns: 1_000_000_000,
        }
    }

    #[test]
    fn processes_of_a_group_add_up() {
        let mut groups = Groups::default();
        let snapshot = Snapshot {
            pools: vec![pool(1, "app", Some(2)), pool(2, "app", Some(2))],
            processes: vec![
                process(1, Kind::Daemon),
                process(2, Kind::Daemon),
                process(3, Kind::Apache),
            ],
            ..Snapshot::default()
        };
        let cost = ProbeCost {
            cpu_s: 1.0,
            rss_bytes: 9,
            ..ProbeCost::default()
        };
        let cells = groups.cells(&snapshot, &cost, 1.0);
        let kinds: Vec<_> = groups.known().iter().map(|group| group.kind).collect();
        assert_eq!(kinds, ["daemon", "apache", "wsgiprobe"]);
        let app = cells[0];
        assert_eq!((app.threads, app.busy, app.processes), (Some(4), 2, 2));
        assert_eq!(
            (app.used, app.cpu, app.full_ms),
            (Some(0.25), Some(1.0), Some(3))
        );
        assert_eq!((cells[1].threads, cells[2].cpu), (None, None));
        let later = ProbeCost { cpu_s: 1.5, ..cost };
        assert_eq!(groups.cells(&snapshot, &later, 1.0)[2].cpu, Some(0.5));
    }

    #[test]
    fn what_is_not_known_of_one_is_not_known() {
        let snapshot = Snapshot {
            pools: vec![pool(1, "app", Some(2)), pool(2, "app", None)],
            ..Snapshot::default()
        };
        let cells = Groups::default().cells(&snapshot, &ProbeCost::default(), 1.0);
        assert_eq!((cells[0].threads, cells[0].used), (None, None));
    }

    #[test]
    fn there_are_so_many_groups_and_no_more() {
        let mut groups = Groups::default();
        let names: Vec<String> = (0..30).map(|n| format!("{n}{}", "é".repeat(90))).collect();
        let pools = names.iter().enumerate();
        let snapshot = Snapshot {
            pools: pools
                .map(|(n, name)| pool(n as u32, name, Some(1)))
                .collect(),
            ..Snapshot::default()
        };
        let cells = groups.cells(&snapshot, &ProbeCost::default(), 1.0);
        assert_eq!(
            (groups.known().len(), cells.len()),
            (MAX_GROUPS, MAX_GROUPS)
        );
        assert_eq!(
            cells.iter().map(|cell| u32::from(cell.busy)).sum::<u32>(),
            30
        );
        assert!(
            groups
                .known()
                .iter()
                .all(|group| group.name.len() <= MAX_NAME)
        );
    }
}
