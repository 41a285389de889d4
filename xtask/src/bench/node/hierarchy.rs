//! Cgroups named as a kubelet names them, in a hierarchy of this machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use procfs::process::Process;

/// How long a cgroup may take to be empty once its processes were waited for.
const EMPTY_WITHIN: Duration = Duration::from_secs(5);

/// Where pods of the usual class of service are.
const PODS: [&str; 2] = ["kubepods", "burstable"];

/// Cgroups that were made here. They are removed when it is dropped.
pub struct Cgroups {
    pods: PathBuf,
    /// In the order of their making.
    made: Vec<PathBuf>,
}

impl Cgroups {
    /// In the hierarchy of v2 if it can be written to, or else in one of v1: wsgiprobe
    /// reads them all.
    pub fn make() -> Result<Self> {
        let mut tried = Vec::new();
        for mount in mounts()? {
            let mut cgroups = Self {
                pods: mount.clone(),
                made: Vec::new(),
            };
            match cgroups.descend() {
                Ok(()) => return Ok(cgroups),
                Err(error) => tried.push(format!("{}: {error}", mount.display())),
            }
        }
        if tried.is_empty() {
            bail!("no cgroup hierarchy is mounted; `mount -t cgroup2 none /mnt` makes one");
        }
        bail!("no cgroup can be made here ({})", tried.join("; "))
    }

    fn descend(&mut self) -> io::Result<()> {
        for name in PODS {
            let pods = self.pods.join(name);
            self.make_one(pods.clone())?;
            self.pods = pods;
        }
        Ok(())
    }

    /// One that is there already is a kubelet's own, and stays.
    fn make_one(&mut self, path: PathBuf) -> io::Result<()> {
        match fs::create_dir(&path) {
            Ok(()) => self.made.push(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Where they are.
    pub fn place(&self) -> &Path {
        &self.pods
    }

    /// A pod with one container: the cgroup of the latter.
    pub fn container(&mut self, random: &mut fastrand::Rng) -> Result<PathBuf> {
        let pod = self.pods.join(pod_name(random.u128(..)));
        let container = pod.join(format!("{:032x}{:032x}", random.u128(..), random.u128(..)));
        for path in [pod, container.clone()] {
            self.make_one(path.clone())
                .with_context(|| format!("making the cgroup {}", path.display()))?;
        }
        Ok(container)
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        let began = Instant::now();
        for path in self.made.drain(..).rev() {
            // One whose last process is only just ending is busy for a moment.
            while let Err(error) = fs::remove_dir(&path) {
                if error.raw_os_error() != Some(libc::EBUSY) || began.elapsed() > EMPTY_WITHIN {
                    anstream::eprintln!("left behind: {}: {error}", path.display());
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// As the API server numbers pods: `pod` and a UUID of version 4.
fn pod_name(random: u128) -> String {
    let digits = format!("{random:032x}");
    format!(
        "pod{}-{}-4{}-a{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..]
    )
}

/// The hierarchies, that of v2 first.
fn mounts() -> Result<Vec<PathBuf>> {
    let mounts = Process::myself().and_then(|own| own.mountinfo());
    let mounts = mounts.context("reading the table of mounts")?;
    let of = |kind: &str| {
        let mounts = mounts.0.iter().filter(|mount| mount.fs_type == kind);
        mounts.map(|mount| mount.mount_point.clone()).collect()
    };
    let mut found: Vec<PathBuf> = of("cgroup2");
    let v1: Vec<PathBuf> = of("cgroup");
    // A cpuset takes no process before it has been given CPUs.
    found.extend(v1.into_iter().filter(|path| !path.ends_with("cpuset")));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_named_by_uuids() {
        let name = pod_name(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(name, "pod01234567-89ab-4def-a123-456789abcdef");
    }

    #[test]
    fn what_was_made_is_removed_and_what_was_there_stays() {
        // Plain folders do for that.
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("kubepods")).unwrap();
        let mut cgroups = Cgroups {
            pods: dir.path().to_owned(),
            made: Vec::new(),
        };
        cgroups.descend().unwrap();
        let container = cgroups.container(&mut fastrand::Rng::with_seed(1)).unwrap();
        assert!(container.is_dir() && container.starts_with(cgroups.place()));
        drop(cgroups);
        assert!(!dir.path().join("kubepods/burstable").exists());
        assert!(dir.path().join("kubepods").exists());
    }
}
