//! The names in the environ that Apache sends to a mod_wsgi daemon.
//!
//! It leaves in one `writev` (`wsgi_send_request` in mod_wsgi's `wsgi_remote.c`): the
//! total length and the number of strings, eight bytes each, then every key and
//! every value in a buffer of its own, with its NUL. So a key can be told by its
//! length, and nothing but the three values wanted is ever copied.
//!
//! The keys are literals of mod_wsgi's and Apache's, and the names come last, behind
//! what a client adds. So a thread finds them where it found them last, and needs but
//! see that the key is the same: its address.

use core::ops::ControlFlow;

use crate::limits::NAME_CAP;

/// Lengths of the keys, with NUL.
const PROCESS_GROUP: u64 = 23;
const APPLICATION_GROUP: u64 = 27;
const SCRIPT_NAME: u64 = 12;
/// How many that are.
const NAMES: u32 = 3;

/// A `struct iovec` (include/uapi/linux/uio.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct IoVec {
    /// Address of the bytes.
    pub base: u64,
    /// How many.
    pub len: u64,
}

/// The write under way, and where its names are kept.
pub trait Write {
    /// Number of its buffers.
    fn count(&self) -> u32;
    /// One of them; `None` where it cannot be read.
    fn buffer(&mut self, index: u32) -> Option<IoVec>;
    /// The first 16 bytes at an address.
    fn start(&mut self, address: u64) -> Option<[u64; 2]>;
    /// Keeps `len` bytes, 1 to `NAME_CAP`, as the name of that place in
    /// [`crate::intern::Names`]; false where they cannot be read.
    fn keep(&mut self, place: usize, address: u64, len: u32) -> bool;
}

/// Where a thread found the names last.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Hints {
    names: [Hint; NAMES as usize],
}

/// Where it found one of them.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Hint {
    /// Address of the key; 0 before it was found.
    key: u64,
    /// Its length.
    len: u32,
    /// How many buffers before the end.
    from_end: u32,
}

/// Keeps the names where they were last; false unless all of them are there.
#[inline(always)]
pub fn look_again(write: &mut impl Write, hints: &Hints) -> bool {
    let mut known = |place: usize, hint: Hint| {
        let index = write.count().wrapping_sub(hint.from_end);
        let key = write.buffer(index);
        let same = key.is_some_and(|key| key.base == hint.key && key.len == u64::from(hint.len));
        same && write
            .buffer(index + 1)
            .is_some_and(|value| keep(write, place, value))
    };
    let [process, application, script] = hints.names;
    // In the order in which they come, so that a window holds all three.
    known(2, script) && known(0, process) && known(1, application)
}

/// How far a search through all of it has come.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    next: u32,
    found: u32,
}

impl Search {
    /// At the first key.
    pub const START: Self = Self { next: 2, found: 0 };

    /// Looks at the next key; breaks when there is nothing more to be found.
    #[inline(always)]
    pub fn step(&mut self, write: &mut impl Write, hints: &mut Hints) -> ControlFlow<()> {
        let index = self.next;
        self.next = index + 2;
        let Some(key) = write.buffer(index) else {
            return ControlFlow::Break(());
        };
        let place = match key.len {
            PROCESS_GROUP if begins(write, key, *b"mod_wsgi.process") => 0,
            APPLICATION_GROUP if begins(write, key, *b"mod_wsgi.applica") => 1,
            SCRIPT_NAME if begins(write, key, *b"SCRIPT_NAME\0\0\0\0\0") => 2,
            _ => return ControlFlow::Continue(()),
        };
        if let Some(value) = write.buffer(index + 1) {
            keep(write, place, value);
            hints.names[place] = Hint {
                key: key.base,
                len: key.len as u32,
                from_end: write.count() - index,
            };
        }
        self.found += 1;
        if self.found == NAMES {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[inline(always)]
fn begins(write: &mut impl Write, key: IoVec, with: [u8; 16]) -> bool {
    let with = u128::from_le_bytes(with);
    let Some(mut start) = write.start(key.base) else {
        return false;
    };
    if key.len == SCRIPT_NAME {
        // Behind its 12 bytes is something else.
        start[1] &= 0xffff_ffff;
    }
    start == [with as u64, (with >> 64) as u64]
}

/// Keeps a value without its NUL, or as much as there is room for.
#[inline(always)]
fn keep(write: &mut impl Write, place: usize, value: IoVec) -> bool {
    let len = value.len.saturating_sub(1).min(NAME_CAP as u64) as u32;
    len == 0 || write.keep(place, value.base, len)
}
