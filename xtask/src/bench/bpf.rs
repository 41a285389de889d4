//! What a process holds in the kernel, and what its programs take: the kernel's
//! own figures, from the `fdinfo` of its descriptors.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use procfs::process::{FDTarget, Process};
use serde::Serialize;

/// A process's programs and maps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Memory of its maps, bytes.
    pub map_bytes: u64,
    /// Memory of its programs, bytes.
    pub program_bytes: u64,
    /// Runs of its programs; zero unless the kernel counts them.
    pub runs: u64,
    /// Time in its programs, nanoseconds; zero likewise.
    pub nanoseconds: u64,
}

impl Held {
    /// What this process holds now.
    pub fn by(pid: u32) -> Result<Self> {
        let context = || format!("listing the descriptors of process {pid}");
        let process = Process::new(pid as i32).with_context(context)?;
        let mut infos = Vec::new();
        for descriptor in process.fd().with_context(context)? {
            let descriptor = descriptor.with_context(context)?;
            if let FDTarget::AnonInode(kind) = &descriptor.target
                && matches!(kind.as_str(), "bpf-map" | "bpf-prog")
            {
                let path = format!("/proc/{pid}/fdinfo/{}", descriptor.fd);
                infos.push(fs::read_to_string(&path).with_context(|| format!("reading {path}"))?);
            }
        }
        Ok(Self::add_up(infos.iter().map(String::as_str)))
    }

    /// Adds up `fdinfo` texts. A program or map with several descriptors counts once.
    fn add_up<'a>(infos: impl Iterator<Item = &'a str>) -> Self {
        let mut maps = BTreeMap::new();
        let mut programs = BTreeMap::new();
        for info in infos {
            if let Some(id) = field(info, "map_id") {
                maps.insert(id, field(info, "memlock").unwrap_or(0));
            } else if let Some(id) = field(info, "prog_id") {
                let of = |name| field(info, name).unwrap_or(0);
                programs.insert(id, (of("memlock"), of("run_cnt"), of("run_time_ns")));
            }
        }
        Self {
            map_bytes: maps.values().sum(),
            program_bytes: programs.values().map(|program| program.0).sum(),
            runs: programs.values().map(|program| program.1).sum(),
            nanoseconds: programs.values().map(|program| program.2).sum(),
        }
    }
}

/// A figure of an `fdinfo` text: `name:<tab>figure`.
fn field(info: &str, name: &str) -> Option<u64> {
    info.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key == name).then(|| value.trim().parse().ok())?
    })
}

/// As long as it lives, the kernel counts the runs of all programs and their time.
/// The kernel itself stops when the descriptor is closed, even by `SIGKILL`: the
/// setting `kernel.bpf_stats_enabled` is not touched.
pub struct Counting(#[expect(dead_code, reason = "held open, never used")] OwnedFd);

impl Counting {
    /// Begins. Needs `CAP_SYS_ADMIN`, Linux 5.8.
    pub fn begin() -> Result<Self> {
        // From linux/bpf.h; libc has neither.
        const BPF_ENABLE_STATS: libc::c_int = 32;
        const BPF_STATS_RUN_TIME: u32 = 0;
        let kind = BPF_STATS_RUN_TIME;
        // SAFETY: bpf(2) reads as many bytes as it is told from a live variable,
        // which is the first and only member of `bpf_attr` for this command.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                BPF_ENABLE_STATS,
                &raw const kind,
                size_of_val(&kind),
            )
        };
        if fd < 0 {
            return Err(io::Error::last_os_error()).context("asking the kernel to count BPF runs");
        }
        // SAFETY: the call returned a new descriptor, which nobody else knows.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t2057\nmap_type:\t9\nkey_size:\t8\n\
                       value_size:\t424\nmax_entries:\t4096\nmap_flags:\t0x0\nmap_extra:\t0x0\n\
                       memlock:\t2359296\nmap_id:\t7\nfrozen:\t0\n";
    const PROGRAM: &str = "pos:\t0\nflags:\t02000002\nprog_type:\t26\nprog_jited:\t1\n\
                           prog_tag:\t6deef7357e7b4530\nmemlock:\t8192\nprog_id:\t3\n\
                           run_time_ns:\t4500\nrun_cnt:\t10\nrecursion_misses:\t0\nverified_insns:\t60\n";

    #[test]
    fn figures_are_added_up_once_a_program_and_map() {
        let other = MAP.replace("map_id:\t7", "map_id:\t8");
        let held = Held::add_up([MAP, &other, MAP, PROGRAM, PROGRAM].into_iter());
        let expected = Held {
            map_bytes: 2 * 2_359_296,
            program_bytes: 8192,
            runs: 10,
            nanoseconds: 4500,
        };
        assert_eq!(held, expected);
    }

    #[test]
    fn other_descriptors_are_nothing() {
        assert_eq!(
            Held::add_up(["pos:\t0\nflags:\t02\n"].into_iter()),
            Held::default()
        );
    }

    #[test]
    fn this_process_holds_nothing() {
        assert_eq!(Held::by(std::process::id()).unwrap(), Held::default());
    }
}
