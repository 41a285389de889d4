//! Whose numbers processes have here.

use std::fs;

/// The PID namespace that the kernel starts with, and whose numbers its programs see
/// (`PROC_PID_INIT_INO`, `include/linux/proc_ns.h`).
const INITIAL: &str = "pid:[4026531836]";

/// Processes have other numbers here than in the kernel.
#[derive(Debug, thiserror::Error)]
#[error(
    "processes have other numbers here than in the kernel: this is a PID namespace of its \
     own, as in a container; run wsgiprobe in the host's (podman or docker run --pid=host, \
     hostPID: true in Kubernetes)"
)]
pub struct Foreign;

/// Whether numbers mean the same here and in the kernel. Where that cannot be told they are
/// taken to.
pub fn same_numbers() -> Result<(), Foreign> {
    let here = fs::read_link("/proc/self/ns/pid");
    judge(here.ok().as_deref().and_then(|link| link.to_str()))
}

fn judge(namespace: Option<&str>) -> Result<(), Foreign> {
    match namespace {
        Some(other) if other != INITIAL => Err(Foreign),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_hosts_from_others() {
        assert!(judge(Some("pid:[4026531836]")).is_ok());
        assert!(judge(None).is_ok());
        let refusal = judge(Some("pid:[4026532213]")).unwrap_err().to_string();
        assert!(refusal.contains("--pid=host"), "{refusal}");
    }
}
