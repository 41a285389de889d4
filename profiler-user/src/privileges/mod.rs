//! What this process may do: whether that suffices, and giving up the rest.
//!
//! - `confine`: after the attach, capabilities go, and no system call is left but those
//!   that a run needs.
//! - `filter`: which those are.
//! - `priority`: its share of the CPU.
//! - `look`: what cannot be looked into, and for want of what.
//! - `namespace`: whether processes have the kernel's numbers here.
//! - `refusal`: what to do about a refusal of the kernel's.

mod confine;
mod filter;
mod look;
mod namespace;
mod priority;
mod refusal;

use caps::{CapSet, Capability, CapsHashSet};

pub use confine::{Confined, Needs, OutputNeeds, confine, renounce};
pub use look::{into_process, uprobe};
pub use namespace::{Foreign, same_numbers};
pub use priority::raise_priority;
pub use refusal::{of_a_map, of_a_perf_event};

/// What is missing.
#[derive(Debug, thiserror::Error)]
#[error(
    "the privileges do not suffice: {0} missing; \
     run it as root (sudo), or grant CAP_BPF and CAP_PERFMON"
)]
pub struct Missing(String);

/// Checks the effective capabilities. `CAP_SYS_ADMIN` stands for the other two
/// (capabilities(7)); that they suffice is only known once the programs are in.
pub fn check() -> Result<(), Missing> {
    // If they cannot be read, loading will tell.
    let Ok(effective) = caps::read(None, CapSet::Effective) else {
        return Ok(());
    };
    judge(&effective)
}

fn judge(effective: &CapsHashSet) -> Result<(), Missing> {
    if effective.contains(&Capability::CAP_SYS_ADMIN) {
        return Ok(());
    }
    let missing: Vec<String> = [Capability::CAP_BPF, Capability::CAP_PERFMON]
        .iter()
        .filter(|needed| !effective.contains(needed))
        .map(ToString::to_string)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let verb = if missing.len() == 1 { "is" } else { "are" };
    Err(Missing(format!("{} {verb}", missing.join(" and "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_missing() {
        let of = |caps: &[Capability]| judge(&caps.iter().copied().collect());
        assert!(of(&[Capability::CAP_SYS_ADMIN]).is_ok());
        assert!(of(&[Capability::CAP_BPF, Capability::CAP_PERFMON]).is_ok());
        let message = of(&[Capability::CAP_BPF]).unwrap_err().to_string();
        assert!(message.contains("CAP_PERFMON is missing"), "{message}");
        let message = of(&[]).unwrap_err().to_string();
        assert!(
            message.contains("CAP_BPF and CAP_PERFMON are missing"),
            "{message}"
        );
    }
}
