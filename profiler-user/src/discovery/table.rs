//! The listening TCP sockets of a network namespace, with those that wait to be
//! accepted: from the kernel's answer to a question or, where it gives none, from
//! `/proc/PID/net/tcp` and `tcp6`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;

use procfs::net::{TcpNetEntries, TcpNetEntry};
use procfs::process::Process;
use procfs::{FromBufReadSI, ProcResult};

use super::diag::Diag;

/// A listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its inode.
    pub inode: u64,
    /// Where it listens.
    pub address: SocketAddr,
    /// Connections that are established and wait to be accepted, now.
    pub queue: u32,
}

/// How the sockets of a namespace are read.
#[derive(Debug)]
pub struct Table {
    /// `None`: from the files.
    diag: Option<Diag>,
}

impl Table {
    /// Of that process's namespace.
    #[must_use]
    pub fn of(process: &Process) -> Self {
        let own = Process::myself().ok().and_then(|own| namespace(&own));
        let diag = if namespace(process) == own {
            Diag::own()
        } else {
            Diag::of(process)
        };
        Self { diag: diag.ok() }
    }

    /// All listening sockets in it, now; `process` is one that is in it.
    pub fn read(&mut self, process: &Process) -> Vec<Listener> {
        if let Some(diag) = &self.diag {
            match diag.listeners() {
                Ok(listeners) => return listeners,
                // A kernel without it, most likely.
                Err(_) => self.diag = None,
            }
        }
        from_files(process)
    }
}

/// The network namespace of a process; `None` where it may not be looked into.
#[must_use]
pub fn namespace(process: &Process) -> Option<u64> {
    let target = process.open_relative("ns/net").ok()?;
    Some(rustix::fs::fstat(target).ok()?.st_ino)
}

/// The state LISTEN as these files write it (`TCP_LISTEN` in the kernel).
const LISTEN: &str = "0A";

/// A line, which is what each read asks for: to fill a larger buffer the kernel would
/// go on through the whole table of connections (`seq_setwidth` in
/// `net/ipv4/tcp_ipv4.c`).
const LINE: usize = 150;

fn from_files(process: &Process) -> Vec<Listener> {
    let mut found = Vec::new();
    for table in ["tcp", "tcp6"] {
        // Without IPv6 there is no tcp6 file.
        if let Ok(file) = File::open(format!("/proc/{}/net/{table}", process.pid)) {
            let head = head(BufReader::with_capacity(LINE, file));
            found.extend(head.unwrap_or_default());
        }
    }
    let listener = |socket: TcpNetEntry| Listener {
        inode: socket.inode,
        address: socket.local_address,
        queue: socket.rx_queue,
    };
    found.into_iter().map(listener).collect()
}

/// The kernel lists listening sockets first, and on a busy host the rest is long:
/// only the head of the table is read.
fn head(table: impl BufRead) -> ProcResult<Vec<TcpNetEntry>> {
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
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn sorted(mut listeners: Vec<Listener>) -> Vec<Listener> {
        listeners.sort_unstable_by_key(|listener| listener.inode);
        listeners
    }

    /// The two ways agree; other tests come and go meanwhile.
    #[track_caller]
    fn compare(table: &mut Table, process: &Process) -> Vec<Listener> {
        let differ = || {
            let asked = sorted(table.read(process));
            (asked != sorted(from_files(process)), asked)
        };
        let mut looks = std::iter::repeat_with(differ).take(100);
        let agreed = looks.find(|(differ, _)| !differ);
        agreed.expect("the kernel's answer is that of the files").1
    }

    #[test]
    fn the_kernels_answer_is_that_of_the_files() {
        let sockets = ["127.0.0.1:0", "[::]:0", "0.0.0.0:0"].map(TcpListener::bind);
        // A machine without IPv6 has two.
        let sockets: Vec<_> = sockets.into_iter().filter_map(Result::ok).collect();
        assert!(sockets.len() >= 2);
        let waiting: Vec<_> = (0..3)
            .map(|_| TcpStream::connect(sockets[0].local_addr().unwrap()).unwrap())
            .collect();
        let me = Process::myself().unwrap();
        let mut table = Table::of(&me);
        let found = compare(&mut table, &me);
        assert!(table.diag.is_some(), "this kernel answers");
        for (socket, queue) in sockets.iter().zip([waiting.len() as u32, 0, 0]) {
            let address = socket.local_addr().unwrap();
            let listener = found.iter().find(|listener| listener.address == address);
            assert_eq!(listener.map(|listener| listener.queue), Some(queue));
        }
    }

    /// Python with a listening socket in a network namespace of its own; its port.
    fn elsewhere() -> Option<(Child, u16)> {
        let script = "import ctypes, os, socket\n\
            assert ctypes.CDLL(None).unshare(0x40000000) == 0\n\
            s = socket.socket(); s.bind(('', 0)); s.listen()\n\
            print(s.getsockname()[1], flush=True); input()";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        let out = child.stdout.as_mut()?;
        BufReader::new(out).read_line(&mut line).ok()?;
        line.trim().parse().ok().map(|port| (child, port))
    }

    #[test]
    fn another_namespace() {
        let Some((mut child, port)) = elsewhere() else {
            println!("skipped: no namespace can be made here (python3 and root needed)");
            return;
        };
        let process = Process::new(child.id() as i32).unwrap();
        assert_ne!(
            namespace(&process),
            namespace(&Process::myself().unwrap()),
            "it has its own"
        );
        let mut table = Table::of(&process);
        let found = compare(&mut table, &process);
        assert!(table.diag.is_some(), "root may enter it");
        let ports: Vec<u16> = found.iter().map(|l| l.address.port()).collect();
        assert_eq!(ports, [port]);
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn reads_no_further_than_it_must() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue ...\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000007 00:00000000 00000000 0 0 55 1\n\
            1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000 0 0 56 1\n\
            nonsense\n";
        let found = head(table.as_bytes()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].rx_queue, found[0].inode), (7, 55));
        assert_eq!(found[0].local_address.to_string(), "127.0.0.1:8080");
    }
}
