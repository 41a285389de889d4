//! `wsgiprobe compare`: what an instrument costs, and whether a change is better.
//!
//! ```text
//! variant::Plan --> rounds --> sample: server, probe, load; usage, access_log, said
//!                     |
//!                     v
//!                  findings (verdict, notes) --> results --> table, JSON, page, influx, gate
//! ```

mod access_log;
pub mod figure;
mod findings;
mod gate;
pub mod influx;
mod interrupt;
pub mod load;
mod notes;
mod others;
pub mod page;
pub mod places;
mod probe;
mod process;
mod progress;
pub mod recordings;
pub mod results;
mod rounds;
mod said;
mod sample;
mod server;
mod table;
mod usage;
pub mod variant;
mod verdict;
pub mod words;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cli::Influx;
use crate::discovery::{self, Selection, Snapshot};
use crate::measure::machine::Machine;
use crate::output::{Console, clean};
use crate::privileges;
use interrupt::Interrupt;
use load::Page;
use progress::Progress;
use results::Results;
use variant::Plan;

/// Where what came out goes.
#[derive(Debug)]
pub struct Outputs {
    /// The results as JSON; `-` is stdout.
    pub json: Option<PathBuf>,
    /// The results as an HTML page.
    pub report: Option<PathBuf>,
    /// A database that gets them, too.
    pub influx: Option<Influx>,
    /// The share that nothing may cost more than, 0 to 1.
    pub fail_over: Option<f64>,
}

/// Compares. What was measured before an error or Ctrl-C is put out too, if it is at
/// least a round.
pub fn run(mut plan: Plan, outputs: &Outputs) -> Result<()> {
    if plan.variants.iter().any(|variant| variant.wsgiprobe) {
        privileges::check()?;
    }
    if plan.variants.iter().any(|variant| variant.server.is_none()) {
        plan.pids = running(&plan)?;
    }
    let plan = &plan;
    let machine = Machine::look()?;
    let mut notes = machine.complaints();
    notes.extend(others::complaint_of_scaling());
    let interrupt = Interrupt::install()?;
    let temporary = tempfile::Builder::new()
        .prefix("wsgiprobe-compare.")
        .tempdir();
    let temporary = temporary.context("creating a folder for logs")?;
    let logs = plan
        .keep
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    open_to_servers(&logs)?;

    let mut progress = Progress::new(plan);
    for note in &notes {
        progress.say(&format!("note: {note}"));
    }
    progress.say(&format!(
        "{} rounds of {} variants take {} at least",
        plan.rounds,
        plan.variants.len(),
        humantime::format_duration(rounds::estimate(plan))
    ));
    let (taken, mut done) = rounds::run(plan, &logs, &interrupt, &mut progress);
    drop(progress);
    if done.is_err() && !interrupt.is_set() {
        let kept = temporary.keep();
        let logs = plan.keep.as_ref().unwrap_or(&kept).display().to_string();
        done = done.with_context(|| format!("the comparison ended early; logs are in {logs}"));
    }
    if taken.finished == 0 {
        return done;
    }

    let stolen = machine.stolen()?;
    notes.extend(Machine::complaint_of_steal(stolen));
    notes.extend(notes::of_rounds(plan, &taken));
    let mut results = findings::results(plan, &taken, &machine, stolen, notes);
    let more = notes::of_requests(plan, &results.variants);
    results.notes.extend(more);
    put_out(&results, outputs)?;
    done?;
    match outputs.fail_over {
        Some(share) => gate::check(&results, share),
        None => Ok(()),
    }
}

/// The processes of the server that runs: those that are named, or whoever listens where
/// the page is.
fn running(plan: &Plan) -> Result<Vec<u32>> {
    let mut selection = Selection {
        pids: plan.pids.clone(),
        ..Selection::default()
    };
    if selection.pids.is_empty() {
        let page = Page::new(&plan.url, &plan.headers)?;
        selection.ports = vec![page.address().port()];
    }
    let snapshot = Snapshot::read().map_err(discovery::Error::Proc)?;
    let roots = selection.resolve(&snapshot)?;
    Ok(roots.iter().map(|root| root.pid).collect())
}

fn put_out(results: &Results, outputs: &Outputs) -> Result<()> {
    let is_stdout = outputs.json.as_deref().is_some_and(crate::cli::is_stdout);
    Console::new(is_stdout).print(&table::lines(results));
    let write = |path: &Path, text: &str| {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    if let Some(path) = &outputs.json {
        let text = serde_json::to_string_pretty(results).context("writing the results as JSON")?;
        if is_stdout {
            crate::print(format!("{text}\n").as_bytes())?;
        } else {
            write(path, &text)?;
        }
    }
    if let Some(path) = &outputs.report {
        write(path, &page::page(results).context("making the report")?)?;
        anstream::eprintln!(
            "wsgiprobe: a report to {}",
            clean(&path.display().to_string())
        );
    }
    if let Some(influx) = &outputs.influx {
        anstream::eprintln!("wsgiprobe: {}", clean(&influx::write(results, influx)?));
    }
    Ok(())
}

/// Makes the folder of the logs, which servers' own users have to get through to.
fn open_to_servers(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let context = || format!("creating {}", folder.display());
    fs::create_dir_all(folder).with_context(context)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).with_context(context)
}
