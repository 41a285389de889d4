//! `cargo xtask demo`: wsgiprobe at work, from nothing to a picture.
//!
//! A private Apache with a small site, a private InfluxDB, a private OpenTelemetry
//! collector, a load of known size, and wsgiprobe between them with every output; then
//! every count is held against Apache's own access log. All servers are on loopback and
//! end with the demo, however that ends.
//!
//! wsgiprobe is attached before the load begins and ends after it, so that the
//! counts have to agree to the request.

mod apache;
mod camera;
mod collector;
mod load;
mod pages;
mod probe;
mod routes;
mod scene;
mod screen;
mod stored;
mod tour;
mod verdict;

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
pub use apache::Apache;
use probe::Probe;
use scene::Scene;
use stored::Stored;
use tempfile::TempDir;

use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::{dashboards, root, setup, workspace};

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
    /// Then keep all of it running under load until Ctrl-C: to open the page, say.
    #[arg(long)]
    stay: bool,
    /// Then take the README's pictures, to docs/images.
    #[arg(long)]
    screenshots: bool,
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
    let mut progress = Progress::new("demo", 6 + usize::from(options.screenshots));

    if options.no_setup {
        progress.begin();
        progress.say("setup: left out");
    } else {
        progress.step("setup", setup::run)?;
    }
    let binary = progress.step("build wsgiprobe", workspace::wsgiprobe)?;

    let scene = progress.step("start Apache, InfluxDB and Rotel, all private", || {
        Scene::set(folder.path(), interrupt)
    })?;
    let mut probe = progress.step("attach wsgiprobe", || {
        Probe::attach(&binary, &scene, Some(watched), interrupt)
    })?;
    scene.say_where(&progress, &binary);

    let url = scene.apache.url();
    let what = format!("load: {} routes at a fixed pace", routes::ROUTES.len());
    let loaded = watched.saturating_sub(AFTER_LOAD);
    let (answered, scraped, shown, picture) = progress.step(what, || {
        let (answered, picture) = thread::scope(|scope| {
            let picture = scope.spawn(|| screen::picture(&binary, &scene, loaded, interrupt));
            let answered = load::run(url, loaded, interrupt);
            (answered, picture.join().expect("tmux does not panic"))
        });
        let answered = answered?;
        let scraped = scene.pages.scraped(answered, interrupt)?;
        let shown = scene.pages.shown()?;
        probe.wait(interrupt)?;
        Ok((answered, scraped, shown, picture?))
    })?;
    progress.say("on a terminal wsgiprobe is this screen:");
    anstream::println!("{picture}");

    progress.step("compare", || {
        let report = probe.report()?;
        verdict::print(&verdict::Evidence {
            answered,
            scraped,
            shown,
            collected: scene.collector.requests(report.lines, interrupt)?,
            logged: scene.apache.logged(answered)?,
            report,
            stored: Stored::read(&scene.influx)?,
        })
    })?;
    progress.say(format_args!(
        "the report is kept: {}",
        scene.pages.report.display()
    ));
    let rendered = dashboards::render(&binary)?;
    progress.say(format_args!(
        "{} Grafana dashboards to import: target/dashboards (dashboards/README.md)",
        rendered.len()
    ));
    if options.screenshots {
        let taken = progress.step("screenshots", || {
            tour::screenshots(&scene, &binary, interrupt)
        })?;
        for (name, bytes) in taken {
            progress.say(format_args!("docs/images/{name}: {bytes} bytes"));
        }
    }
    if options.stay {
        tour::stay(&scene, &binary, &progress, interrupt)?;
    }
    Ok(())
}
