//! The header lines, of which two frame the body (RFC 9112 section 6).

use super::{Cursor, Event, Phase, Scanner, word};
use crate::pairing::swar;

const CONTENT_LENGTH: [u64; 2] = [word(*b"content-"), word(*b"length\0\0")];
const TRANSFER_ENCODING: [u64; 2] = [word(*b"transfer"), word(*b"-encodin")];
/// `chunked`, the last seven bytes of a window.
const CHUNKED: u64 = word(*b"\0chunked");
/// Clears the oldest of the eight bytes in a window.
const CHUNKED_MASK: u64 = !0xff;

impl Scanner {
    #[inline(always)]
    pub(super) fn header(&mut self, first_byte: u8, cursor: &mut Cursor) -> Event {
        match first_byte {
            b'\r' => {
                cursor.pos += 1;
                Event::None
            }
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
    pub(super) fn length(&mut self, byte: u8, cursor: &mut Cursor) -> Event {
        match byte {
            b'0'..=b'9' => {
                // Over 2^60 bytes no server reads on; the cut only keeps it in range.
                if self.remaining < 1 << 56 {
                    self.remaining = self.remaining * 10 + u64::from(byte - b'0');
                }
                cursor.pos += 1;
            }
            b' ' | b'\t' => cursor.pos += 1,
            _ => self.phase = Phase::Skip,
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
