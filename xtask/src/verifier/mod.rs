//! `cargo xtask verifier`: how many instructions the kernel's verifier goes through
//! for each program, against what the repository allows.

pub mod report;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use self::report::Report;

/// What the kernel of this machine takes.
pub fn check(wsgiprobe: &Path) -> Result<Report> {
    let output = Command::new(wsgiprobe).args(["check", "--json"]).output();
    let output = output.with_context(|| format!("starting {}", wsgiprobe.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // Its exit status says whether any back end works; the answer is there anyway.
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("wsgiprobe check ({}): {said}", output.status))
}
