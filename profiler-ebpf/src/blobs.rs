//! Putting names and peers where user space finds them, once each.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use profiler_common::event::{AF_INET, AF_UNIX};
use profiler_common::intern::{self, Blob, PEER_PATH, Peer};
use profiler_common::stats::Counter;

use crate::config::setting;
use crate::conns;
use crate::kernel::{member, unix_peer};
use crate::maps::{INTERNED, Place, SCRATCH, count};
use crate::user::masked;

/// This CPU's scratch blob for that kind of program, all zero.
#[inline(always)]
pub fn scratch(place: Place) -> Option<&'static mut Blob> {
    let blob = in_the_making(place)?;
    for word in blob.iter_mut() {
        // SAFETY: a valid word. Volatile, or LLVM makes it a `memset` byte by byte.
        unsafe { core::ptr::from_mut(word).write_volatile(0) };
    }
    Some(blob)
}

/// The same with what is in it by now.
#[inline(always)]
pub fn in_the_making(place: Place) -> Option<&'static mut Blob> {
    let blob = SCRATCH.get_ptr_mut(place as u32)?;
    // SAFETY: this CPU's own value, and no other program uses this place of it.
    Some(unsafe { &mut (*blob)[0] })
}

/// Keeps the blob and gives its hash; 0 where there is no room. `known` is the hash of
/// one that is kept already, or 0.
#[inline(always)]
pub fn intern(place: Place, blob: &Blob, known: u64) -> u64 {
    let hash = intern::hash(blob);
    if hash == known {
        return hash;
    }
    if INTERNED.get_ptr(hash).is_none()
        && INTERNED.insert(hash, blob, u64::from(BPF_NOEXIST)).is_err()
        && INTERNED.get_ptr(hash).is_none()
    {
        count(place, Counter::NameFull);
        return 0;
    }
    hash
}

/// The hash of a socket's peer; 0 where it cannot be told.
#[inline(always)]
pub fn peer(place: Place, sock: u64) -> u64 {
    let Some(blob) = scratch(place) else {
        return 0;
    };
    // SAFETY: same size and alignment, any bytes do.
    let peer = unsafe { &mut *(&raw mut *blob).cast::<Peer>() };
    peer.family = conns::family(sock);
    if peer.family == AF_UNIX {
        unix_path(sock, &mut peer.path);
    } else {
        peer.port = conns::peer_port(sock);
        if peer.family == AF_INET {
            conns::peer_v4(sock, &mut peer.addr);
        } else {
            peer.addr = conns::peer_v6(sock);
        }
    }
    intern(place, blob, 0)
}

/// The name that the peer is bound to: behind `sun_family` in `struct unix_address`.
#[inline(always)]
fn unix_path(sock: u64, path: &mut [u8; PEER_PATH]) -> Option<()> {
    /// The longest name: `sizeof(struct sockaddr_un)` is 110 bytes.
    const MASK: u32 = 127;
    const FAMILY: u32 = 2;
    let peer = unix_peer(sock)?;
    let address: u64 = member(peer, setting!(unix_addr))?;
    let len: u32 = member(address, setting!(unix_address_len))?;
    let name = address + u64::from(setting!(unix_address_name)) + u64::from(FAMILY);
    let len = len.saturating_sub(FAMILY).min(MASK - 1);
    // SAFETY: the path holds MASK bytes; the helper checks the address.
    unsafe {
        bpf_probe_read_kernel(
            path.as_mut_ptr().cast(),
            masked::<MASK>(len),
            name as *const _,
        )
    };
    Some(())
}
