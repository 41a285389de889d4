//! As many guests at a time as the machine can carry.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result};

use super::boot::MEGABYTES;
use super::machine::Guest;
use super::matrix::Row;
use super::payload::Programs;
use super::plan::Plan;

/// Has every guest do the plan; their rows, in the order of the guests.
pub fn rows(guests: &[Guest], programs: &[Programs], plan: &Plan) -> Result<Vec<Row>> {
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(Vec::new());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(guest) = guests.get(index) else {
                return;
            };
            let row = guest.row(programs, plan);
            rows.lock().expect("no guest panics").push((index, row));
        }
    };
    let workers = at_a_time()?.min(guests.len());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let mut rows = rows.into_inner().expect("no guest panics");
    rows.sort_by_key(|(index, _)| *index);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// A guest keeps one of our processors busy, and its memory.
fn at_a_time() -> Result<usize> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let text = fs::read_to_string("/proc/meminfo").context("/proc/meminfo")?;
    Ok(carries(processors, &text))
}

fn carries(processors: usize, meminfo: &str) -> usize {
    let available = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    // A quarter more for QEMU itself.
    let guest_kb = MEGABYTES * 1024 * 5 / 4;
    let by_memory = available.map_or(1, |kb| kb / guest_kb) as usize;
    processors.min(by_memory).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_processors_both_count() {
        let gigabytes = |count: u64| format!("MemAvailable:  {} kB\n", count << 20);
        assert_eq!(carries(2, &gigabytes(16)), 2);
        assert_eq!(carries(8, &gigabytes(16)), 6);
        assert_eq!(carries(8, &gigabytes(1)), 1);
        assert_eq!(carries(8, "nothing\n"), 1);
    }
}
