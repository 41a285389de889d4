//! What can be told of this host without trying.

use std::collections::BTreeMap;
use std::fs;

use caps::{CapSet, Capability};
use rustix::system::uname;
use serde::Serialize;

use super::Answer;

/// Where the kernel says how far it is locked down, with the choice in brackets:
/// `none [integrity] confidentiality`.
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// Capabilities that matter (docs/kernel-support.md).
const CAPABILITIES: [Capability; 5] = [
    Capability::CAP_BPF,
    Capability::CAP_PERFMON,
    Capability::CAP_SYS_PTRACE,
    Capability::CAP_DAC_READ_SEARCH,
    Capability::CAP_SYS_ADMIN,
];

#[derive(Debug, Serialize)]
pub(super) struct Host {
    pub kernel: String,
    pub machine: String,
    /// The kernel's type information.
    pub btf: Answer,
    /// `none`, `integrity`, `confidentiality`; `None` where the kernel does not say.
    pub lockdown: Option<String>,
    /// Which ones this process has.
    pub capabilities: BTreeMap<String, bool>,
}

impl Host {
    pub fn look<E: ToString>(types: Result<(), E>) -> Self {
        let name = uname();
        let effective = caps::read(None, CapSet::Effective).unwrap_or_default();
        Self {
            kernel: name.release().to_string_lossy().into_owned(),
            machine: name.machine().to_string_lossy().into_owned(),
            btf: types.into(),
            lockdown: fs::read_to_string(LOCKDOWN)
                .ok()
                .and_then(|text| chosen(&text)),
            capabilities: CAPABILITIES
                .iter()
                .map(|capability| (capability.to_string(), effective.contains(capability)))
                .collect(),
        }
    }
}

fn chosen(text: &str) -> Option<String> {
    let (_, behind) = text.split_once('[')?;
    let (chosen, _) = behind.split_once(']')?;
    Some(chosen.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lockdown_is_what_stands_in_brackets() {
        let read = |text| chosen(text).unwrap_or_default();
        assert_eq!(read("none [integrity] confidentiality\n"), "integrity");
        assert_eq!(read("[none] integrity confidentiality\n"), "none");
        assert_eq!(chosen("none integrity"), None);
    }
}
