//! From what the user named to root processes.

use std::collections::BTreeSet;

use regex::Regex;

use super::cgroup::{Cgroup, ContainerId};
use super::listen::Listening;
use super::snapshot::{Process, ProcessId, Snapshot};
use super::{apache, describe};

/// What to watch. Nothing named: every Apache of this host.
#[derive(Debug, Default)]
pub struct Selection {
    /// These processes.
    pub pids: Vec<u32>,
    /// Processes whose name or title matches.
    pub names: Vec<Regex>,
    /// Processes that listen on one of these TCP ports.
    pub ports: Vec<u16>,
    /// Processes in one of these, or below.
    pub cgroups: Vec<Cgroup>,
    /// Processes in one of these containers.
    pub containers: Vec<ContainerId>,
    /// Every Apache, in whichever container, beside what is named; whatever is not there
    /// is waited for.
    pub all: bool,
}

/// Nothing to watch. Each message ends in what there is instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `--pid` of no process.
    #[error("--pid {pid}: there is no such process\n{choices}")]
    NoSuchProcess {
        /// As given.
        pid: u32,
        /// What could be named instead.
        choices: String,
    },
    /// `--pid` of something else.
    #[error(
        "--pid {pid}: `{name}` is no server: it is not an Apache, and neither it nor \
         its workers listen on a TCP port\n{choices}"
    )]
    NotAServer {
        /// As given.
        pid: u32,
        /// Its name.
        name: String,
        /// What could be named instead.
        choices: String,
    },
    /// `--name` that matches nothing.
    #[error("--name {pattern}: no process has such a name\n{choices}")]
    NoSuchName {
        /// As given.
        pattern: String,
        /// What could be named instead.
        choices: String,
    },
    /// `--port` without a listener.
    #[error("--port {port}: no process listens on it (as far as this user may see)\n{choices}")]
    NoListener {
        /// As given.
        port: u16,
        /// What could be named instead.
        choices: String,
    },
    /// `--cgroup` without a process.
    #[error(
        "--cgroup {cgroup}: no process is in it or below; /proc/PID/cgroup has each \
         process's\n{choices}"
    )]
    NobodyInCgroup {
        /// As given.
        cgroup: String,
        /// What could be named instead.
        choices: String,
    },
    /// `--container` without a process.
    #[error("--container {id}: no process runs in it\n{choices}")]
    NobodyInContainer {
        /// As given.
        id: String,
        /// What could be named instead.
        choices: String,
    },
    /// Nothing named and nothing found.
    #[error(
        "no Apache runs here; start it, name a server with --pid, --name or --port, or wait \
         for one with --all"
    )]
    NoApache,
    /// `/proc` itself fails.
    #[error("cannot read the process table: {0}; is /proc mounted?")]
    Proc(#[from] procfs::ProcError),
}

impl Selection {
    /// Whether processes that do not exist yet may match: then their end is no
    /// reason to stop.
    #[must_use]
    pub fn may_return(&self) -> bool {
        self.pids.is_empty()
            || self.all
            || !self.names.is_empty()
            || !self.ports.is_empty()
            || !self.cgroups.is_empty()
            || !self.containers.is_empty()
    }

    /// Whether every Apache is meant: because that was said, or nothing else was.
    #[must_use]
    pub fn any_apache(&self) -> bool {
        let nothing_else = self.pids.is_empty()
            && self.names.is_empty()
            && self.ports.is_empty()
            && self.cgroups.is_empty()
            && self.containers.is_empty();
        self.all || nothing_else
    }

    /// Whether only user space can tell if a process that comes is meant.
    #[must_use]
    pub fn must_look(&self) -> bool {
        !self.names.is_empty() || !self.cgroups.is_empty() || !self.containers.is_empty()
    }

    /// Whether the process is meant, but for its ports.
    #[must_use]
    pub fn means(&self, process: &Process) -> bool {
        let pid = process.id.pid;
        pid != std::process::id()
            && (self.any_apache() && apache::is_apache(process)
                || self.names.iter().any(|name| has_name(process, name))
                || self.cgroups.iter().any(|cgroup| cgroup.holds(pid))
                || self.containers.iter().any(|container| container.holds(pid)))
    }

    /// The processes named by number must exist before anything else is done.
    pub fn check_pids(&self, snapshot: &Snapshot) -> Result<(), Error> {
        match self.pids.iter().find(|pid| snapshot.get(**pid).is_none()) {
            None => Ok(()),
            Some(&pid) => Err(Error::NoSuchProcess {
                pid,
                choices: choices(snapshot),
            }),
        }
    }

    /// The roots to watch. Everything named must be there, or it is an error.
    pub fn resolve(&self, snapshot: &Snapshot) -> Result<Vec<ProcessId>, Error> {
        self.check_pids(snapshot)?;
        let mut listening = Listening::new();
        let mut found = Vec::new();
        for &pid in &self.pids {
            if let Some(process) = snapshot.get(pid) {
                check_server(process, snapshot, &mut listening)?;
                found.push(process.id);
            }
        }
        for name in &self.names {
            let missing = |choices| Error::NoSuchName {
                pattern: name.to_string(),
                choices,
            };
            found.extend(self.needed(named(name, snapshot), missing, snapshot)?);
        }
        for &port in &self.ports {
            let missing = |choices| Error::NoListener { port, choices };
            let owners = listening.owners(port, snapshot);
            found.extend(self.needed(owners, missing, snapshot)?);
        }
        for cgroup in &self.cgroups {
            let missing = |choices| Error::NobodyInCgroup {
                cgroup: cgroup.to_string(),
                choices,
            };
            let inside = others(snapshot, |pid| cgroup.holds(pid));
            found.extend(self.needed(inside, missing, snapshot)?);
        }
        for container in &self.containers {
            let missing = |choices| Error::NobodyInContainer {
                id: container.to_string(),
                choices,
            };
            let inside = others(snapshot, |pid| container.holds(pid));
            found.extend(self.needed(inside, missing, snapshot)?);
        }
        found.extend(self.discovered(snapshot));
        if found.is_empty() && !self.all {
            return Err(Error::NoApache);
        }
        Ok(snapshot.roots(&found))
    }

    /// What was named, if it is there or may come.
    fn needed(
        &self,
        found: Vec<ProcessId>,
        missing: impl FnOnce(String) -> Error,
        snapshot: &Snapshot,
    ) -> Result<Vec<ProcessId>, Error> {
        if found.is_empty() && !self.all {
            return Err(missing(choices(snapshot)));
        }
        Ok(found)
    }

    /// The roots that match by now, without those named by number: a number
    /// means one process, once.
    #[must_use]
    pub fn matching(&self, snapshot: &Snapshot) -> Vec<ProcessId> {
        let mut listening = Listening::new();
        let meant = snapshot.iter().filter(|process| self.means(process));
        let mut found: Vec<ProcessId> = meant.map(|process| process.id).collect();
        found.extend(
            self.ports
                .iter()
                .flat_map(|port| listening.owners(*port, snapshot)),
        );
        snapshot.roots(&found)
    }

    fn discovered(&self, snapshot: &Snapshot) -> Vec<ProcessId> {
        if self.any_apache() {
            apache::roots(snapshot)
        } else {
            Vec::new()
        }
    }
}

/// Processes of that name.
fn named(pattern: &Regex, snapshot: &Snapshot) -> Vec<ProcessId> {
    others(snapshot, |pid| {
        let process = snapshot.get(pid);
        process.is_some_and(|process| has_name(process, pattern))
    })
}

fn has_name(process: &Process, pattern: &Regex) -> bool {
    let title = || process.title();
    pattern.is_match(&process.name) || title().is_some_and(|title| pattern.is_match(&title))
}

/// Those that are meant; never this one, whose arguments hold any pattern.
fn others(snapshot: &Snapshot, are_meant: impl Fn(u32) -> bool) -> Vec<ProcessId> {
    let own = std::process::id();
    let ids = snapshot.iter().map(|process| process.id);
    ids.filter(|id| id.pid != own && are_meant(id.pid))
        .collect()
}

/// A server listens, or was forked by one that does, or forks workers that do.
/// An ancestor of another name is no master process but, say, the `sshd` above
/// somebody's shell.
fn check_server(
    process: &Process,
    snapshot: &Snapshot,
    listening: &mut Listening,
) -> Result<(), Error> {
    let pid = process.id.pid;
    let masters = snapshot.ancestors(pid).filter(|a| a.name == process.name);
    let mut family = std::iter::once(process)
        .chain(masters)
        .chain(snapshot.descendants(pid));
    if apache::is_apache(process) || family.any(|p| !listening.addresses(p.id.pid).is_empty()) {
        return Ok(());
    }
    Err(Error::NotAServer {
        pid,
        name: process.name.clone(),
        choices: choices(snapshot),
    })
}

/// The Apaches that could have been named.
fn choices(snapshot: &Snapshot) -> String {
    let apaches: BTreeSet<_> = apache::roots(snapshot).into_iter().collect();
    if apaches.is_empty() {
        return "no Apache runs here; `ss -ltnp` lists the servers of this host".into();
    }
    let lines = apaches
        .into_iter()
        .map(|root| format!("  {}", describe::root(root, snapshot)));
    let lines: Vec<String> = lines.collect();
    format!("these Apaches run here:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::{Child, Command};

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    fn end(mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_number_must_be_a_server() {
        let child = sleeper();
        // Between fork and exec it is still this test, whose threads listen.
        while Process::read(child.id()).unwrap().name != "sleep" {}
        let snapshot = Snapshot::read().unwrap();
        let selection = Selection {
            pids: vec![child.id()],
            ..Selection::default()
        };
        let error = selection.resolve(&snapshot).unwrap_err();
        assert!(
            matches!(&error, Error::NotAServer { name, .. } if name == "sleep"),
            "{error}"
        );
        end(child);
        let snapshot = Snapshot::read().unwrap();
        let error = selection.resolve(&snapshot).unwrap_err();
        assert!(matches!(error, Error::NoSuchProcess { .. }), "{error}");
        assert!(!selection.may_return());
    }

    #[test]
    fn a_port_means_who_listens_on_it() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let selection = Selection {
            ports: vec![port],
            ..Selection::default()
        };
        let snapshot = Snapshot::read().unwrap();
        let me = ProcessId::of(std::process::id()).unwrap();
        assert_eq!(selection.resolve(&snapshot).unwrap(), [me]);
        drop(socket);
        assert!(matches!(
            selection.resolve(&snapshot),
            Err(Error::NoListener { .. })
        ));
        assert!(selection.matching(&snapshot).is_empty() && selection.may_return());
    }

    #[test]
    fn a_name_means_the_executable_or_the_title() {
        let child = sleeper();
        while Process::read(child.id()).unwrap().name != "sleep" {}
        let snapshot = Snapshot::read().unwrap();
        let selection = Selection {
            names: vec![Regex::new("^sleep$").unwrap()],
            ..Selection::default()
        };
        let found = selection.resolve(&snapshot).unwrap();
        assert!(found.contains(&ProcessId::of(child.id()).unwrap()));
        assert_eq!(found, selection.matching(&snapshot));
        end(child);
        let selection = Selection {
            names: vec![Regex::new("no such process name").unwrap()],
            ..Selection::default()
        };
        assert!(matches!(
            selection.resolve(&snapshot),
            Err(Error::NoSuchName { .. })
        ));
    }
}
