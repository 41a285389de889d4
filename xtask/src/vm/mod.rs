//! `cargo xtask vm`: the end-to-end tests on Debian's own kernels, under QEMU.
//!
//! [`fetch`] gets a kernel ([`kernels`]) through a private [`apt`], [`root`] makes the
//! guests' file system, [`initrd`] what a kernel starts with: all of that is kept in
//! the [`cache`], and a [`machine`] has one of each. [`payload`] packs what is under test, with a [`plan`]; [`crew`] has several guests
//! at work, [`boot`] runs QEMU, [`guest`] is what this program does inside. [`outcome`] reads what the guest
//! says, [`matrix`] shows it.
//!
//! Processors are emulated, since kernels of other versions find no KVM everywhere:
//! for function, never for timing.

pub mod apt;
mod boot;
pub mod cache;
mod crew;
mod fetch;
pub mod guest;
mod initrd;
pub mod kernels;
mod machine;
mod matrix;
mod outcome;
mod payload;
mod plan;
mod root;

use anyhow::{Context as _, Result, bail};

use self::cache::Cache;
use self::kernels::{Arch, Kernel};
use self::machine::Guest;
use self::matrix::Row;
use self::payload::Programs;
use self::plan::{NO_BACK_END, Plan};
use crate::progress::{Progress, bad};
use crate::setup::packages;
use crate::test::Tally;
use crate::verifier::{Budget, report::Report};

/// Which kernels, and what on them.
#[derive(clap::Args, Default)]
pub struct Options {
    /// 5.10, 6.1, 6.12, 6.18, 7.x, 6.12-arm64; without one 6.1 and 7.x.
    kernels: Vec<String>,
    /// Every kernel.
    #[arg(long)]
    all: bool,
    /// Only this hook back end (or `none`: tests without one); may be repeated.
    #[arg(long = "backend")]
    back_ends: Vec<String>,
    /// Only the back end that `--hooks auto` takes.
    #[arg(long, conflicts_with = "back_ends")]
    auto: bool,
    /// Only tests with this in their name; may be repeated.
    #[arg(long = "test")]
    tests: Vec<String>,
    /// Fetch the newest kernels, even where there are some in the cache.
    #[arg(long)]
    refresh: bool,
}

impl Options {
    /// For the test command: everything, or what takes no longer than the rest of it.
    pub fn tests(all: bool, test: Option<String>) -> Self {
        Self {
            all,
            auto: !all,
            tests: test.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// Runs it, prints the matrix.
pub fn run(options: &Options) -> Result<()> {
    let tally = tally(options)?;
    if tally.failed > 0 {
        bail!("{tally}");
    }
    println!("{tally}");
    Ok(())
}

/// As [`run`]; the counts instead of a verdict.
pub fn tally(options: &Options) -> Result<Tally> {
    let kernels = kernels::choose(&options.kernels, options.all)?;
    let mut progress = Progress::new("vm", 3);
    let programs = build(&mut progress, &kernels)?;
    let columns = columns(&programs[0], options)?;
    let tests = programs[0].names(&options.tests)?;
    if tests.is_empty() {
        println!("no end-to-end test is named so");
        return Ok(Tally::default());
    }
    let guests = progress.step("get kernels and a root", || {
        prepare(&kernels, options.refresh)
    })?;

    let mut plan = Plan::of(&tests, &programs[0].back_ends()?);
    plan.columns.retain(|name, _| columns.contains(name));
    plan.auto = options.auto;
    let rows = progress.step("run the tests", || crew::rows(&guests, &programs, &plan))?;
    for row in &rows {
        row.outcome
            .iter()
            .flat_map(|outcome| &outcome.details)
            .for_each(|line| {
                println!("{}| {line}", row.kernel.name);
            });
    }
    println!("\n{}", matrix::text(&rows, &columns));
    let mut tally = Tally::default();
    let budget = Budget::read()?;
    for row in &rows {
        let faults = row.faults(&budget);
        for fault in &faults {
            anstream::println!("{} {fault}", bad("FAULT"));
        }
        tally += row.tally();
        tally.failed += faults.len() as u64;
    }
    Ok(tally)
}

/// What these kernels say of wsgiprobe, with their names in the verifier's budget; runs
/// no test.
pub fn reports(names: &[String]) -> Result<Vec<(String, Report)>> {
    let kernels = kernels::choose(names, false)?;
    let mut progress = Progress::new("vm", 3);
    let programs = build(&mut progress, &kernels)?;
    let guests = progress.step("get kernels and a root", || prepare(&kernels, false))?;
    let plan = Plan::default();
    let rows = progress.step("ask the kernels", || crew::rows(&guests, &programs, &plan))?;
    let report = |row: Row| {
        let name = row.kernel.budget();
        let report = row.outcome.ok().and_then(|outcome| outcome.report);
        let report = report.with_context(|| format!("kernel {name} did not answer"))?;
        Ok((name, report))
    };
    rows.into_iter().map(report).collect()
}

/// For this machine's processor first, then for each other that is wanted.
fn build(progress: &mut Progress, kernels: &[Kernel]) -> Result<Vec<Programs>> {
    packages::install_missing(progress, &packages::KERNELS)?;
    if kernels.iter().any(|kernel| kernel.arch == Arch::Arm64) {
        packages::install_missing(progress, &packages::ARM64)?;
    }
    progress.step("build what is to be tested", || {
        let mut all = vec![Programs::build()?];
        for kernel in kernels {
            if !all.iter().any(|programs| programs.are_for(kernel.arch)) {
                all.push(Programs::build_for(kernel.arch)?);
            }
        }
        Ok(all)
    })
}

fn prepare(kernels: &[Kernel], anew: bool) -> Result<Vec<Guest>> {
    let cache = Cache::open()?;
    let prepare = |kernel: &Kernel| Guest::prepare(&cache, *kernel, anew);
    kernels.iter().map(prepare).collect()
}

/// The columns of the matrix.
fn columns(programs: &Programs, options: &Options) -> Result<Vec<String>> {
    let mut all = programs.back_ends()?;
    all.push(NO_BACK_END.to_owned());
    if let Some(unknown) = options.back_ends.iter().find(|name| !all.contains(name)) {
        bail!(
            "there is no back end {unknown}; there are {}",
            all.join(", ")
        );
    }
    let wanted = |name: &String| options.back_ends.is_empty() || options.back_ends.contains(name);
    all.retain(wanted);
    Ok(all)
}
