//! Connections that wait to be accepted, per listening socket.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use procfs::process::Process;

use super::IdentityOf;
use crate::discovery::listen::sockets;
use crate::discovery::table::{self, Table, namespace};
use crate::identity::Identity;

/// A listening socket, or several of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The container that it is in; `None` on the host itself.
    pub identity: Option<Arc<Identity>>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Connections that are established and wait to be accepted, now.
    pub queue: u32,
}

/// Reads the listening sockets of processes, time and again. Whose they are is in
/// `/proc/PID/fd`, a few system calls a descriptor: that is read again if the sockets of
/// its namespace are others than before, and each process has its turn.
#[derive(Debug, Default)]
pub struct Listeners {
    /// By number. To open one may take rights that are given up later.
    namespaces: BTreeMap<u64, Namespace>,
    /// By process.
    holders: BTreeMap<u32, Holder>,
    /// How often they were read.
    looks: u32,
}

/// After that many looks the descriptors of a process are read in any case: it may have
/// been given a socket that was there before.
const TURNS: u32 = 10;

/// A network namespace.
#[derive(Debug)]
struct Namespace {
    table: Table,
    /// What listens in it, by inode, as of the last look.
    sockets: BTreeMap<u64, table::Listener>,
    /// The look that this is of, and the one that first had these inodes.
    look: u32,
    since: u32,
}

/// A process and the listening sockets that it holds, by inode.
#[derive(Debug)]
struct Holder {
    namespace: u64,
    held: Vec<u64>,
    /// The look at which its descriptors were read, and the last at which it was there.
    read: u32,
    seen: u32,
}

impl Listeners {
    /// Opens what it takes for these processes.
    #[must_use]
    pub fn open(pids: impl IntoIterator<Item = u32>) -> Self {
        let mut listeners = Self::default();
        for process in pids.into_iter().filter_map(process) {
            if let Some(number) = namespace(&process) {
                listeners.namespace(number, &process);
            }
        }
        listeners
    }

    /// The listening sockets that these processes hold, by container and address. Sockets of
    /// one address (`SO_REUSEPORT`, or several network namespaces) are added up.
    pub(super) fn read(&mut self, pids: &[u32], identity: IdentityOf<'_>) -> Vec<Listener> {
        self.looks = self.looks.wrapping_add(1);
        let mut sockets: BTreeMap<u64, (Option<Arc<Identity>>, table::Listener)> = BTreeMap::new();
        for pid in pids {
            // One that has ended holds none.
            let Some(held) = self.held(*pid) else {
                continue;
            };
            let identity = identity(*pid);
            let held = held.into_iter();
            sockets.extend(held.map(|socket| (socket.inode, (identity.clone(), socket))));
        }
        self.holders.retain(|_, holder| holder.seen == self.looks);
        // An open one would be kept alive.
        self.namespaces.retain(|_, of| of.look == self.looks);
        let mut listeners: BTreeMap<(Option<Arc<Identity>>, SocketAddr), u32> = BTreeMap::new();
        for (identity, socket) in sockets.into_values() {
            let of = (identity, socket.address);
            *listeners.entry(of).or_default() += socket.queue;
        }
        let listener = |((identity, address), queue)| Listener {
            identity,
            address,
            queue,
        };
        listeners.into_iter().map(listener).collect()
    }

    fn held(&mut self, pid: u32) -> Option<Vec<table::Listener>> {
        let process = process(pid)?;
        let look = self.looks;
        let due = pid.wrapping_add(look).is_multiple_of(TURNS);
        let known = self.holders.remove(&pid).filter(|_| !due);
        let number = match &known {
            Some(holder) => holder.namespace,
            None => namespace(&process)?,
        };
        let namespace = self.namespace(number, &process);
        namespace.look(&process, look);
        let mut holder = match known.filter(|holder| holder.read >= namespace.since) {
            Some(holder) => holder,
            None => Holder {
                namespace: number,
                held: namespace.held(&process)?,
                read: look,
                seen: look,
            },
        };
        holder.seen = look;
        let sockets = &namespace.sockets;
        let held = holder.held.iter().filter_map(|inode| sockets.get(inode));
        let held = held.copied().collect();
        self.holders.insert(pid, holder);
        Some(held)
    }

    fn namespace(&mut self, number: u64, process: &Process) -> &mut Namespace {
        let namespace = self.namespaces.entry(number);
        namespace.or_insert_with(|| Namespace {
            table: Table::of(process),
            sockets: BTreeMap::new(),
            look: 0,
            since: 0,
        })
    }
}

impl Namespace {
    /// Reads it, once a look; the process is one that is in it.
    fn look(&mut self, process: &Process, look: u32) {
        if self.look == look {
            return;
        }
        self.look = look;
        let sockets = self.table.read(process).into_iter();
        let sockets: BTreeMap<_, _> = sockets.map(|socket| (socket.inode, socket)).collect();
        if !sockets.keys().eq(self.sockets.keys()) {
            self.since = look;
        }
        self.sockets = sockets;
    }

    /// Those of its sockets that the process holds.
    fn held(&self, process: &Process) -> Option<Vec<u64>> {
        let held: BTreeSet<u64> = sockets(process).ok()?.collect();
        let here = self.sockets.keys().copied();
        Some(here.filter(|inode| held.contains(inode)).collect())
    }
}

fn process(pid: u32) -> Option<Process> {
    Process::new(pid.try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::OwnedFd;
    use std::process::Command;

    use super::*;
    use crate::identity::tests::docker;
    use crate::identity::{Detail, Identities};

    #[test]
    fn counts_who_waits_to_be_accepted() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let me = std::process::id();
        let mut listeners = Listeners::open([me]);
        let mut queue = || {
            let found = listeners.read(&[me, me], &mut |_| None);
            found.iter().find(|l| l.address == address).map(|l| l.queue)
        };
        assert_eq!(queue(), Some(0));
        let waiting: Vec<_> = (0..3)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        assert_eq!(queue(), Some(3));
        let accepted = socket.accept().unwrap();
        assert_eq!(queue(), Some(2));
        drop((socket, accepted, waiting));
        assert_eq!(queue(), None);
    }

    #[test]
    fn says_whose_socket_it_is() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let me = std::process::id();
        let mut identities = Identities::new(Detail::Container);
        let mine = identities.of(&docker(1));
        let found = Listeners::open([me]).read(&[me], &mut |pid| {
            assert_eq!(pid, me);
            mine.clone()
        });
        let found = found.into_iter().find(|found| found.address == address);
        assert_eq!(found.unwrap().identity, mine);
    }

    #[test]
    fn forgets_namespaces_that_nobody_is_in() {
        let mut listeners = Listeners::open([std::process::id()]);
        assert_eq!(listeners.namespaces.len(), 1);
        assert_eq!(listeners.read(&[], &mut |_| None), []);
        assert!(listeners.namespaces.is_empty());
    }

    #[test]
    fn descriptors_are_read_in_turn() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let theirs = OwnedFd::from(socket.try_clone().unwrap());
        let mut child = Command::new("sleep")
            .arg("60")
            .stdin(theirs)
            .spawn()
            .unwrap();
        let me = std::process::id();
        let mut listeners = Listeners::open([me]);
        let mut holds = || {
            let found = listeners.read(&[me], &mut |_| None);
            found.iter().any(|found| found.address == address)
        };
        assert!(holds());
        // The socket listens on, but is only another's now.
        drop(socket);
        assert!((0..TURNS).any(|_| !holds()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
