//! Another program as the load.

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::{Outcome, Page, told};
use crate::compare::interrupt::Interrupt;
use crate::compare::places;
use crate::compare::process::{Group, tail};

/// How long it may take over its time.
const GRACE: Duration = Duration::from_secs(30);

pub(super) fn run(
    command: &[String],
    page: &Page,
    connections: NonZeroU32,
    time: Duration,
    logs: &Path,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    let seconds = time.as_secs_f64().ceil().to_string();
    let connections = connections.to_string();
    let placed = places::place(
        command,
        &[
            ("url", page.url()),
            ("seconds", &seconds),
            ("connections", &connections),
        ],
    );
    let output = logs.join("load.log");
    let mut load = Group::start(&placed, &[], &output)?;
    let name = &placed[0];
    let status =
        interrupt.wait_for(&format!("the end of {name}"), time + GRACE, || load.ended())?;
    let said = fs::read(&output).with_context(|| format!("reading {}", output.display()))?;
    let said = String::from_utf8_lossy(&said);
    if !status.success() {
        bail!(
            "the load `{}` ended with {status}:\n{}",
            placed.join(" "),
            tail(&said)
        );
    }
    told::read(&said).with_context(|| format!("reading what {name} said:\n{}", tail(&said)))
}
