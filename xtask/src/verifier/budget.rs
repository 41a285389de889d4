//! What the repository allows, and what a kernel says against it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::report::Report;
use crate::workspace;

/// Growth over the budget that goes unremarked, percent: compilers differ a little.
pub const GROWTH: f64 = 10.0;

/// Instructions by program; 0 on a kernel that does not count them.
type Programs = BTreeMap<String, u64>;

/// By kernel and back end.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Budget(BTreeMap<String, BTreeMap<String, Programs>>);

/// What the file begins with.
const HEAD: &str = "\
# Instructions that the kernel's verifier goes through for each program, by kernel and
# back end; 0 where the kernel does not say. Written by `cargo xtask verifier --update`:
# say in the commit why a number grew.
";

impl Budget {
    /// The repository's.
    pub fn read() -> Result<Self> {
        let file = file();
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let budget = toml::from_str(&text).with_context(|| file.display().to_string())?;
        Ok(Self(budget))
    }

    /// Makes it the repository's.
    pub fn write(&self) -> Result<()> {
        let file = file();
        let mut text = HEAD.to_owned();
        for (kernel, back_ends) in &self.0 {
            for (back_end, programs) in back_ends {
                let _ = writeln!(text, "\n[\"{kernel}\".{back_end}]");
                for (program, count) in programs {
                    let _ = writeln!(text, "{program} = {count}");
                }
            }
        }
        fs::write(&file, text).with_context(|| file.display().to_string())
    }

    /// Takes what the kernel needs now as what it may need.
    pub fn update(&mut self, kernel: &str, report: &Report) {
        let usable = report.back_ends.iter().filter(|back_end| back_end.usable);
        let back_ends = usable.map(|back_end| {
            let programs = back_end.programs.iter();
            let programs = programs.map(|program| (program.name.clone(), program.count()));
            (back_end.name.clone(), programs.collect())
        });
        self.0.insert(kernel.to_owned(), back_ends.collect());
    }

    /// Whether there is one for this kernel.
    pub fn knows(&self, kernel: &str) -> bool {
        self.0.contains_key(kernel)
    }

    /// What the program may need; 0 if nobody knows.
    pub fn of(&self, kernel: &str, back_end: &str, program: &str) -> Option<u64> {
        self.0.get(kernel)?.get(back_end)?.get(program).copied()
    }

    /// All that is over the budget, missing from it, or no longer accepted.
    pub fn faults(&self, kernel: &str, report: &Report) -> Vec<String> {
        let Some(budget) = self.0.get(kernel) else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        for back_end in &report.back_ends {
            let name = &back_end.name;
            if !back_end.usable {
                if budget.contains_key(name) {
                    let why = back_end.reason.as_deref().unwrap_or("no reason given");
                    faults.push(format!("{kernel} refuses {name}: {why}"));
                }
                continue;
            }
            for program in &back_end.programs {
                let (program, count) = (&program.name, program.count());
                match self.of(kernel, name, program) {
                    None => faults.push(format!("{kernel}: no budget for {name}/{program}")),
                    Some(allowed) if growth(count, allowed) > GROWTH => faults.push(format!(
                        "{kernel}: {name}/{program} takes {count} instructions, {:+.1} % over {allowed}",
                        growth(count, allowed)
                    )),
                    Some(_) => {}
                }
            }
        }
        for (name, programs) in budget {
            let found = report
                .back_ends
                .iter()
                .find(|back_end| back_end.name == *name);
            let Some(found) = found else {
                faults.push(format!("{kernel}: nothing is said of {name}"));
                continue;
            };
            let loaded = |name: &String| found.programs.iter().any(|one| one.name == *name);
            let gone = programs.keys().filter(|name| found.usable && !loaded(name));
            faults.extend(gone.map(|program| format!("{kernel}: {name}/{program} is not loaded")));
        }
        faults
    }
}

/// Percent over what is allowed; 0 where either is not known.
pub fn growth(count: u64, allowed: u64) -> f64 {
    if count == 0 || allowed == 0 {
        return 0.0;
    }
    (count as f64 - allowed as f64) * 100.0 / allowed as f64
}

fn file() -> PathBuf {
    workspace::root().join("xtask/verifier-budget.toml")
}

#[cfg(test)]
mod tests {
    use super::super::report::{BackEnd, Program};
    use super::*;

    fn report(programs: &[(&str, Option<u64>)]) -> Report {
        let program = |(name, count): &(&str, Option<u64>)| Program {
            name: (*name).to_owned(),
            instructions_processed: *count,
        };
        Report {
            kernel: "6.1.0".to_owned(),
            back_ends: vec![BackEnd {
                name: "sock".to_owned(),
                usable: true,
                reason: None,
                programs: programs.iter().map(program).collect(),
            }],
        }
    }

    fn budget(programs: &[(&str, Option<u64>)]) -> Budget {
        let mut budget = Budget::default();
        budget.update("6.1", &report(programs));
        budget
    }

    #[test]
    fn a_tenth_more_is_too_much() {
        let budget = budget(&[("a", Some(1000)), ("b", Some(1000))]);
        let faults = budget.faults("6.1", &report(&[("a", Some(1100)), ("b", Some(1101))]));
        assert_eq!(
            faults,
            ["6.1: sock/b takes 1101 instructions, +10.1 % over 1000"]
        );
    }

    #[test]
    fn nothing_may_come_or_go_unnoticed() {
        let budget = budget(&[("a", Some(1)), ("b", Some(1))]);
        let faults = budget.faults("6.1", &report(&[("b", Some(1)), ("c", Some(1))]));
        assert_eq!(
            faults,
            ["6.1: no budget for sock/c", "6.1: sock/a is not loaded"]
        );
        let mut refused = report(&[]);
        refused.back_ends[0].usable = false;
        refused.back_ends[0].reason = Some("too complex".to_owned());
        assert_eq!(
            budget.faults("6.1", &refused),
            ["6.1 refuses sock: too complex"]
        );
    }

    #[test]
    fn an_old_kernel_only_has_to_take_them() {
        let budget = budget(&[("a", None)]);
        let faults = budget.faults("6.1", &report(&[("a", None)]));
        assert!(faults.is_empty(), "{faults:?}");
        assert!(!budget.knows("5.4"));
    }
}
