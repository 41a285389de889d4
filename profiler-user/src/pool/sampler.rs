//! CPU time and memory of the watched processes, from `/proc`.
//!
//! The kernel hands out CPU time in ticks of 10 ms (`sysconf(_SC_CLK_TCK)`, 100 a
//! second on Linux): over one second a figure is right to one or two percent of a
//! core. What a process used after the last look before it ended is in no figure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use procfs::process::Stat;

use super::Kind;
use super::roles::Roles;
use crate::discovery;

/// Processes looked at per interval: some 8 ms (seen: 1.9 ms for 50). With more of
/// them, they take turns, and their CPU time spans several intervals.
pub const AT_ONCE: usize = 200;

/// No CPU time is told of a shorter stretch, such as the last of a run: one tick more
/// or less would be half a core. It counts in the next.
const SHORTEST: Duration = Duration::from_millis(20);

/// What a process has used and uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// It.
    pub pid: u32,
    /// What it does.
    pub kind: Kind,
    /// Its name: of the executable, at most 15 bytes.
    pub name: String,
    /// User and system CPU time since the look before; `None` at the first, or if that
    /// was only just.
    pub cpu: Option<Cpu>,
    /// Resident memory, bytes.
    pub rss: u64,
    /// The most that it ever was (`VmHWM`), bytes.
    pub max_rss: Option<u64>,
    /// Threads of any kind.
    pub threads: u32,
}

/// CPU time used in a stretch of time: seconds, in steps of 0.01.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cpu {
    /// In user mode.
    pub user: f64,
    /// In the kernel.
    pub system: f64,
    /// Length of the stretch.
    pub elapsed: f64,
}

/// The last look at a process.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// Start of the process, ticks since boot: tells it from a later one.
    start: u64,
    user: u64,
    system: u64,
    at: Instant,
}

/// Looks at processes.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    last: BTreeMap<u32, Look>,
    /// When the last round was, and which processes there were.
    round: Option<Instant>,
    /// The first process of the next turn.
    next: u32,
}

impl Sampler {
    /// The processes of `watched` that live, by number; of more than 200 only
    /// those whose turn it is.
    pub(super) fn sample(&mut self, watched: &[u32], roles: &mut Roles) -> Vec<Process> {
        let now = Instant::now();
        let mut watched = watched.to_vec();
        watched.sort_unstable();
        self.last
            .retain(|pid, _| watched.binary_search(pid).is_ok());
        let turn = self.turn(watched);
        let processes = turn
            .into_iter()
            .filter_map(|pid| self.look(pid, now, roles));
        let processes = processes.collect();
        self.round = Some(now);
        processes
    }

    /// Whose turn it is, in order.
    fn turn(&mut self, mut watched: Vec<u32>) -> Vec<u32> {
        if watched.len() <= AT_ONCE {
            return watched;
        }
        let first = watched.partition_point(|pid| *pid < self.next) % watched.len();
        watched.rotate_left(first);
        self.next = watched[AT_ONCE];
        watched.truncate(AT_ONCE);
        watched.sort_unstable();
        watched
    }

    fn look(&mut self, pid: u32, now: Instant, roles: &mut Roles) -> Option<Process> {
        let process = procfs::process::Process::new(pid.try_into().ok()?).ok()?;
        let stat = process.stat().ok()?;
        let status = process.status().ok()?;
        let cpu = self.cpu(pid, &stat, now);
        let rss = stat.rss * procfs::page_size();
        let threads = u32::try_from(stat.num_threads).unwrap_or_default();
        let process = discovery::Process::of(stat)?;
        Some(Process {
            pid,
            kind: roles.look(&process),
            name: process.name,
            cpu,
            rss,
            max_rss: status.vmhwm.map(|kib| kib * 1024),
            threads,
        })
    }

    fn cpu(&mut self, pid: u32, stat: &Stat, now: Instant) -> Option<Cpu> {
        let look = Look {
            start: stat.starttime,
            user: stat.utime,
            system: stat.stime,
            at: now,
        };
        let before = match self.last.get(&pid) {
            Some(before) if before.start == look.start => Some(*before),
            // Forked since the last round, from a process that was watched: all of
            // its time falls into this one.
            _ => self
                .round
                .filter(|at| started_since(*at, now, look.start))
                .map(|at| Look {
                    user: 0,
                    system: 0,
                    at,
                    ..look
                }),
        };
        let is_long = before.is_none_or(|before| now - before.at >= SHORTEST);
        self.last
            .insert(pid, before.filter(|_| !is_long).unwrap_or(look));
        let before = before.filter(|_| is_long)?;
        let seconds = |now: u64, before: u64| {
            now.saturating_sub(before) as f64 / procfs::ticks_per_second() as f64
        };
        Some(Cpu {
            user: seconds(look.user, before.user),
            system: seconds(look.system, before.system),
            elapsed: (now - before.at).as_secs_f64(),
        })
    }
}

/// Whether what started at `start`, ticks since boot, did so after `since`.
fn started_since(since: Instant, now: Instant, start: u64) -> bool {
    let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let uptime = uptime.tv_sec as f64 + uptime.tv_nsec as f64 / 1e9;
    let age = uptime - start as f64 / procfs::ticks_per_second() as f64;
    age <= (now - since).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_came_in_between_counts_from_its_start() {
        let (mut sampler, mut roles) = (Sampler::default(), Roles::default());
        let me = std::process::id();
        let first = sampler.sample(&[me], &mut roles);
        assert_eq!((first[0].pid, first[0].cpu), (me, None));
        assert!(first[0].rss > 100_000 && first[0].max_rss >= Some(first[0].rss / 2));
        assert_eq!(sampler.sample(&[me], &mut roles)[0].cpu, None, "only just");
        std::thread::sleep(SHORTEST);
        let mut child = Command::new("sh")
            .args([
                "-c",
                "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo; sleep 60",
            ])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        let second = sampler.sample(&[child.id(), me], &mut roles);
        let cpu = |pid| {
            let mut found = second.iter().filter(|process| process.pid == pid);
            found.next().and_then(|process| process.cpu).unwrap()
        };
        let (mine, its) = (cpu(me), cpu(child.id()));
        assert!(mine.elapsed >= 0.02 && its.elapsed <= mine.elapsed);
        assert!(its.user >= 0.01 && its.user <= its.elapsed, "{its:?}");
        assert_eq!(first[0].kind, Kind::Other);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(sampler.sample(&[child.id()], &mut roles), []);
    }

    #[test]
    fn too_many_take_turns() {
        let mut sampler = Sampler::default();
        let all: Vec<u32> = (1..=500).collect();
        let mut seen = Vec::new();
        for _ in 0..5 {
            let turn = sampler.turn(all.clone());
            assert_eq!(turn.len(), AT_ONCE);
            seen.extend(turn);
        }
        seen.sort_unstable();
        let twice: Vec<u32> = all.iter().flat_map(|pid| [*pid, *pid]).collect();
        assert_eq!(seen, twice);
        assert_eq!(sampler.turn(vec![4, 2]), [4, 2]);
    }
}
