//! The header lines, of which two frame the body (RFC 9112 section 6).

use super::{Cursor, Event, Phase, Scanner, word};
use crate::pairing::swar;
use crate::pairing::view::{View, Word};

const CONTENT_LENGTH: [u64; 2] = [word(*b"content-"), word(*b"length\0\0")];
const TRANSFER_ENCODING: [u64; 2] = [word(*b"transfer"), word(*b"-encodin")];
/// What `Content-Length:` has behind its first eight bytes, and the bytes of it.
const LENGTH_COLON: u64 = word(*b"length:\0");
const SEVEN: u64 = u64::MAX >> 8;
/// Turns the letters of a name into small ones: 0x20 wherever a letter is to be.
const SMALL_CONTENT: u64 = word([0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0]);
const SMALL_LENGTH: u64 = word([0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0, 0]);
const SMALL_TRANSFER: u64 = word([0x20; 8]);
/// `chunked`, the last seven bytes of a window.
const CHUNKED: u64 = word(*b"\0chunked");
/// Clears the oldest of the eight bytes in a window.
const CHUNKED_MASK: u64 = !0xff;

/// Pairs of words and lines that are looked at in one step.
const TURNS: u64 = 16;

/// First bytes of lines that may matter, by their lowest six bits. Others with the
/// same bits are looked at more closely in vain.
const MAY_MATTER: u64 = {
    let firsts = *b"\r\ncCtT";
    let mut bits = 0;
    let mut index = 0;
    while index < firsts.len() {
        bits |= 1_u64 << (firsts[index] & 63);
        index += 1;
    }
    bits
};

/// Whether the line at `pos` ends the head, or may be of a header that matters.
#[inline(always)]
fn matters(view: View<'_>, pos: u32) -> bool {
    let first_byte = view.byte(pos);
    if MAY_MATTER >> (first_byte & 63) & 1 == 0 {
        return false;
    }
    if first_byte == b'\r' || first_byte == b'\n' {
        return true;
    }
    let name = view.eight(pos);
    if name | SMALL_CONTENT == CONTENT_LENGTH[0] {
        return is_length(view, pos) || pos + 15 > view.end;
    }
    // A name cut short by the view may be any.
    name | SMALL_TRANSFER == TRANSFER_ENCODING[0] || pos + 8 > view.end
}

/// Whether a line that begins with `content-` goes on with `length:`.
#[inline(always)]
fn is_length(view: View<'_>, pos: u32) -> bool {
    (view.eight(pos + 8) | SMALL_LENGTH) & SEVEN == LENGTH_COLON
}

impl Scanner {
    /// The header lines, from the start of one or from within one that does not
    /// matter.
    #[inline(always)]
    pub(super) fn fields(&mut self, view: View<'_>, cursor: &mut Cursor) -> Event {
        if self.phase == Phase::Skip || !matters(view, cursor.pos) {
            self.skip_lines(view, cursor);
        }
        if self.phase == Phase::Header && cursor.pos < view.end {
            return self.header(view, cursor);
        }
        Event::None
    }

    /// Moves to the start of the next line that may matter.
    #[inline(always)]
    fn skip_lines(&mut self, view: View<'_>, cursor: &mut Cursor) {
        let mut pair = view.pair(cursor.pos);
        for _ in 0..TURNS {
            let Some(at) = pair.find(|bits| swar::equal(bits, b'\n')) else {
                pair.next();
                continue;
            };
            let at = view.start + at;
            if at >= view.end {
                cursor.pos = view.end;
                self.phase = Phase::Skip;
                return;
            }
            // At the end lies a LF, which matters.
            if matters(view, at + 1) {
                cursor.pos = at + 1;
                self.phase = Phase::Header;
                return;
            }
            pair = view.pair(at + 1);
        }
        // Of a line just begun, this may be a few bytes before: in one that is skipped.
        cursor.pos = pair.position();
        self.phase = Phase::Skip;
    }

    #[inline(always)]
    fn header(&mut self, view: View<'_>, cursor: &mut Cursor) -> Event {
        let mut first_byte = view.byte(cursor.pos);
        if first_byte == b'\r' {
            cursor.pos += 1;
            first_byte = view.byte(cursor.pos);
            if first_byte != b'\n' || cursor.pos >= view.end {
                return Event::None;
            }
        }
        match first_byte {
            b'\n' => {
                cursor.pos += 1;
                if self.chunked {
                    self.remaining = 0;
                    self.phase = Phase::ChunkSize;
                    self.name_len = 0;
                    Event::Head
                } else if self.remaining > 0 {
                    self.phase = Phase::Body;
                    Event::Head
                } else {
                    self.phase = Phase::Start;
                    Event::HeadEnd
                }
            }
            b'c' | b'C' if cursor.pos + 15 <= view.end && is_length(view, cursor.pos) => {
                // The first eight bytes have been compared: see `matters`.
                cursor.pos += 15;
                self.remaining = 0;
                self.phase = Phase::Length;
                Event::None
            }
            b'c' | b'C' | b't' | b'T' => {
                self.window = 0;
                self.window_high = 0;
                self.name_len = 0;
                self.phase = Phase::Name;
                Event::None
            }
            _ => {
                self.phase = Phase::Skip;
                Event::None
            }
        }
    }

    #[inline(always)]
    pub(super) fn name(&mut self, byte: u8, cursor: &mut Cursor) -> Event {
        if byte == b':' {
            cursor.pos += 1;
            let name = [self.window, self.window_high];
            // The 17th byte of `transfer-encoding` was checked on the way.
            if name == CONTENT_LENGTH && self.name_len == 14 {
                self.remaining = 0;
                self.phase = Phase::Length;
            } else if name == TRANSFER_ENCODING && self.name_len == 17 {
                self.window = 0;
                self.name_len = 0;
                self.phase = Phase::Coding;
            } else {
                self.phase = Phase::Skip;
            }
            return Event::None;
        }
        let at = self.name_len;
        let low = byte.to_ascii_lowercase();
        let shift = (at & 7) * 8;
        if at < 8 {
            self.window |= u64::from(low) << shift;
        } else if at < 16 {
            self.window_high |= u64::from(low) << shift;
        } else if at > 16 || low != b'g' {
            self.phase = Phase::Skip;
            return Event::None;
        }
        let hopeless =
            at == 8 && self.window != CONTENT_LENGTH[0] && self.window != TRANSFER_ENCODING[0];
        if byte == b'\n' || hopeless {
            self.phase = Phase::Skip;
            return Event::None;
        }
        self.name_len = at + 1;
        cursor.pos += 1;
        Event::None
    }

    #[inline(always)]
    pub(super) fn length(&mut self, word: Word, cursor: &mut Cursor) -> Event {
        for index in 0..8 {
            let byte = swar::byte(word.bits, index);
            if index >= word.len {
                break;
            }
            match byte {
                b'0'..=b'9' => {
                    // Over 2^60 bytes no server reads on; the cut only keeps it in range.
                    if self.remaining < 1 << 56 {
                        self.remaining = self.remaining * 10 + u64::from(byte - b'0');
                    }
                    cursor.pos += 1;
                }
                b' ' | b'\t' => cursor.pos += 1,
                _ => {
                    self.phase = Phase::Skip;
                    break;
                }
            }
        }
        Event::None
    }

    #[inline(always)]
    pub(super) fn coding(&mut self, byte: u8, cursor: &mut Cursor) -> Event {
        match byte {
            b'\r' | b'\n' => {
                let whole = matches!(swar::byte(self.window, 0), 0 | b',');
                self.chunked = whole && self.window & CHUNKED_MASK == CHUNKED;
                self.phase = Phase::Skip;
                return Event::None;
            }
            b' ' | b'\t' => self.name_len = 1,
            _ => {
                // Blanks matter where they part a coding in two.
                let after_coding = !matches!(swar::byte(self.window, 7), 0 | b',');
                if self.name_len == 1 && after_coding && byte != b',' {
                    self.keep_last(u64::from(b' '), 1);
                }
                self.name_len = 0;
                self.keep_last(u64::from(byte.to_ascii_lowercase()), 1);
            }
        }
        cursor.pos += 1;
        Event::None
    }
}
