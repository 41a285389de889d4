//! The counts at the end of each test binary, summed.

use std::fmt;
use std::ops::AddAssign;

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// They ran and held.
    pub passed: u64,
    /// They ran and did not hold.
    pub failed: u64,
    /// They were not run (`#[ignore]`).
    pub skipped: u64,
    /// How often one of them measured again, because a time was off.
    pub again: u64,
}

impl Tally {
    /// Adds what the line says, if it is one of libtest's closing lines:
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; ...`.
    pub fn count(&mut self, line: &str) {
        let line = anstream::adapter::strip_str(line).to_string();
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|result| result.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, word)) = count.split_once(' ') else {
                continue;
            };
            let number: u64 = number.parse().unwrap_or(0);
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl Tally {
    /// So many tests ended well only because they said that they cannot run.
    pub fn skip(&mut self, count: u64) {
        self.passed = self.passed.saturating_sub(count);
        self.skipped += count;
    }
}

/// Whether it is the line of a test that measures again: `again NAME: WHY`.
pub fn says_again(line: &str) -> bool {
    line.strip_prefix("again ")
        .is_some_and(|rest| rest.contains(": "))
}

/// Name and reason in the line of a test that says that it cannot run:
/// `skipped NAME: REASON`.
pub fn says_skipped(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("skipped ")?.split_once(": ")
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.again += other.again;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(out, ", {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_summed() {
        let mut tally = Tally::default();
        for line in [
            "running 4 tests",
            "test one ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: \u{1b}[31mFAILED\u{1b}[0m. 1 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.20s",
        ] {
            tally.count(line);
        }
        assert_eq!(tally.to_string(), "4 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn who_says_that_it_cannot_run_has_not_passed() {
        let line = "skipped cpu::daemon::sock: processors are emulated";
        let said = says_skipped(line);
        assert_eq!(said, Some(("cpu::daemon::sock", "processors are emulated")));
        assert_eq!(says_skipped("test cpu::daemon::sock ... ok"), None);
        let mut tally = Tally::default();
        tally.count("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured");
        tally.skip(1);
        assert_eq!(tally.to_string(), "2 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn who_measures_again_says_so() {
        assert!(says_again(
            "again cpu::daemon::sock: 12 us instead of 10; 3 of 4"
        ));
        assert!(!says_again("test cpu::daemon::sock ... ok"));
    }

    #[test]
    fn nothing_skipped_is_not_mentioned() {
        let tally = Tally {
            passed: 12,
            ..Tally::default()
        };
        assert_eq!(tally.to_string(), "12 passed, 0 failed");
    }
}
