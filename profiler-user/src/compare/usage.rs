//! What processes use: CPU from the scheduler's own account, and memory.
//!
//! Processes and threads that end meanwhile (an Apache that recycles its children) keep
//! what they were last seen with: they are looked at several times a second.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use procfs::process::Process;

use crate::discovery::Snapshot;

/// How often threads are looked at.
const EVERY: Duration = Duration::from_millis(250);

/// How often it looks whether it is to end.
const TICK: Duration = Duration::from_millis(10);

/// CPU time of each thread, nanoseconds, by process and thread.
type Threads = HashMap<(i32, i32), u64>;

/// The CPU time that each group of processes, and all that descend from them, use
/// while something is done, nanoseconds.
pub fn of_cpu<const N: usize, T>(
    groups: [&[u32]; N],
    work: impl FnOnce() -> Result<T>,
) -> Result<([u64; N], T)> {
    let look = |last: &mut [Threads; N]| -> Result<()> {
        let all = read()?;
        for (roots, last) in groups.iter().zip(last) {
            look(&all, roots, last);
        }
        Ok(())
    };
    let mut last: [Threads; N] = std::array::from_fn(|_| Threads::new());
    look(&mut last)?;
    let before = last.clone();
    let done = AtomicBool::new(false);
    let worked = thread::scope(|scope| {
        scope.spawn(|| {
            let mut slept = Duration::ZERO;
            while !done.load(Ordering::Relaxed) {
                thread::sleep(TICK);
                slept += TICK;
                if slept >= EVERY {
                    slept = Duration::ZERO;
                    // The look at the end tells whether the server is gone.
                    let _ = look(&mut last);
                }
            }
        });
        let worked = work();
        done.store(true, Ordering::Relaxed);
        worked
    })?;
    look(&mut last)?;
    let used = |group: usize| {
        let grown = |(thread, now): (_, &u64)| now - before[group].get(thread).unwrap_or(&0);
        last[group].iter().map(grown).sum()
    };
    Ok((std::array::from_fn(used), worked))
}

/// Looks at all threads, and keeps what it saw. A thread that is new had used nothing
/// at the look before.
fn look(all: &Snapshot, roots: &[u32], last: &mut Threads) {
    for pid in families(all, roots) {
        // One that ends just now has had its say.
        let Ok(tasks) = Process::new(pid).and_then(|process| process.tasks()) else {
            continue;
        };
        for task in tasks.flatten() {
            if let Ok(schedstat) = task.schedstat() {
                last.insert((pid, task.tid), schedstat.sum_exec_runtime);
            }
        }
    }
}

/// Memory of these processes and all that descend from them, bytes: what they share is
/// counted once (proportional set size, `Documentation/filesystems/proc.rst`).
pub fn of_memory(roots: &[u32]) -> Result<u64> {
    let mut bytes = 0;
    for pid in families(&read()?, roots) {
        // One that is ending has none.
        if let Ok(rollup) = Process::new(pid).and_then(|process| process.smaps_rollup()) {
            let maps = rollup.memory_map_rollup.0;
            let shares = maps.iter().filter_map(|map| map.extension.map.get("Pss"));
            bytes += shares.sum::<u64>();
        }
    }
    Ok(bytes)
}

fn read() -> Result<Snapshot> {
    Snapshot::read().context("listing processes")
}

/// These processes and all that descend from them.
fn families(all: &Snapshot, roots: &[u32]) -> impl Iterator<Item = i32> {
    roots.iter().flat_map(|root| {
        let descendants = all.descendants(*root).into_iter().map(|p| p.id.pid);
        std::iter::once(*root)
            .chain(descendants)
            .map(|pid| pid as i32)
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    fn burn(time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {}
    }

    #[test]
    fn what_is_burnt_meanwhile_is_counted_and_nothing_before() {
        burn(Duration::from_millis(50));
        let me = [std::process::id()];
        let ([idle], ()) = of_cpu([&me], || {
            thread::sleep(Duration::from_millis(30));
            Ok(())
        })
        .unwrap();
        let ([busy], ()) = of_cpu([&me], || {
            thread::spawn(|| burn(Duration::from_millis(400)))
                .join()
                .unwrap();
            Ok(())
        })
        .unwrap();
        // Other tests run in this process as well, on a machine that may be busy.
        assert!(busy > 20_000_000, "{busy} ns, idle {idle} ns");
    }

    #[test]
    fn a_child_that_ends_meanwhile_is_not_forgotten() {
        let line =
            "end=$(($(date +%s%N) + 700000000)); while [ $(date +%s%N) -lt $end ]; do :; done";
        let mut parent = Command::new("sh");
        parent.args(["-c", &format!("({line}) & wait; exec sleep 60")]);
        let mut parent = parent.spawn().unwrap();
        let ([used], ()) = of_cpu([&[parent.id()]], || {
            thread::sleep(Duration::from_millis(1_200));
            Ok(())
        })
        .unwrap();
        parent.kill().unwrap();
        parent.wait().unwrap();
        assert!(used > 5_000_000, "{used} ns");
    }

    #[test]
    fn memory_is_that_of_the_process() {
        let bytes = of_memory(&[std::process::id()]).unwrap();
        assert!(bytes > 1 << 20, "{bytes}");
    }
}
