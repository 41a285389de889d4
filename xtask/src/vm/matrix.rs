//! The result: kernels down, back ends across; below it the name of every test that
//! did not run, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::kernels::Kernel;
use super::outcome::{Column, Outcome};
use crate::test::Tally;
use crate::verifier::Budget;

/// One row.
pub struct Row {
    /// The kernel.
    pub kernel: Kernel,
    /// How often it was started until it was up.
    pub boots: u32,
    /// What came of the last boot, or why there was none.
    pub outcome: Result<Outcome, String>,
}

/// A back end of a kernel.
enum Cell<'a> {
    /// The tests ran.
    Ran(&'a Column),
    /// The kernel refuses it.
    Refused(&'a str),
    /// It was not asked for, or has no tests.
    Nothing,
}

impl Row {
    fn cell(&self, back_end: &str) -> Cell<'_> {
        let Ok(outcome) = &self.outcome else {
            return Cell::Nothing;
        };
        if let Some(column) = outcome.columns.get(back_end) {
            return Cell::Ran(column);
        }
        let mut back_ends = outcome.report.iter().flat_map(|report| &report.back_ends);
        let refused = back_ends.find(|known| known.name == back_end && !known.usable);
        refused.map_or(Cell::Nothing, |known| {
            Cell::Refused(known.reason.as_deref().unwrap_or("no reason given"))
        })
    }

    /// Everything about this row that must not be. What the verifier's budget names
    /// must still be taken; other back ends are welcome.
    pub fn faults(&self, budget: &Budget) -> Vec<String> {
        let name = self.kernel.name;
        let outcome = match &self.outcome {
            Ok(outcome) => outcome,
            Err(why) => return vec![format!("{name}: {why}")],
        };
        let mut faults = Vec::new();
        for (back_end, column) in &outcome.columns {
            for test in &column.failed {
                faults.push(format!("{name}, {back_end}: {test} failed"));
            }
            if column.missing() > 0 {
                let missing = column.missing();
                faults.push(format!("{name}, {back_end}: {missing} tests did not end"));
            }
        }
        if let Some(report) = &outcome.report {
            faults.extend(budget.faults(&self.kernel.budget(), report));
        }
        if !outcome.complete {
            faults.push(format!("{name}: the guest did not come to its end"));
        }
        faults
    }

    /// Its tests, for the count; what went wrong are its faults.
    pub fn tally(&self) -> Tally {
        let columns = self.outcome.iter().flat_map(|outcome| &outcome.columns);
        let (mut passed, mut skipped) = (0, 0);
        for (_, column) in columns {
            passed += column.passed;
            skipped += column.skipped.len();
        }
        Tally {
            passed: passed as u64,
            failed: 0,
            skipped: skipped as u64,
            ..Tally::default()
        }
    }
}

/// The matrix, and all skips and refusals with their reasons.
pub fn text(rows: &[Row], back_ends: &[String]) -> String {
    let mut text = format!("{:<12}", "kernel");
    for back_end in back_ends {
        let _ = write!(text, "  {back_end:<22}");
    }
    text = text.trim_end().to_owned() + "\n";
    for row in rows {
        let _ = write!(text, "{:<12}", row.kernel.name);
        for back_end in back_ends {
            let _ = write!(text, "  {:<22}", summary(row, back_end));
        }
        text = text.trim_end().to_owned() + "\n";
    }
    for row in rows {
        remarks(row, back_ends, &mut text);
    }
    text
}

/// `80 ok, 1 FAILED, 12 skipped`.
fn summary(row: &Row, back_end: &str) -> String {
    if row.outcome.is_err() {
        return "no guest".to_owned();
    }
    match row.cell(back_end) {
        Cell::Nothing => "-".to_owned(),
        Cell::Refused(_) => "refused".to_owned(),
        Cell::Ran(column) => {
            let parts = [
                (column.passed, "ok"),
                (column.failed.len(), "FAILED"),
                (column.missing(), "MISSING"),
                (column.skipped.len(), "skipped"),
            ];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            let parts: Vec<_> = parts
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            parts.join(", ")
        }
    }
}

fn remarks(row: &Row, back_ends: &[String], text: &mut String) {
    let name = row.kernel.name;
    if row.boots > 1 {
        let _ = writeln!(text, "{name}: did not boot at first; boots: {}", row.boots);
    }
    let outcome = match &row.outcome {
        Ok(outcome) => outcome,
        Err(why) => {
            let _ = writeln!(text, "{name}: {why}");
            return;
        }
    };
    if let Some(report) = &outcome.report {
        let _ = writeln!(text, "{name} is {}", report.kernel);
    }
    if let Some(part) = row.kernel.only {
        let _ = writeln!(text, "{name}: only the tests of {part}");
    }
    for line in &outcome.complaints {
        let _ = writeln!(text, "{name}, the kernel: {line}");
    }
    for back_end in back_ends {
        match row.cell(back_end) {
            Cell::Nothing => {}
            Cell::Refused(why) => {
                let first = why.lines().next().unwrap_or_default();
                let _ = writeln!(text, "{name} refuses {back_end}: {first}");
            }
            Cell::Ran(column) => {
                for (reason, tests) in by_reason(column) {
                    let tests: Vec<_> = tests.into_iter().collect();
                    let (count, tests) = (tests.len(), tests.join(", "));
                    let _ = writeln!(
                        text,
                        "{name}, {back_end}: {count} skipped, {reason}: {tests}"
                    );
                }
            }
        }
    }
}

fn by_reason(column: &Column) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut reasons: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (test, reason) in &column.skipped {
        reasons.entry(reason).or_default().insert(test);
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::super::kernels;
    use super::*;
    use crate::verifier::report::{BackEnd, Report};

    fn row() -> Row {
        let back_end = |name: &str, usable: bool| BackEnd {
            name: name.to_owned(),
            usable,
            reason: (!usable).then(|| "no such tracepoint\nmore".to_owned()),
            programs: Vec::new(),
        };
        let mut outcome = Outcome::default();
        (outcome.up, outcome.complete) = (true, true);
        outcome.report = Some(Report {
            kernel: "6.12.1-cloud".to_owned(),
            back_ends: vec![back_end("sock", false), back_end("syscall", true)],
        });
        outcome.columns.insert(
            "syscall".to_owned(),
            Column {
                expected: 4,
                passed: 1,
                failed: vec!["b".to_owned()],
                skipped: [("c".to_owned(), "time is emulated".to_owned())].into(),
            },
        );
        Row {
            kernel: kernels::choose(&["6.12".to_owned()], false).unwrap()[0],
            boots: 2,
            outcome: Ok(outcome),
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn shows_what_ran_and_why_the_rest_did_not() {
        let text = text(&[row()], &names(&["sock", "syscall"]));
        for part in [
            "6.12          refused                 1 ok, 1 FAILED, 1 MISSING, 1 skipped\n",
            "6.12 is 6.12.1-cloud\n",
            "6.12 refuses sock: no such tracepoint\n",
            "6.12, syscall: 1 skipped, time is emulated: c\n",
            "6.12: did not boot at first; boots: 2\n",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn a_back_end_that_worked_before_must_work() {
        let faults = row().faults(&Budget::default());
        assert_eq!(faults.len(), 2, "{faults:?}");
        let mut before = row().outcome.unwrap().report.unwrap();
        before.back_ends[0].usable = true;
        let mut budget = Budget::default();
        budget.update("debian-6.12", &before);
        let faults = row().faults(&budget);
        assert!(
            faults[2].starts_with("debian-6.12 refuses sock: "),
            "{faults:?}"
        );
    }
}
