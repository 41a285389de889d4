//! What `wsgiprobe check --json` says of a kernel.

use serde::{Deserialize, Serialize};

/// One kernel's answers.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Report {
    /// Its release, as `uname -r` says it.
    pub kernel: String,
    /// In the order in which wsgiprobe prefers them.
    pub back_ends: Vec<BackEnd>,
}

/// Whether a back end can be loaded and attached.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct BackEnd {
    /// As for `--hooks`.
    pub name: String,
    /// Whether the kernel took it.
    pub usable: bool,
    /// The kernel's words, if it did not.
    pub reason: Option<String>,
    /// What was loaded for it.
    #[serde(default)]
    pub programs: Vec<Program>,
}

/// A loaded program.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Program {
    /// Its name in the object.
    pub name: String,
    /// What the verifier went through; not known before Linux 5.16.
    pub instructions_processed: Option<u64>,
}

impl Program {
    /// 0 where the kernel does not say.
    pub fn count(&self) -> u64 {
        self.instructions_processed.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_wsgiprobe_prints() {
        let text = r#"{"kernel":"6.1.0","back_ends":[
            {"name":"sock","usable":false,"reason":"no such tracepoint","programs":[]},
            {"name":"syscall","usable":true,"reason":null,"programs":[
                {"name":"syscall_exit","instructions_processed":123},
                {"name":"sched_switch","instructions_processed":null}]}]}"#;
        let report: Report = serde_json::from_str(text).unwrap();
        assert_eq!(report.kernel, "6.1.0");
        assert!(!report.back_ends[0].usable);
        let programs = &report.back_ends[1].programs;
        assert_eq!(programs[0].instructions_processed, Some(123));
        assert_eq!(programs[1].instructions_processed, None);
    }
}
