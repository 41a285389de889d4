//! Processes that are started, and end with all that they have started.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, kill_process_group, set_parent_process_death_signal, test_kill_process_group,
};

/// How long a group may take to end by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// Lines of a log that go into an error.
const TAIL: usize = 12;

/// A process in a group of its own. When dropped all of the group are asked to end,
/// waited for, and made to.
pub struct Group(Child);

impl Group {
    /// Starts a command with all its output in a file.
    pub fn start(words: &[String], environment: &[(String, String)], log: &Path) -> Result<Self> {
        let context = || format!("creating {}", log.display());
        File::create(log).with_context(context)?;
        // Appended to, as the command may open it again as /dev/stderr.
        let file = File::options()
            .append(true)
            .open(log)
            .with_context(context)?;
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0);
        let end_with_us = || Ok(set_parent_process_death_signal(Some(Signal::TERM))?);
        // SAFETY: the closure makes one system call; it neither allocates nor takes a
        // lock, as is asked of what runs between fork and exec.
        unsafe { command.pre_exec(end_with_us) };
        let child = command.spawn();
        child
            .map(Self)
            .with_context(|| format!("starting `{}`", words.join(" ")))
    }

    /// The id of the first of them, which is the group's as well.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// How the first of them ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.0.try_wait().context("waiting for a child process")
    }

    /// Asks the first of them alone to end.
    pub fn ask(&self) -> Result<()> {
        rustix::process::kill_process(self.id(), Signal::TERM).context("ending a child process")
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    /// Whether nobody is left of the group. The first has to be waited for: until then
    /// it is one of them.
    fn is_gone(&mut self) -> bool {
        let _ = self.0.try_wait();
        test_kill_process_group(self.id()) == Err(Errno::SRCH)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.is_gone() {
            return;
        }
        // Errors say that nobody is left, which is what was wanted.
        for signal in [Signal::TERM, Signal::KILL] {
            let _ = kill_process_group(self.id(), signal);
            let asked = Instant::now();
            while asked.elapsed() < GRACE {
                if self.is_gone() {
                    return;
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// The last lines of a text, indented.
#[must_use]
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(TAIL));
    let lines: Vec<String> = last.map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::places;

    #[test]
    fn all_of_the_group_end() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        // The child would outlive its parent, and does not react to SIGTERM's default.
        let line = "sh -c 'sleep 60 & echo $!; exec sleep 60'";
        let group = Group::start(&places::split(line).unwrap(), &[], &log).unwrap();
        let child = loop {
            let text = std::fs::read_to_string(&log).unwrap();
            if let Some(line) = text.strip_suffix('\n') {
                break line.to_owned();
            }
        };
        let entry = format!("/proc/{child}");
        assert!(Path::new(&entry).exists());
        drop(group);
        let state = std::fs::read_to_string(format!("{entry}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(" Z "), "{state}");
    }

    #[test]
    fn the_end_of_a_log_is_kept() {
        let lines: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let text = lines.join("\n");
        let tail = tail(&text);
        assert!(tail.starts_with("    88\n") && tail.ends_with("    99"));
    }
}
