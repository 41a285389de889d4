//! Start a program and wait for it; say which one, if it fails.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::progress::seconds;

/// How often a silent program is said to be still at work.
const STILL_RUNNING: Duration = Duration::from_secs(20);

/// How much of a silent program's output is shown when it fails.
const TAIL_LINES: usize = 40;

/// Runs it with its output shown.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status();
    expect_success(command, status)
}

/// Runs it and returns what it printed.
pub fn read(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output();
    let (status, stdout) = match output {
        Ok(output) => (Ok(output.status), output.stdout),
        Err(error) => (Err(error), Vec::new()),
    };
    expect_success(command, status)?;
    String::from_utf8(stdout).with_context(|| format!("{} printed no text", name(command)))
}

/// The first line that it prints, if it runs at all: a tool's version.
pub fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next().unwrap_or_default();
    output.status.success().then(|| line.to_owned())
}

/// Runs it with its output kept back: the end of it is shown if it fails. A
/// line now and then says that it is still at work.
pub fn run_quietly(command: &mut Command) -> Result<()> {
    let mut log = tempfile::tempfile().context("creating a file for output")?;
    let output = |log: &File| log.try_clone().context("sharing a file for output");
    command
        .stdin(Stdio::null())
        .stdout(output(&log)?)
        .stderr(output(&log)?);

    let began = Instant::now();
    let mut said = began;
    let mut child = command
        .spawn()
        .with_context(|| format!("starting {}", name(command)))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(Duration::from_millis(50));
        if said.elapsed() >= STILL_RUNNING {
            said = Instant::now();
            anstream::println!("      … still at it after {}", seconds(began.elapsed()));
        }
    };

    if !status.success() {
        log.rewind()?;
        let mut text = Vec::new();
        log.read_to_end(&mut text)?;
        anstream::eprintln!("{}", tail(&String::from_utf8_lossy(&text)));
    }
    expect_success(command, Ok(status))
}

/// The command's program and arguments as they would be typed.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

fn name(command: &Command) -> String {
    format!("`{}`", line(command))
}

fn expect_success(command: &Command, status: std::io::Result<ExitStatus>) -> Result<()> {
    let status = status.with_context(|| format!("starting {}", name(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", name(command));
    }
    Ok(())
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let error = run(&mut Command::new("false")).unwrap_err();
        assert_eq!(error.to_string(), "`false` ended with exit status: 1");
        let error = run(Command::new("/no/such/program").arg("--now")).unwrap_err();
        assert_eq!(error.to_string(), "starting `/no/such/program --now`");
    }

    #[test]
    fn what_it_printed_is_read() {
        let text = read(Command::new("echo").args(["one", "two"])).unwrap();
        assert_eq!(text, "one two\n");
    }

    #[test]
    fn only_the_end_of_long_output_is_kept() {
        let text = "early\n".repeat(10) + &"late\n".repeat(TAIL_LINES);
        assert_eq!(
            tail(&text).lines().collect::<Vec<_>>(),
            ["late"; TAIL_LINES]
        );
        assert_eq!(tail("short"), "short");
    }
}
