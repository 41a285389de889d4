//! The saturated load: wrk, with one line of its own making to read.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::Outcome;
use crate::interrupt::Interrupt;
use crate::process::Process;

/// Prints [`Line`] at the end.
const SCRIPT: &str = include_str!("../../../bench/wrk.lua");

/// What the script's line begins with.
const MARK: &str = "wsgiprobe-bench ";

/// How long wrk may take over its time: it waits for nothing but itself.
const GRACE: Duration = Duration::from_secs(20);

/// What the script prints.
#[derive(Deserialize)]
struct Line {
    requests: u64,
    duration_us: u64,
    p50_us: u64,
    p99_us: u64,
    /// Answered, but not with success.
    refused: u64,
    /// Not answered: the connection failed, or it took too long.
    broken: u64,
}

/// Runs it with one thread: it has to leave room for the server.
pub fn run(url: &str, connections: u32, time: Duration, interrupt: &Interrupt) -> Result<Outcome> {
    let folder = tempfile::tempdir().context("creating a folder for wrk")?;
    let script = folder.path().join("report.lua");
    let output = folder.path().join("output");
    fs::write(&script, SCRIPT).context("writing wrk's script")?;
    let mut wrk = Process::start_logged(
        Command::new("wrk")
            .args(["--threads=1", &format!("--connections={connections}")])
            // It takes whole seconds only.
            .arg(format!("--duration={}", time.as_secs()))
            .arg("--script")
            .arg(&script)
            .arg(url),
        &output,
    )?;
    let status = interrupt.wait_for("wrk's end", time + GRACE, || wrk.ended())?;
    let text = fs::read_to_string(&output).context("reading wrk's output")?;
    if !status.success() {
        bail!("wrk ended with {status}: {text}");
    }
    read(&text)
}

/// Finds the line in all that wrk prints.
fn read(text: &str) -> Result<Outcome> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(MARK))
        .with_context(|| format!("wrk did not say what it did: {text}"))?;
    let line: Line = serde_json::from_str(line).context("reading wrk's line")?;
    ensure!(
        line.requests > 0 && line.duration_us > 0,
        "wrk had no answer at all: {text}"
    );
    let seconds = |microseconds: u64| microseconds as f64 / 1e6;
    Ok(Outcome {
        answered: line.requests.saturating_sub(line.refused),
        errors: line.refused + line.broken,
        seconds: seconds(line.duration_us),
        p50: seconds(line.p50_us),
        p99: seconds(line.p99_us),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "Running 1s test @ http://127.0.0.1:8099/\n  1 threads and 5 connections\n\
        Requests/sec:   3021.15\nTransfer/sec:    542.82KB\n\n\
        wsgiprobe-bench {\"requests\":3051,\"duration_us\":1009880,\"p50_us\":1585,\"p99_us\":3471,\"refused\":1,\"broken\":2}\n";

    #[test]
    fn its_line_is_found() {
        let outcome = read(OUTPUT).unwrap();
        let expected = Outcome {
            answered: 3050,
            errors: 3,
            seconds: 1.00988,
            p50: 0.001_585,
            p99: 0.003_471,
        };
        assert_eq!(outcome, expected);
    }

    #[test]
    fn no_line_and_no_answer_are_errors() {
        assert!(read("unable to connect\n").is_err());
        assert!(read(&OUTPUT.replace("3051", "0")).is_err());
    }
}
