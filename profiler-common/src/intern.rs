//! Texts that many requests share, kept once.
//!
//! A record carries the 64-bit hash of a [`Blob`]; user space looks it up in the
//! kernel's map of blobs when it first comes across it.

use core::mem::size_of;

use crate::limits::NAME_CAP;

/// Words of a blob.
pub const BLOB_WORDS: usize = 24;
/// What the map holds: a [`Names`] or a [`Peer`].
pub type Blob = [u64; BLOB_WORDS];

/// What mod_wsgi calls where a request goes; each ends with a NUL or fills its
/// place (then it may be cut).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Names {
    /// `mod_wsgi.process_group`.
    pub process_group: [u8; NAME_CAP],
    /// `mod_wsgi.application_group`.
    pub application_group: [u8; NAME_CAP],
    /// `SCRIPT_NAME`.
    pub script_name: [u8; NAME_CAP],
}

/// The other end of a socket that an application waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Peer {
    /// IPv4 fills the first 4 bytes.
    pub addr: [u8; 16],
    /// Host byte order.
    pub port: u16,
    /// `AF_INET`, `AF_INET6`, `AF_UNIX`.
    pub family: u16,
    /// Zero.
    pub reserved: u32,
    /// For `AF_UNIX`: `sun_path` (first byte 0 for an abstract name), NUL-padded.
    pub path: [u8; PEER_PATH],
}

/// `UNIX_PATH_MAX` (include/uapi/linux/un.h), and padding.
pub const PEER_PATH: usize = 168;

impl Names {
    /// Those in a blob.
    #[must_use]
    pub const fn from_blob(blob: &Blob) -> Self {
        // SAFETY: same size; bytes, for which all values do.
        unsafe { core::mem::transmute_copy(blob) }
    }
}

impl Peer {
    /// The one in a blob.
    #[must_use]
    pub const fn from_blob(blob: &Blob) -> Self {
        // SAFETY: same size; integers without padding, for which all values do.
        unsafe { core::mem::transmute_copy(blob) }
    }
}

const _: () = {
    assert!(size_of::<Names>() == size_of::<Blob>());
    assert!(size_of::<Peer>() == size_of::<Blob>());
};

/// The hash by which a blob is known: FNV-1a over words, with a mix, in four lanes that
/// a processor follows side by side. Never 0.
#[inline(always)]
#[must_use]
pub fn hash(blob: &Blob) -> u64 {
    const LANES: usize = 4;
    let basis = 0xcbf2_9ce4_8422_2325_u64;
    let mut lanes = [basis, basis ^ 1, basis ^ 2, basis ^ 3];
    let mut index = 0;
    while index < BLOB_WORDS {
        let lane = &mut lanes[index % LANES];
        *lane = mix(*lane, blob[index]);
        index += 1;
    }
    lanes.into_iter().fold(basis, mix) | 1
}

#[inline(always)]
const fn mix(hash: u64, word: u64) -> u64 {
    let hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_that_differ_in_a_bit_differ_in_the_hash() {
        let mut seen = [0_u64; BLOB_WORDS * 64];
        for (bit, place) in seen.iter_mut().enumerate() {
            let mut blob = [0; BLOB_WORDS];
            blob[bit / 64] = 1 << (bit % 64);
            *place = hash(&blob);
        }
        seen.sort_unstable();
        assert!(seen.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(seen.iter().all(|hash| *hash != 0));
    }
}
