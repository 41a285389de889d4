//! wsgiprobe itself, as an operator would run it, watching the server that is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::interrupt::Interrupt;
use super::process::{Group, tail};

/// What it says on stderr once it misses nothing more.
const ATTACHED: &str = "wsgiprobe: attached (";

/// The longest that it may take to attach, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running wsgiprobe. It ends when dropped.
pub struct Probe {
    group: Group,
    summary: PathBuf,
    log: PathBuf,
}

/// Its account at the end: the part that is looked at here.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// Requests reported.
    pub reported: u64,
    /// How long requests took, nanoseconds; `None` where none was answered.
    pub duration: Option<Durations>,
    /// The back end.
    pub hooks: String,
}

/// How long requests took.
#[derive(Clone, Debug, Deserialize)]
pub struct Durations {
    /// The mean, nanoseconds.
    pub mean: f64,
}

impl Probe {
    /// Starts it on these processes and their descendants, and waits until it is
    /// attached.
    pub fn attach(
        pids: &[u32],
        arguments: &[String],
        logs: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let program = std::env::current_exe().context("looking for wsgiprobe itself")?;
        let summary = logs.join("wsgiprobe.json");
        let mut words = vec![program.display().to_string(), "--no-tui".into()];
        for pid in pids {
            words.extend(["--pid".into(), pid.to_string()]);
        }
        words.extend(["--summary".into(), summary.display().to_string()]);
        words.extend_from_slice(arguments);
        let log = logs.join("wsgiprobe.log");
        let mut group = Group::start(&words, &[], &log)?;
        interrupt.wait_for("wsgiprobe's attach", PATIENCE, || {
            let said = said(&log)?;
            if said.contains(ATTACHED) {
                return Ok(Some(()));
            }
            if let Some(status) = group.ended()? {
                bail!("wsgiprobe ended with {status}:\n{}", tail(&said));
            }
            Ok(None)
        })?;
        Ok(Self {
            group,
            summary,
            log,
        })
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.group.pid()
    }

    /// Ends it as an operator would, and reads its account.
    pub fn finish(mut self, interrupt: &Interrupt) -> Result<Account> {
        self.group.ask()?;
        let group = &mut self.group;
        let status = interrupt.wait_for("wsgiprobe's end", PATIENCE, || group.ended())?;
        ensure!(
            status.success(),
            "wsgiprobe ended with {status}:\n{}",
            tail(&said(&self.log)?)
        );
        let text = fs::read(&self.summary).context("reading wsgiprobe's summary")?;
        serde_json::from_slice(&text).context("understanding wsgiprobe's summary")
    }
}

fn said(log: &Path) -> Result<String> {
    let said = fs::read(log).with_context(|| format!("reading {}", log.display()))?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}
