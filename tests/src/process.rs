//! Child processes that do not outlive the test, whatever becomes of it.

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::emulated::patiently;
use crate::wait;

/// How long a server may take to stop by itself.
const GRACE: Duration = Duration::from_secs(15);

/// A child process, stopped with all its descendants when dropped.
pub struct Guarded {
    child: Child,
    name: String,
}

impl Guarded {
    /// Starts `command`.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        // Apache signals its whole process group when it stops: it must not be ours.
        command.process_group(0);
        let stop_with_us = || Ok(prctl::set_pdeathsig(Signal::SIGTERM)?);
        // SAFETY: the closure only makes one system call; it neither allocates nor
        // takes a lock, as is asked of what runs between fork and exec.
        unsafe { command.pre_exec(stop_with_us) };
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name })
    }

    /// The process, to take its output streams.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(Pid::from_raw(self.pid() as i32), signal)
            .with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// Its exit status, if it has ended.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Its exit status, if it ends within `timeout`.
    pub fn wait_for(&mut self, timeout: Duration) -> Result<Option<ExitStatus>> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if started.elapsed() > timeout {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks it to end, kills it and its descendants if it does not.
    pub fn stop(&mut self) -> Result<()> {
        if self.try_wait()?.is_some() {
            return Ok(());
        }
        self.signal(Signal::SIGTERM)?;
        if self.wait_for(patiently(GRACE))?.is_none() {
            eprintln!("{} ({}) ignores SIGTERM: killed", self.name, self.pid());
            for pid in descendants(self.pid()) {
                // It may have ended since it was listed.
                kill(Pid::from_raw(pid as i32), Signal::SIGKILL).ok();
            }
            self.child.kill()?;
            self.child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!(
                "{} ({}) could not be stopped: {error:#}",
                self.name,
                self.pid()
            );
        }
    }
}

/// Every process below `root`, as far as `/proc` shows now.
#[must_use]
pub fn descendants(root: u32) -> Vec<u32> {
    let parents = parents();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| pid),
        );
        next += 1;
    }
    found.split_off(1)
}

/// Those below `root` of which one thread is left, or has begun.
#[must_use]
pub fn single_threaded_below(root: u32) -> Vec<u32> {
    let mut found = descendants(root);
    found.retain(|pid| {
        std::fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|tasks| tasks.count() == 1)
    });
    found
}

/// What each thread of these processes has spent on CPUs, in nanoseconds, by the
/// kernel's own account; taken when they have all come to rest.
pub fn cpu_of_threads(processes: &[u32]) -> Result<HashMap<u32, u64>> {
    let mut before = HashMap::new();
    wait::value("threads to come to rest", || {
        let now = cpu_now(processes);
        let same = now == before;
        before = now;
        Ok((same && !before.is_empty()).then(|| before.clone()))
    })
}

fn cpu_now(processes: &[u32]) -> HashMap<u32, u64> {
    let tasks = |pid: &u32| std::fs::read_dir(format!("/proc/{pid}/task")).ok();
    let threads = processes.iter().filter_map(tasks).flatten().flatten();
    threads
        .filter_map(|thread| {
            let tid = thread.file_name().to_str()?.parse().ok()?;
            // The first field is the time on CPUs.
            let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((tid, text.split(' ').next()?.parse().ok()?))
        })
        .collect()
}

fn parents() -> Vec<(u32, u32)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The command's name is in parentheses and may hold anything.
            let (_, fields) = stat.rsplit_once(')')?;
            Some((pid, fields.split_ascii_whitespace().nth(1)?.parse().ok()?))
        })
        .collect()
}
