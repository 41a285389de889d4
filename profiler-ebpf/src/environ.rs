//! The names in the environ that Apache sends to a mod_wsgi daemon: how they are found
//! is in `profiler_common::environ`, this is where the bytes are.

use core::ops::ControlFlow;

use profiler_common::environ::{self, IoVec, Search, Write};
use profiler_common::intern::Blob;
use profiler_common::limits::NAME_CAP;

use crate::blobs;
use crate::op::Op;
use crate::repeat;
use crate::user;

/// What a thread remembers of the environs that it sent.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Hints {
    pub places: environ::Hints,
    /// Hash of the names that it found last.
    last: u64,
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
    let place = op.place;
    let blob = blobs::scratch(place)?;
    let mut sent = Sent { op, blob };
    // Where they are is an environ: nothing else has these keys.
    if !environ::look_again(&mut sent, &hints.places) {
        if !is_environ(sent.op) {
            return None;
        }
        sent.op.search = Search::START;
        repeat::environ(&mut Looking {
            sent: Sent {
                op: sent.op,
                blob: sent.blob,
            },
            hints: &mut hints.places,
        });
    }
    hints.last = blobs::intern(place, sent.blob, hints.last);
    Some(hints.last)
}

/// The send under way, and where its names go.
pub struct Sent<'a> {
    pub op: &'a mut Op,
    pub blob: &'a mut Blob,
}

impl Write for Sent<'_> {
    #[inline(always)]
    fn count(&self) -> u32 {
        self.op.buffers.count()
    }

    #[inline(always)]
    fn buffer(&mut self, index: u32) -> Option<IoVec> {
        self.op.vector(index)
    }

    #[inline(always)]
    fn start(&mut self, address: u64) -> Option<[u64; 2]> {
        user::read(address)
    }

    #[inline(always)]
    fn keep(&mut self, place: usize, address: u64, len: u32) -> bool {
        const MASK: u32 = NAME_CAP as u32 * 2 - 1;
        let to = self.blob.as_mut_ptr().cast::<u8>();
        // SAFETY: places are 0 to 2 of NAME_CAP bytes each; what the verifier proves is
        // that the mask's 127 bytes stay inside the scratch value, which has slack.
        unsafe { user::copy::<MASK>(to.add(place * NAME_CAP), len, address) }
    }
}

/// A look through all of it; how far it has come is kept in the operation.
pub struct Looking<'a> {
    pub sent: Sent<'a>,
    pub hints: &'a mut environ::Hints,
}

impl Looking<'_> {
    /// Looks at the next key.
    #[inline(always)]
    pub fn step(&mut self) -> ControlFlow<()> {
        let mut search = self.sent.op.search;
        let flow = search.step(&mut self.sent, self.hints);
        self.sent.op.search = search;
        flow
    }
}
