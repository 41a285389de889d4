//! `cargo xtask demo`: wsgiprobe at work, from nothing to a picture.
//!
//! A private Apache with a small site, a private InfluxDB, a load of known size,
//! and wsgiprobe between them; then every count is held against Apache's own
//! access log. All servers are on loopback and end with the demo, however that
//! ends.
//!
//! wsgiprobe is attached before the load begins and ends after it, so that the
//! counts have to agree to the request.

mod apache;
mod load;
mod pages;
mod probe;
mod routes;
mod stored;
mod verdict;

use std::time::Duration;

use anyhow::{Context as _, Result};
use apache::Apache;
use pages::Pages;
use probe::Probe;
use stored::Stored;
use tempfile::TempDir;

use crate::influx::InfluxDb;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::{root, setup, workspace};

/// Between the load's last answer and wsgiprobe's end: the time to look at the
/// final figures, and room for a machine that is slow.
const AFTER_LOAD: Duration = Duration::from_secs(6);

/// How to show it.
#[derive(clap::Args)]
pub struct Options {
    /// Take the machine as it is.
    #[arg(long)]
    no_setup: bool,
    /// How long wsgiprobe watches.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(8..=600))]
    seconds: u64,
}

/// Shows it; fails if any count disagrees.
pub fn run(options: &Options) -> Result<()> {
    root::require("demo --no-setup")?;
    let interrupt = Interrupt::install()?;
    let folder = tempfile::Builder::new()
        .prefix("wsgiprobe-demo.")
        .tempdir()
        .context("creating the demo's folder")?;
    let shown = show(options, &folder, &interrupt);
    // Whoever ended it early does not want to look into why it ended.
    if shown.is_err() && interrupt.check().is_ok() {
        let kept = folder.keep();
        anstream::eprintln!("what the servers wrote is kept in {}", kept.display());
    }
    shown
}

fn show(options: &Options, folder: &TempDir, interrupt: &Interrupt) -> Result<()> {
    let watched = Duration::from_secs(options.seconds);
    let mut progress = Progress::new("demo", 6);

    if options.no_setup {
        progress.begin();
        progress.say("setup: left out");
    } else {
        progress.step("setup", setup::run)?;
    }
    let binary = progress.step("build wsgiprobe", workspace::wsgiprobe)?;

    let (apache, influx) =
        progress.step("start a private Apache and a private InfluxDB", || {
            let influx = InfluxDb::start(folder.path(), interrupt)?;
            Ok((Apache::start(folder.path(), interrupt)?, influx))
        })?;
    progress.say(format_args!("Apache {} at {}", apache.pid(), apache.url()));
    progress.say(format_args!("InfluxDB at {}", influx.url()));

    let pages = Pages::new()?;
    let mut probe = progress.step("attach wsgiprobe", || {
        let servers = (&apache, &influx, &pages);
        Probe::attach(&binary, folder.path(), servers, watched, interrupt)
    })?;
    progress.say(format_args!("web page at http://{}", pages.web));
    progress.say(format_args!(
        "metrics at http://{}/metrics",
        pages.prometheus
    ));

    let what = format!("load: {} routes at a fixed pace", routes::ROUTES.len());
    let (answered, scraped) = progress.step(what, || {
        let answered = load::run(apache.url(), watched.saturating_sub(AFTER_LOAD), interrupt)?;
        let scraped = pages.scraped(answered, interrupt)?;
        probe.wait(interrupt)?;
        Ok((answered, scraped))
    })?;

    progress.step("compare", || {
        verdict::print(&verdict::Evidence {
            answered,
            scraped,
            logged: apache.logged(answered)?,
            report: probe.report()?,
            stored: Stored::read(&influx)?,
        })
    })?;
    progress.say(format_args!(
        "the report is kept: {}",
        pages.report.display()
    ));
    Ok(())
}
