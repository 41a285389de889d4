//! The bytes of a read that can be looked at together.

use super::swar;

/// Words of a view.
pub const VIEW_WORDS: usize = 128;
/// Bytes of a view at most. Behind them there is room for one more.
pub const VIEW_BYTES: u32 = (VIEW_WORDS * 8 - 1) as u32;
/// Turns an index into one that is inside.
const INSIDE: usize = VIEW_WORDS - 1;

/// A stretch of the data of one operation, copied to where it can be looked at.
///
/// Positions count from the start of the operation's data, as in
/// [`Cursor`](super::scan::Cursor). Behind the last byte lies a LF, so that a search
/// needs no second test for the end; what lies behind that is anything.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The bytes, first byte lowest.
    pub words: &'a [u64; VIEW_WORDS],
    /// Position of the first byte.
    pub start: u32,
    /// Position past the last.
    pub end: u32,
}

/// Up to eight bytes, first byte lowest.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The bytes; those from `len` on are undefined.
    pub bits: u64,
    /// How many are valid, 0..=8.
    pub len: u32,
}

impl<'a> View<'a> {
    /// Bytes at `pos` up to the end of a word.
    #[inline(always)]
    #[must_use]
    pub fn word(self, pos: u32) -> Word {
        let offset = pos.wrapping_sub(self.start);
        let skip = offset & 7;
        Word {
            bits: self.at(offset) >> (skip * 8),
            len: (8 - skip).min(self.end.wrapping_sub(pos)),
        }
    }

    /// The byte at `pos`.
    #[inline(always)]
    #[must_use]
    pub fn byte(self, pos: u32) -> u8 {
        let offset = pos.wrapping_sub(self.start);
        swar::byte(self.at(offset), offset)
    }

    /// Eight bytes at `pos`; those from the end of the view on are undefined.
    #[inline(always)]
    #[must_use]
    pub fn eight(self, pos: u32) -> u64 {
        let offset = pos.wrapping_sub(self.start);
        let shift = (offset & 7) * 8;
        // Two shifts: by 64 there is none.
        (self.at(offset) >> shift) | (self.at(offset.wrapping_add(8)) << 1 << (63 - shift))
    }

    /// Looks from `pos` on through `WORDS` words for a byte that `marks` marks, as LF
    /// must be. Where it is, or how far it looked: `end` at most.
    #[inline(always)]
    #[must_use]
    pub fn find<const WORDS: u32>(self, pos: u32, marks: impl Fn(u64) -> u64) -> Result<u32, u32> {
        let mut words = self.words_from(pos);
        for _ in 0..WORDS {
            let found = marks(words.bits);
            if found != 0 {
                let at = words.position(found);
                return if at < self.end { Ok(at) } else { Err(self.end) };
            }
            words.next();
        }
        Err(self.start.wrapping_add(words.offset))
    }

    /// The words from `pos` on.
    #[inline(always)]
    #[must_use]
    pub(super) fn words_from(self, pos: u32) -> Words<'a> {
        let offset = pos.wrapping_sub(self.start);
        // All ones is what no search is for: neither a control nor LF nor '?'.
        let before = !(u64::MAX << ((offset & 7) * 8));
        Words {
            view: self,
            offset,
            bits: self.at(offset) | before,
        }
    }

    #[inline(always)]
    fn at(self, offset: u32) -> u64 {
        self.words[(offset >> 3) as usize & INSIDE]
    }
}

/// A walk through a view.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    view: View<'a>,
    /// How far into the view, bytes.
    pub(super) offset: u32,
    /// The word. What lies before the start of the walk is all ones.
    pub(super) bits: u64,
}

impl Words<'_> {
    #[inline(always)]
    pub(super) fn next(&mut self) {
        self.offset = (self.offset | 7).wrapping_add(1);
        self.bits = self.view.at(self.offset);
    }

    /// Position of the first byte that is marked.
    #[inline(always)]
    pub(super) fn position(&self, marks: u64) -> u32 {
        let word = self.view.start.wrapping_add(self.offset & !7);
        word.wrapping_add(swar::first(marks))
    }
}
