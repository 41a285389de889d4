//! What a guest is to do, decided outside and carried in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The order for one guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Plan {
    /// Tests by back end; those that need none are under [`NO_BACK_END`].
    pub columns: BTreeMap<String, Vec<String>>,
    /// Only the back end that `--hooks auto` takes.
    #[serde(default)]
    pub auto: bool,
    /// Where mod_wsgi-express was built: its scripts name the folder.
    pub express: Option<String>,
}

/// The column of tests that load no back end, or choose it themselves.
pub const NO_BACK_END: &str = "none";

impl Plan {
    /// Sorts tests into columns by the last part of their names.
    pub fn of(tests: &[String], back_ends: &[String]) -> Self {
        let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for test in tests {
            let last = test.rsplit("::").next().unwrap_or_default();
            let known = back_ends.iter().find(|name| *name == last);
            let column = known.map_or(NO_BACK_END, String::as_str);
            columns
                .entry(column.to_owned())
                .or_default()
                .push(test.clone());
        }
        Self {
            columns,
            auto: false,
            express: None,
        }
    }

    /// Only tests with `part` in their names, if it is given.
    pub fn only(&self, part: Option<&str>) -> Self {
        let mut plan = self.clone();
        if let Some(part) = part {
            for tests in plan.columns.values_mut() {
                tests.retain(|test| test.contains(part));
            }
            plan.columns.retain(|_, tests| !tests.is_empty());
        }
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_name_is_the_back_end() {
        let tests = [
            "keepalive::event::sock",
            "refusals::sock_is_refused",
            "load::syscall",
        ];
        let plan = Plan::of(
            &tests.map(str::to_owned),
            &["sock", "syscall"].map(str::to_owned),
        );
        assert_eq!(plan.columns["sock"], ["keepalive::event::sock"]);
        assert_eq!(plan.columns["syscall"], ["load::syscall"]);
        assert_eq!(plan.columns[NO_BACK_END], ["refusals::sock_is_refused"]);
        let few = plan.only(Some("keepalive"));
        assert_eq!(few.columns.len(), 1);
        assert_eq!(few.columns["sock"], plan.columns["sock"]);
        assert_eq!(plan.only(None), plan);
    }
}
