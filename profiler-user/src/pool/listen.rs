//! Connections that wait to be accepted, per listening socket.
//!
//! `/proc/PID/net/tcp` and `tcp6` show them as `rx_queue` of a socket in the state
//! LISTEN, in the network namespace of the process. Its limit stands in neither.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;

use procfs::net::{TcpNetEntries, TcpNetEntry};
use procfs::process::Process;
use procfs::{FromBufReadSI, ProcResult};

use crate::discovery::listen::sockets;

/// The state LISTEN as these files write it (`TCP_LISTEN` in the kernel).
const LISTEN: &str = "0A";

/// A line, which is what each read asks for: to fill a larger buffer the kernel would
/// go on through the whole table of connections (`seq_setwidth` in
/// `net/ipv4/tcp_ipv4.c`).
const LINE: usize = 150;

/// A listening socket, or several of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Connections that are established and wait to be accepted, now.
    pub queue: u32,
}

/// The listening sockets that these processes hold, by address. Sockets of one
/// address (`SO_REUSEPORT`, or several network namespaces) are added up.
pub(super) fn read(pids: &[u32]) -> Vec<Listener> {
    let mut sockets: BTreeMap<u64, (SocketAddr, u32)> = BTreeMap::new();
    for pid in pids {
        // One that has ended holds none.
        let found = held(*pid).unwrap_or_default();
        sockets.extend(
            found
                .into_iter()
                .map(|s| (s.inode, (s.local_address, s.rx_queue))),
        );
    }
    let mut listeners: BTreeMap<SocketAddr, u32> = BTreeMap::new();
    for (address, queue) in sockets.into_values() {
        *listeners.entry(address).or_default() += queue;
    }
    let listener = |(address, queue)| Listener { address, queue };
    listeners.into_iter().map(listener).collect()
}

fn held(pid: u32) -> ProcResult<Vec<TcpNetEntry>> {
    let process = Process::new(pid as i32)?;
    let held: BTreeSet<u64> = sockets(&process)?.collect();
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for table in ["tcp", "tcp6"] {
        // Without IPv6 there is no tcp6 file.
        if let Ok(file) = File::open(format!("/proc/{pid}/net/{table}")) {
            found.extend(listening(BufReader::with_capacity(LINE, file))?);
        }
    }
    found.retain(|socket| held.contains(&socket.inode));
    Ok(found)
}

/// The kernel lists listening sockets first, and on a busy host the rest is long:
/// only the head of the table is read.
fn listening(table: impl BufRead) -> ProcResult<Vec<TcpNetEntry>> {
    let mut head = String::new();
    for (number, line) in table.lines().enumerate() {
        let line = line?;
        if number > 0 && line.split_whitespace().nth(3) != Some(LISTEN) {
            break;
        }
        head.push_str(&line);
        head.push('\n');
    }
    let entries = TcpNetEntries::from_buf_read(head.as_bytes(), procfs::current_system_info())?;
    Ok(entries.0)
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
        let queue = || {
            let listeners = read(&[me, me]);
            listeners
                .iter()
                .find(|l| l.address == address)
                .map(|l| l.queue)
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
    fn reads_no_further_than_it_must() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue ...\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000007 00:00000000 00000000 0 0 55 1\n\
            1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000 0 0 56 1\n\
            nonsense\n";
        let found = listening(table.as_bytes()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].rx_queue, found[0].inode), (7, 55));
        assert_eq!(found[0].local_address.to_string(), "127.0.0.1:8080");
    }
}
