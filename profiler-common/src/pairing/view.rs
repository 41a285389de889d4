//! The bytes of a read that can be looked at together.

use super::swar;

/// Words of a view.
pub const VIEW_WORDS: usize = 128;
/// Bytes of a view at most. Behind them there is room for one more.
pub const VIEW_BYTES: u32 = (VIEW_WORDS * 8 - 1) as u32;
/// Turns an index into one that is inside.
const INSIDE: usize = VIEW_WORDS - 1;

/// Where words begin in a view.
const OFFSETS: u64 = (VIEW_WORDS as u64 - 1) * 8;

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

    /// Looks from `pos` on through `PAIRS` pairs of words for a byte that `marks` marks,
    /// as LF must be. Where it is, or how far it looked: `end` at most.
    #[inline(always)]
    pub fn find<const PAIRS: u64>(self, pos: u32, marks: impl Fn(u64) -> u64) -> Result<u32, u32> {
        let mut pair = self.pair(pos);
        for _ in 0..PAIRS {
            if let Some(at) = pair.find(&marks) {
                let at = self.start.wrapping_add(at);
                return if at < self.end { Ok(at) } else { Err(self.end) };
            }
            pair.next();
        }
        Err(pair.position())
    }

    /// Two words at `pos`, to walk from there.
    #[inline(always)]
    pub(super) fn pair(self, pos: u32) -> Pair<'a> {
        let offset = pos.wrapping_sub(self.start);
        // All ones is what no search is for: neither a control nor LF nor '?'.
        let before = !(u64::MAX << ((offset & 7) * 8));
        let mut pair = Pair::at(self, offset.into());
        pair.words[0] |= before;
        pair
    }

    #[inline(always)]
    fn at(self, offset: u32) -> u64 {
        self.words[(offset >> 3) as usize & INSIDE]
    }
}

/// A walk through a view, two words at a time: at one, most of the work would be
/// the walk's.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    view: View<'a>,
    /// How far into the view, bytes.
    offset: u64,
    /// What lies before the start of the walk is all ones.
    words: [u64; 2],
}

impl<'a> Pair<'a> {
    #[inline(always)]
    fn at(view: View<'a>, offset: u64) -> Self {
        // Cut to what is inside although it is: so the verifier knows as much of it in
        // each turn, and follows one turn instead of all.
        let offset = offset & OFFSETS;
        let second = (offset + 8) & OFFSETS;
        let word = |offset: u64| view.words[(offset >> 3) as usize & INSIDE];
        Self {
            view,
            offset,
            words: [word(offset), word(second)],
        }
    }

    #[inline(always)]
    pub(super) fn next(&mut self) {
        *self = Self::at(self.view, self.offset + 16);
    }

    /// Where in the view the first byte is that is marked.
    #[inline(always)]
    pub(super) fn find(&self, marks: impl Fn(u64) -> u64) -> Option<u32> {
        let found = self.words.map(marks);
        if found[0] | found[1] == 0 {
            return None;
        }
        let (word, before) = if found[0] == 0 {
            (found[1], 8)
        } else {
            (found[0], 0)
        };
        Some(self.offset as u32 + before + swar::first(word))
    }

    /// Position of the first byte, or where the view ends.
    #[inline(always)]
    pub(super) fn position(&self) -> u32 {
        self.view
            .start
            .wrapping_add(self.offset as u32)
            .min(self.view.end)
    }
}
