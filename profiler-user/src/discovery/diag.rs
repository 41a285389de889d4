//! The listening TCP sockets of a network namespace, asked of the kernel
//! (`sock_diag(7)`). Unlike `/proc/net/tcp` it goes through those alone, however many
//! connections there are.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags,
};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use procfs::process::Process;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::table::Listener;

/// More than the kernel puts into a part of an answer that nobody has read from yet
/// (`NLMSG_GOODSIZE`, 8 KiB at most).
const PART: usize = 16 << 10;

/// A way to ask. It keeps the namespace alive as long as it lives itself.
#[derive(Debug)]
pub(super) struct Diag {
    socket: Socket,
}

impl Diag {
    /// In the namespace of this thread.
    pub(super) fn own() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_SOCK_DIAG)?;
        // Each part of an answer is made when the one before is read: none is waited for.
        socket.set_non_blocking(true)?;
        Ok(Self { socket })
    }

    /// In the namespace of that process. The kernel asks for `CAP_SYS_ADMIN`.
    pub(super) fn of(process: &Process) -> io::Result<Self> {
        let namespace = process.open_relative("ns/net").map_err(io::Error::other)?;
        // A thread of its own: it stays where it went.
        let enter = move || {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), network)?;
            Self::own()
        };
        let entered = std::thread::Builder::new().spawn(enter)?.join();
        entered.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    }

    /// All of them, now.
    pub(super) fn listeners(&self) -> io::Result<Vec<Listener>> {
        let mut found = Vec::new();
        for family in [AF_INET, AF_INET6] {
            self.ask(family)?;
            while self.take_part(&mut found)? {}
        }
        Ok(found)
    }

    fn ask(&self, family: u8) -> io::Result<()> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::LISTEN,
            socket_id: if family == AF_INET {
                SocketId::new_v4()
            } else {
                SocketId::new_v6()
            },
        };
        let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map(drop)
    }

    /// Reads a part of the answer; whether there is more.
    fn take_part(&self, found: &mut Vec<Listener>) -> io::Result<bool> {
        let mut part = Vec::with_capacity(PART);
        self.socket.recv(&mut part, 0)?;
        let mut rest = &part[..];
        while !rest.is_empty() {
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest);
            let message = message.map_err(io::Error::other)?;
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(socket)) => {
                    found.push(listener(&socket.header));
                }
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::Done(_) => return Ok(false),
                _ => {}
            }
            // Each begins at a multiple of four (netlink(7)).
            let length = (message.header.length as usize).next_multiple_of(4);
            rest = rest.get(length..).unwrap_or_default();
        }
        Ok(true)
    }
}

fn listener(socket: &InetResponseHeader) -> Listener {
    let id = &socket.socket_id;
    Listener {
        inode: socket.inode.into(),
        address: SocketAddr::new(id.source_address, id.source_port),
        queue: socket.recv_queue,
    }
}
