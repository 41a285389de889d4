//! wsgiprobe itself, run as an operator would run it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::scene::Scene;
use crate::influx;
use crate::interrupt::Interrupt;
use crate::process::Process;

/// What it says on stderr once it misses nothing more.
const ATTACHED: &str = "wsgiprobe: attached (";

/// A running wsgiprobe. Its table goes to this terminal.
pub struct Probe {
    process: Process,
    watched: Option<Duration>,
    jsonl: PathBuf,
    summary: PathBuf,
}

/// What it wrote.
pub struct Report {
    /// Lines of the JSON output.
    pub lines: u64,
    /// The summary object.
    pub summary: Value,
}

impl Probe {
    /// Starts it for that time, or until it is dropped, and waits until it is attached.
    pub fn attach(
        binary: &Path,
        scene: &Scene,
        watched: Option<Duration>,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let jsonl = scene.folder.join("requests.jsonl");
        let summary = scene.folder.join("summary.json");
        let pages = &scene.pages;
        let mut command = Command::new(binary);
        command
            .args(["--pid", &scene.apache.pid().to_string()])
            .args(["--influx-url", scene.influx.url()])
            .args(["--influx-db", influx::DATABASE, "--influx-raw"])
            .args(["--otlp", &scene.collector.url])
            .args(["--otlp-protocol", "grpc"])
            .arg("--jsonl")
            .arg(&jsonl)
            .arg("--summary")
            .arg(&summary)
            // What is said here would go through its screen.
            .arg("--no-tui")
            .args(["--web", &pages.web, "--prometheus", &pages.prometheus])
            .stderr(Stdio::piped());
        match watched {
            Some(time) => command
                .args(["--duration", &format!("{}s", time.as_secs())])
                .arg("--report")
                .arg(&pages.report),
            // It is looked at elsewhere, for as long as it is wanted.
            None => command.stdout(Stdio::null()),
        };
        let mut process = Process::start(&mut command)?;

        let attached = listen(&mut process)?;
        interrupt.wait_for(
            "wsgiprobe's attach",
            Duration::from_secs(15),
            || match attached.try_recv() {
                Ok(()) => Ok(Some(())),
                Err(TryRecvError::Empty) => Ok(None),
                Err(TryRecvError::Disconnected) => bail!("wsgiprobe ended before it was attached"),
            },
        )?;
        Ok(Self {
            process,
            watched,
            jsonl,
            summary,
        })
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self, interrupt: &Interrupt) -> Result<()> {
        let at_most = self.watched.unwrap_or_default() + Duration::from_secs(15);
        let status = interrupt.wait_for("wsgiprobe's end", at_most, || self.process.ended())?;
        if !status.success() {
            bail!("wsgiprobe ended with {status}");
        }
        Ok(())
    }

    /// What it wrote, once it has ended.
    pub fn report(&self) -> Result<Report> {
        let read = |path: &Path| {
            fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
        };
        let summary = serde_json::from_str(&read(&self.summary)?).context("reading its summary")?;
        Ok(Report {
            lines: read(&self.jsonl)?.lines().count() as u64,
            summary,
        })
    }
}

/// Hands its stderr on to ours, and says when it is attached. The channel is
/// closed when it ends without that.
fn listen(process: &mut Process) -> Result<Receiver<()>> {
    let stderr = process.child().stderr.take();
    let stderr = BufReader::new(stderr.context("stderr is piped")?);
    let (attached, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut attached = Some(attached);
        for line in stderr.lines().map_while(Result::ok) {
            eprintln!("{line}");
            if line.starts_with(ATTACHED)
                && let Some(attached) = attached.take()
            {
                // Nobody waits for it any more if the demo is on its way out.
                let _ = attached.send(());
            }
        }
    });
    Ok(receiver)
}
