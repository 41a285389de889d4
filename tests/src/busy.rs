//! Busy cores.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::Result;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// A thread on each core that never waits, until dropped.
pub struct BusyCores {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl BusyCores {
    /// One on each core that this process may use.
    pub fn start() -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut busy = Self {
            stop,
            threads: Vec::new(),
        };
        let own = Pid::from_raw(0);
        let allowed = sched_getaffinity(own)?;
        for core in 0..CpuSet::count() {
            if !allowed.is_set(core)? {
                continue;
            }
            let mut only = CpuSet::new();
            only.set(core)?;
            let stop = Arc::clone(&busy.stop);
            busy.threads.push(thread::spawn(move || {
                // On its first instruction the thread is the one that is meant by 0.
                if let Err(error) = sched_setaffinity(own, &only) {
                    eprintln!("core {core} cannot be kept busy: {error}");
                }
                while !stop.load(Ordering::Relaxed) {
                    black_box(core);
                }
            }));
        }
        Ok(busy)
    }
}

impl Drop for BusyCores {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                eprintln!("a busy thread panicked");
            }
        }
    }
}
