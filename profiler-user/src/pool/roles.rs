//! Which process is what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::discovery::{Process, apache};
use crate::model::{Mode, Request};

/// How often a process's title is looked at before it is taken for final: mod_wsgi
/// sets it moments after the fork, and nobody changes it later.
const LOOKS: u8 = 3;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A mod_wsgi daemon.
    Daemon,
    /// Apache: its parent or a child.
    Apache,
    /// Anything else.
    Other,
}

/// A process's kind, and its mod_wsgi process group where it is a daemon's.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub kind: Kind,
    pub group: Option<Arc<str>>,
    looks: u8,
}

/// What is known of each process.
#[derive(Debug, Default)]
pub(super) struct Roles(BTreeMap<u32, Role>);

impl Roles {
    /// What a request tells of the processes that served it.
    pub(super) fn learn(&mut self, request: &Request) {
        if let (Some(Mode::Daemon), Some(pid)) = (request.mode, request.daemon_pid) {
            let group = request.names.as_ref().map(|names| &*names.process_group);
            self.set(pid, Kind::Daemon, group);
        }
        match request.mode {
            Some(Mode::Http) => self.set(request.pid, Kind::Other, None),
            Some(_) => self.set(request.pid, Kind::Apache, None),
            None => {}
        }
    }

    fn set(&mut self, pid: u32, kind: Kind, group: Option<&str>) {
        let role = self.0.entry(pid).or_insert(Role {
            kind,
            group: None,
            looks: 0,
        });
        role.kind = kind;
        role.looks = LOOKS;
        if role.group.as_deref() != group && group.is_some() {
            role.group = group.map(Arc::from);
        }
    }

    /// What its name and title tell, where no request has told more.
    pub(super) fn look(&mut self, process: &Process) -> Kind {
        let pid = process.id.pid;
        let looks = self.0.get(&pid).map_or(0, |role| role.looks);
        if looks < LOOKS {
            let title = process.title().unwrap_or_default();
            match apache::daemon_group(&title) {
                Some(group) => self.set(pid, Kind::Daemon, Some(group)),
                None if apache::is_apache(process) => self.set(pid, Kind::Apache, None),
                None => self.set(pid, Kind::Other, None),
            }
            if let Some(role) = self.0.get_mut(&pid) {
                role.looks = looks + 1;
            }
        }
        self.role(pid).kind
    }

    /// What that process is.
    pub(super) fn role(&self, pid: u32) -> Role {
        self.0.get(&pid).cloned().unwrap_or(Role {
            kind: Kind::Other,
            group: None,
            looks: 0,
        })
    }

    /// Forgets processes that are none of these.
    pub(super) fn retain(&mut self, pids: &BTreeSet<u32>) {
        self.0.retain(|pid, _| pids.contains(pid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::sample;

    #[test]
    fn a_request_tells_more_than_a_name() {
        let mut roles = Roles::default();
        let me = Process::read(std::process::id()).unwrap();
        assert_eq!(roles.look(&me), Kind::Other);
        let mut request = sample::request("/");
        request.daemon_pid = Some(me.id.pid);
        roles.learn(&request);
        assert_eq!(roles.look(&me), Kind::Daemon);
        let role = roles.role(me.id.pid);
        assert_eq!(role.group.as_deref(), Some("app"));
        assert_eq!(roles.role(request.pid).kind, Kind::Apache);
        roles.retain(&BTreeSet::from([me.id.pid]));
        assert_eq!(roles.role(request.pid).kind, Kind::Other);
        assert_eq!(roles.role(me.id.pid).kind, Kind::Daemon);
    }
}
