//! The connection map: finding, opening and closing entries.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::{bpf_probe_read_kernel, generated};
use profiler_common::config::sock_common;
use profiler_common::event::{AF_INET, AF_INET6};
use profiler_common::limits::stand_in_key;
use profiler_common::pairing::conn::{CONN_SIZE, Conn, Endpoints};

use crate::config::setting;
use crate::maps::{CONN_ZERO, CONNS, Full, PORTS, Place, set_full, was_full};

/// `IPPROTO_TCP` (include/uapi/linux/in.h).
const IPPROTO_TCP: u16 = 6;

/// The entry of a socket.
#[inline(always)]
pub fn find(sock: u64) -> Option<*mut Conn> {
    CONNS.get_ptr_mut(sock)
}

/// The socket's own port.
#[inline(always)]
pub fn local_port(sock: u64) -> u16 {
    field(sock, sock_common::NUM as u32)
}

/// Whether the socket's local port is one that a watched process listens on.
#[inline(always)]
pub fn is_served(sock: u64) -> bool {
    PORTS.get_ptr(u32::from(local_port(sock))).is_some()
}

/// Whether it is a TCP socket over IPv4 or IPv6.
#[inline(always)]
pub fn is_tcp(sock: u64) -> bool {
    is_tcp_of(family(sock), sock)
}

/// Likewise, of a socket whose family is known.
#[inline(always)]
pub fn is_tcp_of(family: u16, sock: u64) -> bool {
    matches!(family, AF_INET | AF_INET6)
        && field::<u16>(sock, setting!(sock_protocol)) == IPPROTO_TCP
}

/// The socket's address family.
#[inline(always)]
pub fn family(sock: u64) -> u16 {
    field(sock, sock_common::FAMILY as u32)
}

/// The peer's port, host byte order.
#[inline(always)]
pub fn peer_port(sock: u64) -> u16 {
    u16::from_be(field(sock, sock_common::DPORT as u32))
}

/// The peer's IPv4 address, in the first four bytes.
#[inline(always)]
pub fn peer_v4(sock: u64, address: &mut [u8; 16]) {
    let peer: [u8; 4] = field(sock, sock_common::DADDR as u32);
    address[..4].copy_from_slice(&peer);
}

/// The peer's IPv6 address.
#[inline(always)]
pub fn peer_v6(sock: u64) -> [u8; 16] {
    field(sock, setting!(sock_v6_daddr))
}

/// Makes an entry for a TCP socket; `None` where there is no room.
#[inline(always)]
pub fn open(sock: u64, established_ns: u64) -> Option<*mut Conn> {
    // SAFETY: a valid map value, never written.
    let zero = unsafe { &*CONN_ZERO.get_ptr(0)? };
    let inserted = CONNS.insert(sock, zero, u64::from(BPF_NOEXIST));
    let Some(conn) = CONNS.get_ptr_mut(sock) else {
        set_full(Full::Conns);
        return None;
    };
    if inserted.is_ok() {
        // SAFETY: a valid map value that only this socket's operations touch.
        unsafe {
            (*conn).established_ns = established_ns;
            (*conn).late = was_full(Full::Conns);
            ends(sock, &mut (*conn).ends);
        }
    }
    Some(conn)
}

/// As `open`, but where there is no room, a stand-in that counts what is lost.
#[inline(always)]
pub fn open_or_stand_in(place: Place, sock: u64) -> Option<*mut Conn> {
    if let Some(conn) = open(sock, 0) {
        return Some(conn);
    }
    let zero = CONN_ZERO.get_ptr(0)?;
    let stand_in = stand_in(place)?;
    // SAFETY: this CPU's own value, used until the hook returns.
    unsafe {
        generated::bpf_probe_read_kernel(stand_in.cast(), CONN_SIZE as u32, zero.cast());
        (*stand_in).untracked = true;
        (*stand_in).late = true;
    }
    Some(stand_in)
}

/// What stands in for a connection that found no room, in the same map: what is kept in
/// another one the verifier would go through the pairing for once more.
#[inline(always)]
pub fn stand_in(place: Place) -> Option<*mut Conn> {
    // SAFETY: the helper takes nothing.
    let cpu = unsafe { generated::bpf_get_smp_processor_id() };
    find(stand_in_key(cpu, place as u32))
}

/// Forgets a socket that the kernel destroys.
#[inline(always)]
pub fn close(sock: u64) {
    let _ = CONNS.remove(sock);
}

#[inline(always)]
fn ends(sock: u64, ends: &mut Endpoints) {
    ends.family = family(sock);
    ends.server_port = local_port(sock);
    ends.client_port = peer_port(sock);
    if ends.family == AF_INET {
        let server: [u8; 4] = field(sock, sock_common::RCV_SADDR as u32);
        peer_v4(sock, &mut ends.client_addr);
        ends.server_addr[..4].copy_from_slice(&server);
    } else {
        ends.client_addr = peer_v6(sock);
        ends.server_addr = field(sock, setting!(sock_v6_rcv_saddr));
    }
}

/// A member of the socket; zero where it cannot be read.
#[inline(always)]
fn field<T: Copy + Zero>(sock: u64, offset: u32) -> T {
    let address = (sock + u64::from(offset)) as *const T;
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel(address) }.unwrap_or(T::ZERO)
}

trait Zero {
    const ZERO: Self;
}
impl Zero for u16 {
    const ZERO: Self = 0;
}
impl<const N: usize> Zero for [u8; N] {
    const ZERO: Self = [0; N];
}
