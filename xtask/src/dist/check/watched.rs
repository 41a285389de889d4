//! A run beside a real Apache, which has to report each request once.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::demo::Apache;
use crate::interrupt::Interrupt;
use crate::process::Process;

/// What it says once it misses nothing more.
const ATTACHED: &str = "wsgiprobe: attached (";

const REQUESTS: u64 = 25;

/// Starts `run` with the arguments of such a run, makes requests once it is attached, and
/// waits for its end. Its files go to `folder`, which it knows as `inside`.
pub fn watched(mut run: Command, apache: &Apache, folder: &Path, inside: &str) -> Result<()> {
    run.args(["--pid", &apache.pid().to_string(), "--duration=4s"])
        .arg(format!("--jsonl={inside}/requests.jsonl"))
        .arg(format!("--summary={inside}/summary.json"))
        .stdin(Stdio::null());
    let log = folder.join("said");
    let mut process = Process::start_logged(&mut run, &log)?;
    let said = || fs::read_to_string(&log).unwrap_or_default();
    Interrupt::default().wait_for("the attach", Duration::from_mins(1), || {
        if let Some(status) = process.ended()? {
            bail!("it ended with {status}: {}", said());
        }
        Ok(said().contains(ATTACHED).then_some(()))
    })?;
    for _ in 0..REQUESTS {
        ureq::get(apache.url()).call().context("a request")?;
    }
    let status = loop {
        match process.ended()? {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(50)),
        }
    };
    ensure!(status.success(), "{status}: {}", said());

    let lines = fs::read_to_string(folder.join("requests.jsonl"))?;
    // Each with the place where it was served: no uprobe, no mode.
    let known = lines
        .lines()
        .filter(|line| line.contains("\"mode\":\"daemon\""));
    let known = known.count() as u64;
    ensure!(
        known == REQUESTS,
        "{known} of {REQUESTS} requests: {}",
        said()
    );
    let summary = fs::read(folder.join("summary.json"))?;
    let summary: serde_json::Value = serde_json::from_slice(&summary)?;
    ensure!(summary["balanced"] == true, "{summary}");
    ensure!(!said().contains("warning"), "{}", said());
    Ok(())
}
