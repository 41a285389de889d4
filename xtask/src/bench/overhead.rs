//! `cargo xtask bench overhead`: all variants, measured alternately.

use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::apache::{Apache, Shape};
use super::goals;
use super::load::Kind;
use super::machine::Machine;
use super::probe::Probe;
use super::report::{self, Skipped};
use super::results::Results;
use super::rounds::{Rounds, Taken};
use super::tax;
use super::variant::{Mode, Mpm, Variant};
use crate::command;
use crate::interrupt::Interrupt;
use crate::progress::bad;
use crate::workspace;

/// How to measure.
#[derive(Clone, clap::Args)]
pub struct Options {
    /// How often each variant is measured.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// How long each measurement takes.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Where the application runs.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["embedded", "daemon"])]
    pub modes: Vec<Mode>,
    /// Apache's MPM.
    #[arg(long, value_enum, default_value_t)]
    pub mpm: Mpm,
    /// What is compared with the bare server. Back ends that this kernel does not
    /// allow are left out, and named.
    #[arg(long, value_enum, value_delimiter = ',', default_values = [
        "bare-again", "sock", "fentry", "syscall", "events", "middleware", "decorator",
    ])]
    pub variants: Vec<Variant>,
    /// Which loads.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["saturated", "fixed"])]
    pub load: Vec<Kind>,
    /// Connections of either load. With as many as the five threads Apache's event
    /// MPM now and then closes kept connections, to have a thread free.
    #[arg(long, value_name = "N", default_value = "4")]
    pub connections: NonZeroU32,
    /// Requests a second of the fixed load.
    #[arg(long, value_name = "N", default_value = "250")]
    pub rate: NonZeroU32,
    /// Extra rounds of 2 s in which the kernel times the programs.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub bpf_rounds: u32,
    /// Leave out the system calls of an unwatched process.
    #[arg(long)]
    pub no_tax: bool,
    /// Hold the figures of `sock` against what was promised.
    #[arg(long)]
    pub goals: bool,
    /// Write all samples and results there, too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw the orders of the rounds from this number.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

impl Options {
    /// With the bare server first, whatever was asked for, and nothing twice.
    fn all_variants(&self) -> Vec<Variant> {
        let mut variants = vec![Variant::Bare];
        variants.extend(&self.variants);
        variants.sort_unstable();
        variants.dedup();
        variants
    }
}

/// Measures and prints. What was measured before an error or Ctrl-C is printed
/// too, if it is at least a round.
pub fn run(options: &Options) -> Result<()> {
    let machine = Machine::look()?;
    // wsgiprobe's build would be part of what it complains of.
    let busy = machine.complaints();
    for complaint in &busy {
        anstream::eprintln!("{}: {complaint}", bad("warning"));
    }
    let binary = workspace::wsgiprobe()?;
    let interrupt = Interrupt::install()?;

    let tried = Apache::start(
        Shape::small(Mode::Daemon, options.mpm),
        Variant::Bare,
        None,
        &interrupt,
    )?;
    let (variants, skipped) = usable(options.all_variants(), |hooks| {
        let probe = Probe::attach(&binary, hooks, tried.pid(), &interrupt)?;
        probe.finish(&interrupt).map(drop)
    });
    drop(tried);
    interrupt.check()?;
    for skipped in &skipped {
        anstream::println!("left out: {}: {}", skipped.variant.name(), skipped.reason);
    }
    ensure!(
        variants.len() > 1,
        "there is nothing to compare with the bare server"
    );

    let mut taken = Taken::default();
    let rounds = Rounds {
        options,
        variants: &variants,
        binary: &binary,
        interrupt: &interrupt,
    };
    let mut done = rounds.compare(&mut taken);
    if done.is_ok() && options.bpf_rounds > 0 {
        done = rounds.count_runs(&mut taken);
    }
    if done.is_ok() && !options.no_tax {
        let measured = tax::measure(&binary, &variants, options.rounds, options.seed, &interrupt);
        done = measured.map(|samples| taken.tax = samples);
    }
    taken.drop_unfinished_rounds(variants.len() * options.load.len() * options.modes.len());
    if taken.compared.is_empty() {
        return done;
    }

    let stolen = machine.stolen()?;
    let results = Results::of(&taken);
    let mut warnings = results.doubts();
    warnings.extend(taken.repeated.iter().cloned());
    warnings.extend(busy);
    warnings.extend(Machine::complaint_of_steal(stolen));
    let goals = goals::check(&results, Variant::Sock);
    let report = report::Report {
        command: std::env::args().skip(1).collect(),
        wsgiprobe: command::first_line(std::process::Command::new(&binary).arg("--version")),
        machine: &machine,
        stolen,
        skipped: &skipped,
        warnings: &warnings,
        results: &results,
        goals: &goals,
        taken: &taken,
    };
    report.print(options.goals);
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&report).context("writing the results as JSON")?;
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    done
}

/// Those that can be measured here, and why the others cannot.
fn usable(
    variants: Vec<Variant>,
    mut attach: impl FnMut(&str) -> Result<()>,
) -> (Vec<Variant>, Vec<Skipped>) {
    let mut usable = Vec::new();
    let mut skipped = Vec::new();
    for variant in variants {
        match variant.hooks().map_or(Ok(()), &mut attach) {
            Ok(()) => usable.push(variant),
            Err(error) => skipped.push(Skipped {
                variant,
                reason: format!("{error:#}"),
            }),
        }
    }
    (usable, skipped)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn the_bare_server_is_always_there_and_first() {
        let line = Line::parse_from(["bench", "--variants", "sock,bare-again,sock"]);
        let expected = [Variant::Bare, Variant::BareAgain, Variant::Sock];
        assert_eq!(line.options.all_variants(), expected);
    }

    #[test]
    fn what_cannot_be_attached_is_named_with_the_reason() {
        let all = vec![
            Variant::Bare,
            Variant::Sock,
            Variant::Fentry,
            Variant::Events,
        ];
        let (usable, skipped) = usable(all, |hooks| match hooks {
            "fentry" => bail!("the kernel refuses"),
            _ => Ok(()),
        });
        assert_eq!(usable, [Variant::Bare, Variant::Sock, Variant::Events]);
        assert_eq!(skipped.len(), 1);
        assert_eq!(skipped[0].variant, Variant::Fentry);
        assert_eq!(skipped[0].reason, "the kernel refuses");
    }
}
