//! Asks the kernel about just the sockets in question, by `NETLINK_SOCK_DIAG`: among
//! thousands of closed connections that a busy machine remembers, `/proc/net/tcp`
//! takes tens of milliseconds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags,
};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use nix::errno::Errno;

use super::{Connection, End};

/// In a question: whatever socket has those addresses (`INET_DIAG_NOCOOKIE`).
const NO_COOKIE: [u8; 8] = [0xff; 8];

/// Whether this kernel answers: in a small one the module may be missing, and what
/// it says then is what it says of a connection that does not exist.
pub fn works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        let found = knows_of_a_listener();
        if !matches!(found, Ok(true)) {
            eprintln!("no inet_diag here ({found:?}): /proc/net/tcp is read instead");
        }
        matches!(found, Ok(true))
    })
}

fn knows_of_a_listener() -> Result<bool> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let found = end(Connection {
        server: listener.local_addr()?,
        client: nobody,
    })?;
    Ok(found.is_some())
}

/// The server's end of that connection.
pub fn end(connection: Connection) -> Result<Option<End>> {
    let Connection { server, client } = connection;
    let family = if server.is_ipv4() { AF_INET } else { AF_INET6 };
    let id = SocketId {
        source_port: server.port(),
        destination_port: client.port(),
        source_address: server.ip(),
        destination_address: client.ip(),
        interface_id: 0,
        cookie: NO_COOKIE,
    };
    let found = ask(NLM_F_REQUEST, family, id)?;
    // Where there is no such connection, the kernel finds who listens.
    let of_client = |end: &End| end.client_port == client.port();
    Ok(found.into_iter().find(of_client))
}

/// The server's ends of all connections to that port.
pub fn ends(server_port: u16) -> Result<Vec<End>> {
    let mut all = Vec::new();
    let families: [(u8, IpAddr); 2] = [
        (AF_INET, Ipv4Addr::UNSPECIFIED.into()),
        (AF_INET6, Ipv6Addr::UNSPECIFIED.into()),
    ];
    for (family, any) in families {
        let id = SocketId {
            source_port: server_port,
            destination_port: 0,
            source_address: any,
            destination_address: any,
            interface_id: 0,
            cookie: NO_COOKIE,
        };
        all.extend(ask(NLM_F_REQUEST | NLM_F_DUMP, family, id)?);
    }
    Ok(all)
}

fn ask(flags: u16, family: u8, socket_id: SocketId) -> Result<Vec<End>> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    let question = SockDiagMessage::InetRequest(InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        // Closed, and only remembered: nobody asks for those.
        states: StateFlags::all() - StateFlags::TIME_WAIT - StateFlags::LISTEN,
        socket_id,
    });
    let mut question = NetlinkMessage::new(header, question.into());
    question.finalize();
    let mut bytes = vec![0; question.buffer_len()];
    question.serialize(&mut bytes);
    let socket = Socket::new(NETLINK_SOCK_DIAG).context("no netlink socket")?;
    socket
        .send(&bytes, 0)
        .context("the kernel takes no question")?;

    let mut ends = Vec::new();
    loop {
        let (answer, _) = socket.recv_from_full().context("no answer")?;
        let mut rest = answer.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest)?;
            let length = message.header.length as usize;
            // Each begins at a multiple of four.
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(found)) => {
                    ends.push(End::from(*found));
                    if flags & NLM_F_DUMP == 0 {
                        return Ok(ends);
                    }
                }
                NetlinkPayload::Done(_) => return Ok(ends),
                NetlinkPayload::Error(error) => match Errno::from_raw(-error.raw_code()) {
                    Errno::ENOENT => return Ok(ends),
                    other => bail!("the kernel does not answer: {other}"),
                },
                other => bail!("not an answer: {other:?}"),
            }
        }
    }
}

impl From<InetResponse> for End {
    fn from(found: InetResponse) -> Self {
        let header = found.header;
        Self {
            client_port: header.socket_id.destination_port,
            state: header.state,
            unread: header.recv_queue,
            inode: header.inode.into(),
        }
    }
}
