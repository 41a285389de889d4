//! Who listens on which TCP port.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use procfs::ProcResult;
use procfs::process::{FDTarget, Process};

use super::snapshot::{ProcessId, Snapshot};
use super::table::{Table, namespace};

/// Listening sockets by inode, as one network namespace sees them.
type Listeners = HashMap<u64, SocketAddr>;

/// Reads listening sockets, each network namespace's table once.
#[derive(Default)]
pub struct Listening {
    namespaces: HashMap<u64, Listeners>,
}

impl Listening {
    /// A reader with nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The addresses that process listens on.
    pub fn addresses(&mut self, pid: u32) -> BTreeSet<SocketAddr> {
        self.try_addresses(pid).unwrap_or_default()
    }

    fn try_addresses(&mut self, pid: u32) -> Option<BTreeSet<SocketAddr>> {
        let process = Process::new(pid.try_into().ok()?).ok()?;
        let mut sockets = sockets(&process).ok()?.peekable();
        // Most processes hold no socket, and the table of a busy host is long.
        sockets.peek()?;
        let listeners = self.listeners(&process)?;
        Some(
            sockets
                .filter_map(|inode| listeners.get(&inode).copied())
                .collect(),
        )
    }

    /// Processes that listen on that port.
    pub fn owners(&mut self, port: u16, snapshot: &Snapshot) -> Vec<ProcessId> {
        let mut owners: Vec<ProcessId> = snapshot.iter().map(|p| p.id).collect();
        owners.retain(|id| self.addresses(id.pid).iter().any(|a| a.port() == port));
        // With socket activation systemd holds the socket too, and serves nothing.
        if owners.iter().any(|id| id.pid != 1) {
            owners.retain(|id| id.pid != 1);
        }
        owners
    }

    fn listeners(&mut self, process: &Process) -> Option<&Listeners> {
        let of = namespace(process)?;
        Some(self.namespaces.entry(of).or_insert_with(|| read(process)))
    }
}

/// The sockets that a process holds, by inode.
pub fn sockets(process: &Process) -> ProcResult<impl Iterator<Item = u64>> {
    let descriptors = process.fd()?.filter_map(Result::ok);
    Ok(descriptors.filter_map(|fd| match fd.target {
        FDTarget::Socket(inode) => Some(inode),
        _ => None,
    }))
}

fn read(process: &Process) -> Listeners {
    let listeners = Table::of(process).read(process).into_iter();
    listeners
        .map(|listener| (listener.inode, listener.address))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn finds_the_owner_of_a_port() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let me = std::process::id();
        assert!(Listening::new().addresses(me).contains(&address));
        let snapshot = Snapshot::read().unwrap();
        let owners = Listening::new().owners(address.port(), &snapshot);
        assert_eq!(owners, [ProcessId::of(me).unwrap()]);
        drop(socket);
        assert!(
            Listening::new()
                .owners(address.port(), &snapshot)
                .is_empty()
        );
    }
}
