//! Loopback ports, and the kernel's view of the connections on them.

mod diag;
mod table;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};

use crate::wait;

/// A port that nobody listens on right now. Another process may still be
/// quicker, so who starts a server on it has to be ready to try again.
pub fn free() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// A server's end of a connection, as the kernel tells.
#[derive(Clone, Copy, Debug)]
struct End {
    client_port: u16,
    /// One of the kernel's `TCP_...`.
    state: u8,
    /// Bytes that have come and were not read.
    unread: u32,
    /// 0 once no process holds it any more, or does not hold it yet.
    inode: u64,
}

/// States of `include/net/tcp_states.h`.
const ESTABLISHED: u8 = 1;
const CLOSE_WAIT: u8 = 8;
const LISTEN: u8 = 10;

impl End {
    /// Whether a process holds it or has yet to accept it.
    fn is_open(self) -> bool {
        // Who closes leaves these two states, so without a holder it is in the queue.
        let not_closed = matches!(self.state, ESTABLISHED | CLOSE_WAIT);
        self.state != LISTEN && (self.inode != 0 || not_closed)
    }
}

/// A connection, by the addresses of its ends.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The server's.
    pub server: SocketAddr,
    /// The client's.
    pub client: SocketAddr,
}

impl Connection {
    /// `None` once the kernel has forgotten it.
    fn server_end(self) -> Result<Option<End>> {
        if diag::works() {
            diag::end(self)
        } else {
            table::end(self)
        }
    }

    /// Waits until the server has read all that the client sent: the next piece is
    /// then a read of its own.
    pub fn wait_until_read(self) -> Result<()> {
        wait::until("the server to read what was sent", || {
            Ok(self.server_end()?.is_none_or(|end| end.unread == 0))
        })
    }

    /// Waits until it has come to the server's end that the client has hung up,
    /// regularly or with a reset.
    pub fn wait_until_hung_up(self) -> Result<()> {
        wait::until("the client's end to reach the server", || {
            Ok(self
                .server_end()?
                .is_none_or(|end| end.state != ESTABLISHED))
        })
    }

    /// Which of the processes holds the server's end.
    pub fn holder(self, among: &[u32]) -> Result<u32> {
        let end = self.server_end()?.context("no such connection")?;
        let link = format!("socket:[{}]", end.inode);
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
}

/// Waits until no process holds a connection to `server_port`, and none waits to
/// be accepted.
pub fn wait_until_closed(server_port: u16) -> Result<()> {
    wait::until("the server to close its connections", || {
        let ends = if diag::works() {
            diag::ends(server_port)?
        } else {
            table::ends(server_port)?
        };
        Ok(!ends.into_iter().any(End::is_open))
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::os::fd::AsRawFd as _;

    use super::*;
    use crate::skip;

    /// Both ways to ask must tell the same of a connection in each of its states.
    fn both(connection: Connection) -> Result<Option<End>> {
        let port = connection.server.port();
        let (one, other) = (diag::end(connection)?, table::end(connection)?);
        let told = |end: Option<End>| end.map(|end| (end.state, end.unread, end.inode));
        assert_eq!(told(one), told(other));
        let open = |ends: Vec<End>| ends.into_iter().filter(|end| end.is_open()).count();
        let (all, others) = (diag::ends(port)?, table::ends(port)?);
        assert_eq!(open(all), open(others));
        Ok(one)
    }

    #[test]
    fn tells_what_becomes_of_a_connection() -> Result<()> {
        if !diag::works() {
            skip::say("this kernel has no inet_diag to compare with");
            return Ok(());
        }
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address)?;
            let mut client = TcpStream::connect(listener.local_addr()?)?;
            let connection = Connection {
                server: client.peer_addr()?,
                client: client.local_addr()?,
            };
            client.write_all(b"five!")?;
            let end = both(connection)?.context("it waits to be accepted")?;
            assert_eq!((end.state, end.unread, end.inode), (ESTABLISHED, 5, 0));
            assert!(end.is_open());

            let (mut server, _) = listener.accept()?;
            let link = std::fs::read_link(format!("/proc/self/fd/{}", server.as_raw_fd()))?;
            let end = both(connection)?.context("it was accepted")?;
            assert_eq!(link.as_os_str(), format!("socket:[{}]", end.inode).as_str());
            assert_eq!(
                connection.holder(&[std::process::id()])?,
                std::process::id()
            );
            server.read_exact(&mut [0; 5])?;
            connection.wait_until_read()?;

            drop(client);
            connection.wait_until_hung_up()?;
            let end = both(connection)?.context("half of it is left")?;
            assert_eq!(end.state, CLOSE_WAIT);
            drop(server);
            wait_until_closed(connection.server.port())?;
            assert!(both(connection)?.is_none_or(|end| !end.is_open()));
        }
        Ok(())
    }
}
