//! The same from `/proc/net/tcp` and `tcp6`, where the kernel has no `inet_diag`.

use anyhow::Result;
use procfs::net::{TcpNetEntry, tcp, tcp6};

use super::{Connection, End};

/// The server's end of that connection.
pub fn end(connection: Connection) -> Result<Option<End>> {
    let of_client = |end: &End| end.client_port == connection.client.port();
    Ok(ends(connection.server.port())?.into_iter().find(of_client))
}

/// The server's ends of all connections to that port.
pub fn ends(server_port: u16) -> Result<Vec<End>> {
    let mut all = tcp()?;
    // Not there where the kernel was started without.
    all.extend(tcp6().unwrap_or_default());
    let of_server = |socket: &TcpNetEntry| socket.local_address.port() == server_port;
    Ok(all.into_iter().filter(of_server).map(End::from).collect())
}

impl From<TcpNetEntry> for End {
    fn from(socket: TcpNetEntry) -> Self {
        Self {
            client_port: socket.remote_address.port(),
            state: socket.state.to_u8(),
            unread: socket.rx_queue,
            inode: socket.inode,
        }
    }
}
