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

use profiler_common::intern::Blob;
use profiler_common::limits::NAME_CAP;

use crate::blobs;
use crate::op::Op;
use crate::repeat;
use crate::user::{self, IoVec};

/// Keys whose values are kept: length with NUL, the first 16 bytes (or as many as
/// there are), place in [`profiler_common::intern::Names`].
const PROCESS_GROUP: u64 = 23;
const APPLICATION_GROUP: u64 = 27;
const SCRIPT_NAME: u64 = 12;
/// How many that are.
const NAMES: usize = 3;

/// Where a thread found the names last.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Hints {
    names: [Hint; NAMES],
    /// Hash of those that it found.
    last: u64,
}

/// Where it found one of them.
#[derive(Clone, Copy)]
#[repr(C)]
struct Hint {
    /// Address of the key; 0 before it was found.
    key: u64,
    /// Its length.
    len: u32,
    /// How many buffers before the end.
    from_end: u32,
}

/// Whether the send under way begins with a daemon's environ.
#[inline(always)]
fn is_environ(op: &Op) -> bool {
    let eight = |buffers: [IoVec; 2]| buffers.iter().all(|buffer| buffer.len == 8);
    op.buffers.count() > 3 && op.buffers.first_two().is_some_and(eight)
}

/// The names in the environ under way, if it is one: the hash of an interned
/// [`profiler_common::intern::Names`], 0 where there is no room.
#[inline(always)]
pub fn names(op: &mut Op, hints: &mut Hints) -> Option<u64> {
    let blob = blobs::scratch(op.place)?;
    let mut known = |place: usize, hint: Hint| {
        let index = op.buffers.count().wrapping_sub(hint.from_end);
        let key = op.vector(index);
        let same = key.is_some_and(|key| key.base == hint.key && key.len == u64::from(hint.len));
        same && op
            .vector(index + 1)
            .is_some_and(|value| keep(blob, place, &value))
    };
    let [process, application, script] = hints.names;
    // In the order in which they come, so that a window holds all three. Where they are
    // is an environ: nothing else has these keys.
    if !(known(2, script) && known(0, process) && known(1, application)) {
        if !is_environ(op) {
            return None;
        }
        search(op, blob, hints);
    }
    hints.last = blobs::intern(op.place, blob, hints.last);
    Some(hints.last)
}

/// Looks through all of it.
#[inline(always)]
fn search(op: &mut Op, blob: &mut Blob, hints: &mut Hints) {
    op.next_buffer = 2;
    op.names_found = 0;
    repeat::environ(&mut Search { op, blob, hints });
}

/// What looking through an environ needs.
pub struct Search<'a> {
    pub op: &'a mut Op,
    pub blob: &'a mut Blob,
    pub hints: &'a mut Hints,
}

impl Search<'_> {
    /// Looks at the next key.
    #[inline(always)]
    pub fn step(&mut self) -> ControlFlow<()> {
        let op = &mut *self.op;
        let index = op.next_buffer;
        op.next_buffer = index + 2;
        let Some(key) = op.vector(index) else {
            return ControlFlow::Break(());
        };
        let place = match key.len {
            PROCESS_GROUP if begins(&key, *b"mod_wsgi.process") => 0,
            APPLICATION_GROUP if begins(&key, *b"mod_wsgi.applica") => 1,
            SCRIPT_NAME if begins(&key, *b"SCRIPT_NAME\0\0\0\0\0") => 2,
            _ => return ControlFlow::Continue(()),
        };
        if let Some(value) = op.vector(index + 1) {
            keep(self.blob, place, &value);
            self.hints.names[place] = Hint {
                key: key.base,
                len: key.len as u32,
                from_end: op.buffers.count() - index,
            };
        }
        op.names_found += 1;
        if op.names_found == NAMES as u32 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[inline(always)]
fn begins(key: &IoVec, with: [u8; 16]) -> bool {
    let with: [u64; 2] = [
        u64::from_le_bytes(*with.first_chunk().unwrap_or(&[0; 8])),
        u64::from_le_bytes(*with.last_chunk().unwrap_or(&[0; 8])),
    ];
    let Some(mut start) = user::read::<[u64; 2]>(key.base) else {
        return false;
    };
    if key.len == SCRIPT_NAME {
        // Behind its 12 bytes is something else.
        start[1] &= 0xffff_ffff;
    }
    start == with
}

/// Copies a value without its NUL, or as much as there is room for.
#[inline(always)]
fn keep(blob: &mut Blob, place: usize, value: &IoVec) -> bool {
    const MASK: u32 = NAME_CAP as u32 * 2 - 1;
    let len = value.len.saturating_sub(1).min(NAME_CAP as u64) as u32;
    if len == 0 {
        return true;
    }
    let to = blob.as_mut_ptr().cast::<u8>();
    // SAFETY: places are 0 to 2 of NAME_CAP bytes each; what the verifier proves is
    // that the mask's 127 bytes stay inside the scratch value, which has slack.
    unsafe { user::copy::<MASK>(to.add(place * NAME_CAP), len, value.base) }
}
