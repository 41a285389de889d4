//! CPU time, from the scheduler's own account: nanoseconds, not clock ticks.

use anyhow::{Context as _, Result};
use procfs::process::{Process, all_processes};

/// CPU that the threads of these processes have used, nanoseconds. A process that
/// has ended meanwhile is an error: its time would be missing.
pub fn used(pids: &[i32]) -> Result<u64> {
    let mut total = 0;
    for pid in pids {
        let context = || format!("reading the CPU time of process {pid}");
        let process = Process::new(*pid).with_context(context)?;
        for task in process.tasks().with_context(context)? {
            // A thread that ends between listing and reading has had its say.
            if let Ok(schedstat) = task.and_then(|task| task.schedstat()) {
                total += schedstat.sum_exec_runtime;
            }
        }
    }
    Ok(total)
}

/// A process and all that descend from it.
pub fn family(pid: i32) -> Result<Vec<i32>> {
    let parents: Vec<(i32, i32)> = all_processes()
        .context("listing processes")?
        .filter_map(|process| process.ok()?.stat().ok())
        .map(|stat| (stat.pid, stat.ppid))
        .collect();
    Ok(descendants(pid, &parents))
}

/// Of (child, parent) pairs.
fn descendants(pid: i32, parents: &[(i32, i32)]) -> Vec<i32> {
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        let children = parents.iter().filter(|(_, of)| *of == parent);
        family.extend(children.map(|(child, _)| child));
        next += 1;
    }
    family
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_family_is_all_generations_and_nobody_else() {
        let parents = [(1, 0), (20, 1), (21, 20), (30, 1), (22, 21), (23, 20)];
        assert_eq!(descendants(20, &parents), [20, 21, 23, 22]);
    }

    #[test]
    fn what_a_thread_burns_is_counted() {
        let me = std::process::id() as i32;
        let before = used(&[me]).unwrap();
        let until = Instant::now() + Duration::from_millis(60);
        while Instant::now() < until {}
        let burnt = used(&[me]).unwrap() - before;
        // Other tests' threads count too, and the machine may be busy.
        assert!(burnt > 5_000_000, "{burnt} ns");
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(used(&[child.id() as i32]).is_err());
    }
}
