//! `cargo xtask bench tax`: what others pay who are not watched.
//!
//! wsgiprobe watches an idle Apache while this process, which it does not watch,
//! makes system calls in a tight loop.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::apache::{Apache, Shape};
use super::calls::{Call, Caller};
use super::machine::Machine;
use super::plan;
use super::probe::Probe;
use super::report;
use super::results;
use super::variant::{Mode, Mpm, Variant};
use crate::interrupt::Interrupt;
use crate::progress::{Progress, bad};
use crate::workspace;

/// Between the attach and the first call, for what goes on at a start.
const SETTLE: Duration = Duration::from_millis(300);

/// How to measure.
#[derive(clap::Args)]
pub struct Options {
    /// How often each variant is measured.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Which variants.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["bare-again", "sock", "syscall"])]
    variants: Vec<Variant>,
    /// Draw the orders of the rounds from this number.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// One call, timed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TaxSample {
    /// Counted from 1.
    pub round: usize,
    /// Who watches somebody else meanwhile.
    pub variant: Variant,
    /// What was called.
    pub call: Call,
    /// The time of one, nanoseconds.
    pub nanoseconds: f64,
}

/// Measures and prints.
pub fn run(options: &Options) -> Result<()> {
    for complaint in Machine::look()?.complaints() {
        anstream::eprintln!("{}: {complaint}", bad("warning"));
    }
    let binary = workspace::wsgiprobe()?;
    let interrupt = Interrupt::install()?;
    let mut variants = vec![Variant::Bare];
    variants.extend(&options.variants);
    let samples = measure(&binary, &variants, options.rounds, options.seed, &interrupt)?;
    report::print_taxes(&results::taxes(&samples));
    Ok(())
}

/// Measures the calls under these variants; those inside a server are left out,
/// since they are nothing to other processes.
pub fn measure(
    binary: &Path,
    variants: &[Variant],
    rounds: u32,
    seed: u64,
    interrupt: &Interrupt,
) -> Result<Vec<TaxSample>> {
    let mut variants: Vec<Variant> = variants.to_vec();
    variants.retain(|variant| !variant.is_inside());
    variants.sort_unstable();
    variants.dedup();
    let mut random = fastrand::Rng::with_seed(seed);
    let orders = plan::orders(&variants, rounds as usize, &mut random);

    let apache = Apache::start(
        Shape::small(Mode::Daemon, Mpm::default()),
        Variant::Bare,
        None,
        interrupt,
    )?;
    let mut caller = Caller::new()?;
    // While wsgiprobe runs, a thread reads what it says; and a process with a second thread
    // pays more for each call on a file (`__fget_light`, fs/file.c). So there is always one.
    let (_until_done, done) = mpsc::channel::<()>();
    thread::spawn(move || done.recv());
    let mut progress = Progress::new("calls of others", orders.len());
    let mut samples = Vec::new();
    for (round, order) in orders.into_iter().enumerate() {
        progress.begin();
        progress.say("every call under every variant");
        for variant in order {
            let probe = match variant.hooks() {
                Some(hooks) => Some(Probe::attach(binary, hooks, apache.pid(), interrupt)?),
                None => None,
            };
            thread::sleep(SETTLE);
            for call in Call::ALL {
                interrupt.check()?;
                samples.push(TaxSample {
                    round: round + 1,
                    variant,
                    call,
                    nanoseconds: caller.time(call)?,
                });
            }
            if let Some(probe) = probe {
                probe.finish(interrupt)?;
            }
        }
    }
    Ok(samples)
}
