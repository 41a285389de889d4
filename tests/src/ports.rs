//! Loopback ports, and the kernel's view of the connections on them.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

use crate::wait;

/// A port that nobody listens on right now. Another process may still be
/// quicker, so who starts a server on it has to be ready to try again.
pub fn free() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// A line of `/proc/net/tcp` or `tcp6`.
struct Socket {
    local_port: u16,
    remote_port: u16,
    unread: u64,
    /// 0 once no process holds it any more (or does not hold it yet).
    inode: u64,
}

const ANY: u16 = 0;

fn sockets() -> Result<Vec<Socket>> {
    let mut all = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(table).context(table)?;
        all.extend(text.lines().skip(1).filter_map(parse));
    }
    Ok(all)
}

fn parse(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let port = |address: &str| u16::from_str_radix(address.split_once(':')?.1, 16).ok();
    Some(Socket {
        local_port: port(fields.nth(1)?)?,
        remote_port: port(fields.next()?)?,
        unread: u64::from_str_radix(fields.nth(1)?.split_once(':')?.1, 16).ok()?,
        inode: fields.nth(4)?.parse().ok()?,
    })
}

/// Waits until the server on `server_port` has read all that the client on
/// `client_port` sent: the next piece is then a read of its own.
pub fn wait_until_read(server_port: u16, client_port: u16) -> Result<()> {
    wait::until("the server to read what was sent", || {
        Ok(!sockets()?.iter().any(|socket| {
            (socket.local_port, socket.remote_port) == (server_port, client_port)
                && socket.unread > 0
        }))
    })
}

/// Waits until no process holds a connection accepted on `server_port`.
pub fn wait_until_closed(server_port: u16) -> Result<()> {
    wait::until("the server to close its connections", || {
        Ok(!sockets()?.iter().any(|socket| {
            socket.local_port == server_port && socket.remote_port != ANY && socket.inode != 0
        }))
    })
}

/// Which of the processes holds the server's end of that connection.
pub fn holder(server_port: u16, client_port: u16, among: &[u32]) -> Result<u32> {
    let ports = (server_port, client_port);
    let sockets = sockets()?;
    let socket = sockets
        .iter()
        .find(|socket| (socket.local_port, socket.remote_port) == ports);
    let link = format!("socket:[{}]", socket.context("no such connection")?.inode);
    let holds = |pid: &&u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .flatten();
        let mut targets = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.any(|target| target.as_os_str() == link.as_str())
    };
    among
        .iter()
        .find(holds)
        .copied()
        .context("no process holds the connection")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line_of_the_kernel() {
        let line = "   1: 0100007F:1F90 0100007F:C350 01 00000000:0000001F 00:00000000 \
                    00000000     0        0 12345 1 0000000000000000 20 4 30 10 -1";
        let socket = parse(line).expect("a socket");
        assert_eq!((socket.local_port, socket.remote_port), (8080, 50000));
        assert_eq!((socket.unread, socket.inode), (31, 12345));
    }
}
