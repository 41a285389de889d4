//! The results, for people and as JSON.

use serde::Serialize;

use super::goals::Goal;
use super::machine::Machine;
use super::results::{Comparison, ProbeCost, Results, Tax};
use super::rounds::Taken;
use super::table::{mebibytes, microseconds, or_dash, ratio, table};
use super::variant::Variant;
use crate::progress::{bad, bold, good};

/// A variant that cannot be measured here.
#[derive(Debug, Serialize)]
pub struct Skipped {
    /// Which one.
    pub variant: Variant,
    /// In the kernel's or wsgiprobe's words.
    pub reason: String,
}

/// All there is to tell.
#[derive(Serialize)]
pub struct Report<'a> {
    /// What was typed.
    pub command: Vec<String>,
    /// What wsgiprobe says it is.
    pub wsgiprobe: Option<String>,
    /// Where it was measured.
    pub machine: &'a Machine,
    /// Share of the time that the hypervisor gave to others.
    pub stolen: f64,
    /// What was left out.
    pub skipped: &'a [Skipped],
    /// What speaks against the figures.
    pub warnings: &'a [String],
    /// The figures.
    pub results: &'a Results,
    /// The figures of one back end against what was promised.
    pub goals: &'a [Goal],
    /// What they were made of.
    pub taken: &'a Taken,
}

impl Report<'_> {
    /// Prints it as Markdown.
    pub fn print(&self, with_goals: bool) {
        anstream::println!("\n{}", self.machine.line());
        for skipped in self.skipped {
            anstream::println!(
                "not measured: {}: {}",
                skipped.variant.name(),
                skipped.reason
            );
        }
        for comparison in &self.results.comparisons {
            print_comparison(comparison);
        }
        print_probes(&self.results.probes);
        print_taxes(&self.results.taxes);
        if with_goals {
            print_goals(self.goals);
        }
        for warning in self.warnings {
            anstream::println!("{}: {warning}", bad("warning"));
        }
    }
}

fn print_comparison(comparison: &Comparison) {
    let Comparison {
        mode,
        load,
        bare,
        rows,
    } = comparison;
    anstream::println!(
        "\n{}\n\nbare: {:.0} requests/s, p50 {:.2} ms, p99 {:.2} ms, {:.1} µs of the server's CPU \
         a request. Against that:\n",
        bold(format_args!("{}, {}", mode.name(), load.name())),
        bare.rate,
        bare.p50 * 1e3,
        bare.p99 * 1e3,
        bare.server_cpu / 1e3
    );
    let head = [
        "variant",
        "requests/s",
        "p50",
        "p99",
        "server CPU a request",
        "failed",
    ];
    let rows = rows.iter().map(|row| {
        vec![
            row.variant.name().to_owned(),
            or_dash(row.rate, ratio),
            or_dash(row.p50, ratio),
            or_dash(row.p99, ratio),
            or_dash(row.server_cpu, ratio),
            format!("{:.1} ‰", row.errors),
        ]
    });
    anstream::println!("{}", table(&head, 1, rows.collect()));
}

fn print_probes(probes: &[ProbeCost]) {
    if probes.is_empty() {
        return;
    }
    anstream::println!("\n{}\n", bold("wsgiprobe's own: a request"));
    let head = [
        "mode",
        "load",
        "back end",
        "its CPU, µs",
        "in the kernel, µs",
        "program runs",
    ];
    let rows = probes.iter().map(|probe| {
        let mut row = names(probe);
        row.extend([
            or_dash(probe.cpu, microseconds),
            or_dash(probe.bpf, microseconds),
            or_dash(probe.runs, |runs| format!("{:.1}", runs.value)),
        ]);
        row
    });
    anstream::println!("{}", table(&head, 3, rows.collect()));

    anstream::println!(
        "\n{}\n",
        bold("wsgiprobe's own: memory, MiB, and the time to attach, ms")
    );
    let head = [
        "mode",
        "load",
        "back end",
        "RSS",
        "peak",
        "maps",
        "programs",
        "attach",
        "longest",
        "from start",
    ];
    let rows = probes.iter().map(|probe| {
        let mut row = names(probe);
        row.extend([
            mebibytes(probe.rss),
            mebibytes(probe.rss_peak),
            mebibytes(probe.map_bytes),
            mebibytes(probe.program_bytes),
            format!("{:.0}", probe.attach_ms),
            format!("{:.0}", probe.attach_ms_max),
            format!("{:.0}", probe.start_ms),
        ]);
        row
    });
    anstream::println!("{}", table(&head, 3, rows.collect()));

    anstream::println!("\n{}\n", bold("Requests, by who counts them"));
    let head = [
        "mode",
        "load",
        "back end",
        "access log",
        "seen",
        "lost",
        "because of",
    ];
    let rows = probes.iter().map(|probe| {
        let reasons = probe.lost_by.iter();
        let reasons: Vec<_> = reasons
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        let mut row = names(probe);
        row.extend([
            probe.logged.to_string(),
            probe.seen.to_string(),
            probe.lost.to_string(),
            reasons.join(", "),
        ]);
        row
    });
    anstream::println!("{}", table(&head, 3, rows.collect()));
}

fn names(probe: &ProbeCost) -> Vec<String> {
    [probe.mode.name(), probe.load.name(), probe.variant.name()]
        .map(str::to_owned)
        .to_vec()
}

/// Prints what the calls of others cost.
pub fn print_taxes(taxes: &[Tax]) {
    if taxes.is_empty() {
        return;
    }
    anstream::println!(
        "\n{}\n",
        bold("System calls of a process that is not watched")
    );
    let rows = taxes.iter().map(|tax| {
        vec![
            tax.call.name().to_owned(),
            tax.variant.name().to_owned(),
            format!("{:.0}", tax.nanoseconds),
            or_dash(tax.ratio, ratio),
        ]
    });
    let head = ["call", "variant", "ns", "against bare"];
    anstream::println!("{}", table(&head, 2, rows.collect()));
}

fn print_goals(goals: &[Goal]) {
    anstream::println!("\n{}\n", bold("Goals, for `sock`"));
    let rows: Vec<Vec<String>> = goals
        .iter()
        .map(|goal| {
            vec![
                goal.what.clone(),
                goal.bound.clone(),
                goal.figure.clone(),
                goal.verdict().to_owned(),
            ]
        })
        .collect();
    let head = ["what", "goal", "measured", "verdict"];
    anstream::println!("{}", table(&head, 1, rows));
    let missed = goals.iter().filter(|goal| goal.met != Some(true)).count();
    let line = format!("{} of {} goals met", goals.len() - missed, goals.len());
    if missed == 0 {
        anstream::println!("\n{}", good(line));
    } else {
        anstream::println!("\n{}", bad(line));
    }
}
