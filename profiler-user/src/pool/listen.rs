//! Connections that wait to be accepted, per listening socket.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use procfs::process::Process;

use crate::discovery::listen::sockets;
use crate::discovery::table::{self, Table, namespace};

/// A listening socket, or several of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Connections that are established and wait to be accepted, now.
    pub queue: u32,
}

/// Reads the listening sockets of processes, time and again.
#[derive(Debug, Default)]
pub struct Listeners {
    /// By network namespace. To open one may take rights that are given up later.
    tables: BTreeMap<u64, Table>,
}

impl Listeners {
    /// Opens what it takes for these processes.
    #[must_use]
    pub fn open(pids: impl IntoIterator<Item = u32>) -> Self {
        let mut listeners = Self::default();
        for pid in pids {
            listeners.table(pid);
        }
        listeners
    }

    /// The listening sockets that these processes hold, by address. Sockets of one
    /// address (`SO_REUSEPORT`, or several network namespaces) are added up.
    pub(super) fn read(&mut self, pids: &[u32]) -> Vec<Listener> {
        let mut sockets: BTreeMap<u64, table::Listener> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for pid in pids {
            // One that has ended holds none.
            let Some((namespace, held)) = self.held(*pid) else {
                continue;
            };
            used.insert(namespace);
            sockets.extend(held.into_iter().map(|socket| (socket.inode, socket)));
        }
        // An open one would keep a namespace alive.
        self.tables.retain(|namespace, _| used.contains(namespace));
        let mut listeners: BTreeMap<SocketAddr, u32> = BTreeMap::new();
        for socket in sockets.into_values() {
            *listeners.entry(socket.address).or_default() += socket.queue;
        }
        let listener = |(address, queue)| Listener { address, queue };
        listeners.into_iter().map(listener).collect()
    }

    fn held(&mut self, pid: u32) -> Option<(u64, Vec<table::Listener>)> {
        let (process, namespace, table) = self.table(pid)?;
        let held: BTreeSet<u64> = sockets(&process).ok()?.collect();
        let mut found = if held.is_empty() {
            Vec::new()
        } else {
            table.read(&process)
        };
        found.retain(|socket| held.contains(&socket.inode));
        Some((namespace, found))
    }

    fn table(&mut self, pid: u32) -> Option<(Process, u64, &mut Table)> {
        let process = Process::new(pid.try_into().ok()?).ok()?;
        let namespace = namespace(&process)?;
        let table = self.tables.entry(namespace);
        let table = table.or_insert_with(|| Table::of(&process));
        Some((process, namespace, table))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn counts_who_waits_to_be_accepted() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let me = std::process::id();
        let mut listeners = Listeners::open([me]);
        let mut queue = || {
            let found = listeners.read(&[me, me]);
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
    fn forgets_namespaces_that_nobody_is_in() {
        let mut listeners = Listeners::open([std::process::id()]);
        assert_eq!(listeners.tables.len(), 1);
        assert_eq!(listeners.read(&[]), []);
        assert!(listeners.tables.is_empty());
    }
}
