//! Processes by the cgroup, and so by the container, that they are in.

use std::fmt;
use std::fs;
use std::str::FromStr;

/// A cgroup, with all that are below it: a path as `/proc/PID/cgroup` has it, in whichever
/// hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup(String);

/// Fewer digits of a container's id would soon be somebody else's, too.
const LEAST_DIGITS: usize = 6;

/// Digits of a whole one.
const ALL_DIGITS: usize = 64;

/// A container's id, or as many of its first digits as tell it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerId(String);

impl Cgroup {
    /// Whether the process is in it.
    #[must_use]
    pub fn holds(&self, pid: u32) -> bool {
        paths(pid).iter().any(|path| self.is_above(path))
    }

    fn is_above(&self, path: &str) -> bool {
        let below = path.strip_prefix(&*self.0);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.0 == "/")
    }
}

impl ContainerId {
    /// Whether the process is in it.
    #[must_use]
    pub fn holds(&self, pid: u32) -> bool {
        paths(pid).iter().any(|path| self.is_in(path))
    }

    /// Engines put their own words around the id.
    fn is_in(&self, path: &str) -> bool {
        path.split(|c: char| !c.is_ascii_hexdigit())
            .any(|part| part.len() == ALL_DIGITS && part.starts_with(&self.0))
    }
}

/// The paths of a process, one for each hierarchy (cgroups(7)); none once it has ended.
fn paths(pid: u32) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.map(str::to_owned).collect()
}

/// What is no such path or id, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(&'static str);

impl FromStr for Cgroup {
    type Err = Unusable;

    /// Of a path below `/sys/fs/cgroup` the part behind that is meant; of version 1 that
    /// begins with the name of a hierarchy, which is left to whoever names it.
    fn from_str(text: &str) -> Result<Self, Unusable> {
        let path = text.strip_prefix("/sys/fs/cgroup").unwrap_or(text);
        if !path.starts_with('/') {
            return Err(Unusable(
                "a path as in /proc/PID/cgroup is wanted, e.g. /system.slice/apache2.service",
            ));
        }
        let path = path.trim_end_matches('/');
        Ok(Self(if path.is_empty() { "/" } else { path }.into()))
    }
}

impl FromStr for ContainerId {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        let digits = text.len() >= LEAST_DIGITS
            && text.len() <= ALL_DIGITS
            && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !digits {
            return Err(Unusable(
                "6 to 64 hexadecimal digits of the container's id are wanted, as `podman ps` \
                 or `crictl ps` show it",
            ));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Cgroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_has_what_is_below() {
        let slice: Cgroup = "/sys/fs/cgroup/system.slice/".parse().unwrap();
        assert_eq!(slice.to_string(), "/system.slice");
        assert!(slice.is_above("/system.slice"));
        assert!(slice.is_above("/system.slice/apache2.service"));
        assert!(!slice.is_above("/system.slicer/x"));
        let all: Cgroup = "/".parse().unwrap();
        assert!(all.is_above("/x"));
        assert!("system.slice".parse::<Cgroup>().is_err());
        assert!(all.holds(std::process::id()) && !all.holds(u32::MAX));
    }

    #[test]
    fn a_container_is_told_by_its_first_digits() {
        let id = "0123456789abcdef".repeat(4);
        let short: ContainerId = "0123456789AB".parse().unwrap();
        for path in [
            format!("/docker/{id}"),
            format!("/machine.slice/libpod-{id}.scope/container"),
            format!("/kubepods/besteffort/podaa-bb/{id}"),
        ] {
            assert!(short.is_in(&path), "{path}");
        }
        assert!(!short.is_in(&format!("/docker/f{}", &id[1..])));
        assert!(!short.is_in("/system.slice/0123456789ab.service"));
        for wrong in ["", "12345", "web-1", &format!("{id}0")] {
            assert!(wrong.parse::<ContainerId>().is_err(), "{wrong}");
        }
    }
}
