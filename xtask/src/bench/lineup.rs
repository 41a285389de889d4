//! `cargo xtask bench line-up`: `wsgiprobe compare` on the usual instruments, with an
//! InfluxDB for those that report to one.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::variant::Mode;
use crate::influx::{self, InfluxDb};
use crate::interrupt::Interrupt;
use crate::process::Process;
use crate::workspace;

/// How to compare.
#[derive(clap::Args)]
pub struct Options {
    /// Where the application runs.
    #[arg(long, value_enum, default_value = "daemon")]
    mode: Mode,
    /// More for `wsgiprobe compare`, e.g. `-- --rounds 20 --report line-up.html`.
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// Compares.
pub fn run(options: &Options) -> Result<()> {
    let binary = workspace::wsgiprobe()?;
    let interrupt = Interrupt::install()?;
    let folder = tempfile::tempdir().context("creating a folder for InfluxDB")?;
    let influx = InfluxDb::start(folder.path(), &interrupt)?;
    let config = workspace::root().join("deploy/compare/compare.toml");
    let mut command = Command::new(binary);
    command
        .arg("compare")
        .arg("--config")
        .arg(config)
        .args(&options.arguments)
        .env("INFLUX_URL", influx.url())
        .env("INFLUX_DB", influx::DATABASE)
        .env("MODE", options.mode.name());
    let mut compare = Process::start(&mut command)?;
    // Ctrl-C reaches it too: it ends its servers, and shows what is finished.
    let status = compare.child().wait().context("waiting for wsgiprobe")?;
    if !status.success() {
        bail!("wsgiprobe compare ended with {status}");
    }
    Ok(())
}
