//! `cargo xtask verifier`: how many instructions the kernel's verifier goes through
//! for each program, against what the repository allows ([`budget`]).
//!
//! A program that is hard to verify is one change away from being refused by some
//! kernel; what grows shows here first.

mod budget;
pub mod report;
mod table;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

pub use self::budget::Budget;
use self::report::Report;
use self::table::Answer;
use crate::progress::bad;
use crate::{vm, workspace};

/// Which kernels, and what to do with the figures.
#[derive(clap::Args, Default)]
pub struct Options {
    /// Take these figures as the budget.
    #[arg(long)]
    update: bool,
    /// Kernels of `cargo xtask vm` as well, each booted for it.
    #[arg(long, value_delimiter = ',')]
    kernels: Vec<String>,
}

/// Asks, prints the table, compares.
pub fn run(options: &Options) -> Result<()> {
    let wsgiprobe = workspace::wsgiprobe()?;
    let own = check(&wsgiprobe)?;
    let mut answers = vec![(series(&own.kernel), own)];
    if !options.kernels.is_empty() {
        answers.extend(vm::reports(&options.kernels)?);
    }
    let mut budget = Budget::read()?;
    print!("{}", table::text(&answers, &budget));
    for (kernel, report) in &answers {
        say_refusals(kernel, report);
    }
    if options.update {
        for (kernel, report) in &answers {
            budget.update(kernel, report);
        }
        return budget.write();
    }
    judge(&budget, &answers)
}

fn judge(budget: &Budget, answers: &[Answer]) -> Result<()> {
    let mut faults = Vec::new();
    for (kernel, report) in answers {
        if !budget.knows(kernel) {
            println!("skipped: there is no budget for kernel {kernel}; `--update` makes one");
        }
        faults.extend(budget.faults(kernel, report));
    }
    for fault in &faults {
        anstream::println!("{} {fault}", bad("FAULT"));
    }
    if !faults.is_empty() {
        bail!("over the verifier's budget; `cargo xtask verifier --update` after good reasons");
    }
    Ok(())
}

fn say_refusals(kernel: &str, report: &Report) {
    for back_end in report.back_ends.iter().filter(|back_end| !back_end.usable) {
        let why = back_end.reason.as_deref().unwrap_or("no reason given");
        println!("{kernel} refuses {}: {why}", back_end.name);
    }
}

/// What the kernel of this machine takes.
pub fn check(wsgiprobe: &Path) -> Result<Report> {
    let output = Command::new(wsgiprobe).args(["check", "--json"]).output();
    let output = output.with_context(|| format!("starting {}", wsgiprobe.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // Its exit status says whether any back end works; the answer is there anyway.
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("wsgiprobe check ({}): {said}", output.status))
}

/// `6.18.44-cloud` as `6.18`: verifiers differ from series to series.
fn series(release: &str) -> String {
    let mut parts = release.split('.');
    let (major, minor) = (parts.next(), parts.next());
    match (major, minor) {
        (Some(major), Some(minor)) => format!("{major}.{minor}"),
        _ => release.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_two_numbers() {
        assert_eq!(series("6.18.44-fc-v669"), "6.18");
        assert_eq!(series("odd"), "odd");
    }
}
