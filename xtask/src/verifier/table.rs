//! The figures, for people: programs down, kernels across.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::budget::{Budget, growth};
use super::report::Report;

/// A kernel's name in the budget, and what it says.
pub type Answer = (String, Report);

/// All programs on all kernels, each with its distance from the budget.
pub fn text(answers: &[Answer], budget: &Budget) -> String {
    let mut text = format!("{:<26}", "instructions verified");
    for (kernel, _) in answers {
        let _ = write!(text, "  {kernel:>16}");
    }
    text.push('\n');
    let programs: BTreeSet<(&str, &str)> = answers
        .iter()
        .flat_map(|(_, report)| &report.back_ends)
        .flat_map(|back_end| {
            let programs = back_end.programs.iter();
            programs.map(|program| (back_end.name.as_str(), program.name.as_str()))
        })
        .collect();
    for (back_end, program) in programs {
        let _ = write!(text, "{:<26}", format!("{back_end}/{program}"));
        for (kernel, report) in answers {
            let count = count(report, back_end, program);
            let allowed = budget.of(kernel, back_end, program);
            let _ = write!(text, "  {:>16}", cell(count, allowed));
        }
        text.push('\n');
    }
    text
}

/// `None` where it is not loaded; 0 where the kernel does not say.
fn count(report: &Report, back_end: &str, program: &str) -> Option<u64> {
    let mut back_ends = report.back_ends.iter();
    let back_end = back_ends.find(|known| known.name == back_end && known.usable)?;
    let mut programs = back_end.programs.iter();
    Some(programs.find(|known| known.name == program)?.count())
}

fn cell(count: Option<u64>, allowed: Option<u64>) -> String {
    match (count, allowed) {
        (None, _) => "-".to_owned(),
        (Some(0), _) => "not counted".to_owned(),
        (Some(count), None) => format!("{count} (new)"),
        (Some(count), Some(0)) => count.to_string(),
        (Some(count), Some(allowed)) => format!("{count} {:+6.1} %", growth(count, allowed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_far_from_the_budget() {
        assert_eq!(cell(None, Some(3)), "-");
        assert_eq!(cell(Some(0), Some(0)), "not counted");
        assert_eq!(cell(Some(7), None), "7 (new)");
        assert_eq!(cell(Some(1050), Some(1000)), "1050   +5.0 %");
    }
}
