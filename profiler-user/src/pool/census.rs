//! How many threads a pool has, from `/proc`.
//!
//! Reading the threads of a process takes two small files each, so it is done only
//! when there is something new: another number of threads, or another thread that
//! has served.

use std::collections::{BTreeMap, BTreeSet};

use procfs::process::{Process, Syscall};

use super::Kind;
use super::workers::{self, State, Thread};

/// Looks at a pool, at the ends of as many intervals, until one tells all.
const LOOKS: u32 = 5;

/// Threads read at a time, over all processes: some 6 ms (seen: 24 µs each). Those
/// of further processes are read at the ends of the next intervals; until then their
/// number is what it was, or not known.
const THREADS_AT_ONCE: u32 = 256;

/// What was found of a process, and when it is worth another look.
#[derive(Debug)]
struct Known {
    threads: u32,
    serving: BTreeSet<u32>,
    looks: u32,
    workers: Option<u32>,
    /// Asked for since [`Census::begin`].
    asked: bool,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Census {
    known: BTreeMap<u32, Known>,
    read: u32,
}

impl Census {
    /// Begins a round.
    pub(super) fn begin(&mut self) {
        self.read = 0;
        for known in self.known.values_mut() {
            known.asked = false;
        }
    }

    /// Ends it: processes that were not asked for are forgotten.
    pub(super) fn end(&mut self) {
        self.known.retain(|_, known| known.asked);
    }

    /// Threads of the pool of `pid`, which has that many `threads` in all (`None`
    /// where not known) and of which these have served.
    pub(super) fn workers(
        &mut self,
        pid: u32,
        kind: Kind,
        threads: Option<u32>,
        serving: &BTreeSet<u32>,
    ) -> Option<u32> {
        let known = self.known.entry(pid).or_insert(Known {
            threads: 0,
            serving: BTreeSet::new(),
            looks: 0,
            workers: None,
            asked: true,
        });
        known.asked = true;
        let has_changed =
            threads.is_some_and(|threads| threads != known.threads) || known.serving != *serving;
        if has_changed {
            known.looks = LOOKS;
        }
        let wanted = threads.unwrap_or(known.threads);
        if known.looks == 0 || self.read > 0 && self.read + wanted > THREADS_AT_ONCE {
            return known.workers;
        }
        self.read += wanted;
        // One that ended meanwhile is as large as it was.
        if let Some(found) = read(pid, serving) {
            let count = workers::count(pid, kind, &found);
            known.looks = if count.settled { 0 } else { known.looks - 1 };
            known.workers = match (has_changed, known.workers) {
                // The same threads: what looked like a worker once is one.
                (false, Some(before)) => count.workers.map(|now| now.max(before)),
                _ => count.workers,
            };
            known.threads = wanted;
            known.serving.clone_from(serving);
        }
        known.workers
    }
}

/// The threads of a process; `None` without the right to look, or if it has ended.
fn read(pid: u32, serving: &BTreeSet<u32>) -> Option<Vec<Thread>> {
    let process = Process::new(pid.try_into().ok()?).ok()?;
    let mut threads = Vec::new();
    for task in process.tasks().ok()? {
        // A thread that has ended since.
        let Ok((task, stat)) = task.and_then(|task| task.stat().map(|stat| (task, stat))) else {
            continue;
        };
        let tid = u32::try_from(task.tid).ok()?;
        threads.push(Thread {
            tid,
            start: stat.starttime,
            serving: serving.contains(&tid),
            state: state(task.syscall().ok()?),
        });
    }
    Some(threads)
}

fn state(call: Syscall) -> State {
    let Syscall::Blocked {
        syscall_number,
        argument_registers,
        ..
    } = call
    else {
        return State::Running;
    };
    let [address, _, _, timeout, ..] = argument_registers;
    match syscall_number {
        libc::SYS_futex if timeout == 0 => State::Futex(address),
        libc::SYS_epoll_pwait
        | libc::SYS_accept
        | libc::SYS_accept4
        | libc::SYS_fcntl
        | libc::SYS_flock
        | libc::SYS_semop
        | libc::SYS_semtimedop => State::Listening,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait => State::Listening,
        _ => State::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn reads_what_its_own_threads_wait_in() {
        let (release, held) = mpsc::channel::<()>();
        let (say, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            say.send(rustix::thread::gettid()).unwrap();
            held.recv()
        });
        let tid = told.recv().unwrap().as_raw_nonzero().get() as u32;
        let me = std::process::id();
        let found = loop {
            let threads = read(me, &BTreeSet::from([tid])).unwrap();
            let found = threads
                .into_iter()
                .find(|thread| thread.tid == tid)
                .unwrap();
            if found.state != State::Running {
                break found;
            }
        };
        assert!(matches!(found.state, State::Futex(_)), "{found:?}");
        assert!(found.serving && found.start > 0);
        drop(release);
        thread.join().unwrap().unwrap_err();
    }

    #[test]
    fn looks_again_only_when_there_is_something_new() {
        let mut census = Census::default();
        let me = std::process::id();
        let serving = BTreeSet::from([me]);
        census.begin();
        let mut ask = |threads| {
            census.read = 0;
            let workers = census.workers(me, Kind::Apache, Some(threads), &serving);
            (workers, census.read)
        };
        assert_eq!(ask(3), (Some(1), 3));
        assert_eq!(ask(3), (Some(1), 0));
        assert_eq!(ask(4), (Some(1), 4));
        census.begin();
        census.end();
        assert!(census.known.is_empty());
    }
}
