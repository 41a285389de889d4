//! What came of one guest, read from its serial line.

use std::collections::BTreeMap;

use super::guest::{Event, event};
use crate::test::says_skipped;
use crate::verifier::report::Report;

/// All that a guest said that counts.
#[derive(Debug, Default)]
pub struct Outcome {
    /// It booted.
    pub up: bool,
    /// It did all that it was told.
    pub complete: bool,
    /// What its kernel takes.
    pub report: Option<Report>,
    /// The tests by column.
    pub columns: BTreeMap<String, Column>,
    /// The kernel's complaints.
    pub complaints: Vec<String>,
    /// What failed tests left to read.
    pub details: Vec<String>,
    current: Option<String>,
    in_details: bool,
}

/// The tests of one back end.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// How many there should be.
    pub expected: usize,
    /// How many held.
    pub passed: usize,
    /// The names of those that did not.
    pub failed: Vec<String>,
    /// Name and reason of those that did not run.
    pub skipped: BTreeMap<String, String>,
}

impl Column {
    /// Those of which nothing was heard.
    pub fn missing(&self) -> usize {
        let heard = self.passed + self.failed.len() + self.skipped.len();
        self.expected.saturating_sub(heard)
    }
}

impl Outcome {
    /// Takes in the next line; returns one that those who wait should see.
    pub fn line(&mut self, line: &str) -> Option<String> {
        if let Some(event) = event(line) {
            return self.event(event);
        }
        if line == "failures:" {
            self.in_details = true;
        } else if line.starts_with("test result: ") {
            self.in_details = false;
        }
        if self.in_details {
            self.details.push(line.to_owned());
            return None;
        }
        let column = self.columns.get_mut(self.current.as_ref()?)?;
        if let Some((name, reason)) = says_skipped(line) {
            column.skipped.insert(name.to_owned(), reason.to_owned());
        }
        let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
        match result {
            // A test that says that it was skipped ends well, too.
            "ok" if column.skipped.contains_key(name) => None,
            "ok" => {
                column.passed += 1;
                None
            }
            _ if result.starts_with("ignored") => {
                column.skipped.insert(name.to_owned(), result.to_owned());
                None
            }
            _ => {
                column.failed.push(name.to_owned());
                Some(format!("{name} failed"))
            }
        }
    }

    fn event(&mut self, event: Event) -> Option<String> {
        match event {
            Event::Up => self.up = true,
            Event::Checked { report } => self.report = Some(report),
            Event::Column { name, tests } => {
                let said = format!("{tests} tests with back end {name}");
                let column = Column {
                    expected: tests,
                    ..Column::default()
                };
                self.columns.insert(name.clone(), column);
                self.current = Some(name);
                return Some(said);
            }
            Event::Kernel { line } => self.complaints.push(line),
            Event::End => self.complete = true,
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(lines: &str) -> Outcome {
        let mut outcome = Outcome::default();
        for line in lines.lines() {
            outcome.line(line.trim());
        }
        outcome
    }

    const GUEST: &str = r#"
        SeaBIOS
        @vm {"event":"up"}
        @vm {"event":"checked","report":{"kernel":"6.1","back_ends":[]}}
        @vm {"event":"column","name":"sock","tests":5}
        running 5 tests
        test a::sock ... ok
        skipped b::sock: time is emulated
        test b::sock ... ok
        test c::sock ... FAILED
        test d::sock ... ignored, too big
        failures:
        ---- c::sock stdout ----
        test x ... ok
        test result: FAILED. 2 passed; 1 failed
        @vm {"event":"end"}"#;

    #[test]
    fn every_test_is_counted_once() {
        let outcome = outcome(GUEST);
        assert!(outcome.up && outcome.complete && outcome.report.is_some());
        let column = &outcome.columns["sock"];
        assert_eq!(column.passed, 1);
        assert_eq!(column.failed, ["c::sock"]);
        assert_eq!(column.skipped["b::sock"], "time is emulated");
        assert_eq!(column.skipped["d::sock"], "ignored, too big");
        assert_eq!(column.missing(), 1);
        assert!(
            outcome
                .details
                .contains(&"---- c::sock stdout ----".to_owned())
        );
    }

    #[test]
    fn a_guest_that_dies_is_not_complete() {
        let outcome = outcome("@vm {\"event\":\"up\"}\nKernel panic");
        assert!(outcome.up && !outcome.complete);
    }
}
