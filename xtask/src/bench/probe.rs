//! wsgiprobe as it is by default, watching the server that is measured.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::bpf::Held;
use super::cpu;
use crate::interrupt::Interrupt;
use crate::process::Process;

/// What it says on stderr once it misses nothing more.
const ATTACHED: &str = "wsgiprobe: attached (";

/// The longest that it may take to attach, and to end.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running wsgiprobe. It ends when dropped.
pub struct Probe {
    process: Process,
    summary: PathBuf,
    /// What it says on stdout.
    said: PathBuf,
    /// What it said once attached.
    attached: String,
    /// From the start of the process to being attached.
    start: Duration,
    // Dropped last: its output goes there.
    _folder: TempDir,
}

/// Its account at the end: the part that is looked at here.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Account {
    /// Requests that the kernel side saw.
    pub seen: u64,
    /// Requests reported.
    pub reported: u64,
    /// Requests read and unfinished.
    pub in_flight: u64,
    /// Requests lost, by reason.
    pub lost: BTreeMap<String, u64>,
    /// Whether the equation holds.
    pub balanced: bool,
    /// Time to load and attach the programs, milliseconds.
    pub attach_ms: f64,
}

impl Account {
    /// Requests lost for any reason.
    pub fn lost(&self) -> u64 {
        self.lost.values().sum()
    }
}

impl Probe {
    /// Starts it on this process and its descendants, and waits until it is
    /// attached. Its table, once a second by default, goes to a file.
    pub fn attach(binary: &Path, hooks: &str, pid: u32, interrupt: &Interrupt) -> Result<Self> {
        let pid = pid.to_string();
        let arguments = ["--pid", &pid, "--hooks", hooks];
        Self::start(binary, &arguments, PATIENCE, interrupt)
    }

    /// Starts it with these arguments, and waits until it is attached.
    pub fn start(
        binary: &Path,
        arguments: &[&str],
        patience: Duration,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let folder = tempfile::tempdir().context("creating wsgiprobe's folder")?;
        let summary = folder.path().join("summary.json");
        let said = folder.path().join("table");
        let table = File::create(&said).context("creating a file")?;
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .arg("--summary")
            .arg(&summary)
            .stdin(Stdio::null())
            .stdout(table)
            .stderr(Stdio::piped());
        let began = Instant::now();
        let mut process = Process::start(&mut command)?;
        let attached = wait_until_attached(&mut process, patience, interrupt)?;
        Ok(Self {
            process,
            summary,
            said,
            attached,
            start: began.elapsed(),
            _folder: folder,
        })
    }

    /// From the start of the process to being attached.
    pub fn start_time(&self) -> Duration {
        self.start
    }

    /// What it said once attached: with which hooks, and of how many processes.
    pub fn attached(&self) -> &str {
        &self.attached
    }

    /// The file that what it says on stdout goes to.
    pub fn said(&self) -> &Path {
        &self.said
    }

    /// CPU that it has used so far, nanoseconds.
    pub fn cpu(&self) -> Result<u64> {
        cpu::used(&[self.process.pid() as i32])
    }

    /// Its memory now, and the most so far, bytes.
    pub fn memory(&self) -> Result<(u64, u64)> {
        let status = procfs::process::Process::new(self.process.pid() as i32)
            .and_then(|process| process.status())
            .context("reading wsgiprobe's memory")?;
        let bytes = |kib: Option<u64>| kib.unwrap_or(0) * 1024;
        Ok((bytes(status.vmrss), bytes(status.vmhwm)))
    }

    /// What it holds in the kernel.
    pub fn held(&self) -> Result<Held> {
        Held::by(self.process.pid())
    }

    /// Ends it as an operator would, and reads its account.
    pub fn finish(mut self, interrupt: &Interrupt) -> Result<Account> {
        kill_process(Pid::from_child(self.process.child()), Signal::TERM)
            .context("ending wsgiprobe")?;
        let status = interrupt.wait_for("wsgiprobe's end", PATIENCE, || self.process.ended())?;
        if !status.success() {
            bail!("wsgiprobe ended with {status}");
        }
        let summary = File::open(&self.summary).context("opening wsgiprobe's summary")?;
        serde_json::from_reader(summary).context("reading wsgiprobe's summary")
    }
}

/// The line that says so. Fails with its own words if it ends instead.
fn wait_until_attached(
    process: &mut Process,
    patience: Duration,
    interrupt: &Interrupt,
) -> Result<String> {
    let stderr = process.child().stderr.take().context("stderr is piped")?;
    let (sender, lines) = mpsc::channel();
    // Goes on until wsgiprobe ends, so that a full pipe never stops it.
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            // Nobody listens any more once it is attached.
            let _ = sender.send(line);
        }
    });
    let began = Instant::now();
    let mut said = Vec::new();
    while began.elapsed() < patience {
        interrupt.check()?;
        match lines.recv_timeout(Duration::from_millis(20)) {
            Ok(line) if line.starts_with(ATTACHED) => return Ok(line),
            Ok(line) => said.push(line.trim().to_owned()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("{}", said.join(" ")),
        }
    }
    bail!("wsgiprobe: not attached within {} s", patience.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readmes_summary_is_read() {
        let text = r#"{"seen":1180,"reported":1178,"in_flight":0,"lost":{"ring_full":2,"map_full":0},
            "balanced":true,"notes":{"non_http":0},"hooks":"sock","kernel":"6.18.44","attach_ms":240.289,
            "probe":{"cpu_s":0.56,"rss_bytes":32628736,"bpf_runs":null,"bpf_ns":null}}"#;
        let account: Account = serde_json::from_str(text).unwrap();
        assert_eq!((account.seen, account.lost()), (1180, 2));
        assert!(account.balanced);
    }

    #[test]
    fn one_that_ends_is_quoted() {
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo error: the kernel refuses >&2; exit 3"])
            .stderr(Stdio::piped());
        let mut process = Process::start(&mut command).unwrap();
        let error = wait_until_attached(&mut process, PATIENCE, &Interrupt::never()).unwrap_err();
        assert_eq!(error.to_string(), "error: the kernel refuses");
    }
}
