//! The request line (RFC 9112 section 3).

use super::{Cursor, Event, Phase, Scanner, word};
use crate::pairing::env::Word;
use crate::pairing::swar;

/// `HTTP/1.` with a zero for the digit.
const HTTP_1: u64 = word(*b"HTTP/1.\0");

/// A byte that may begin a method: a `tchar` of RFC 9110 section 5.6.2.
const fn starts_method(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

impl Scanner {
    #[inline(always)]
    pub(super) fn start(&mut self, first_byte: u8, cursor: &mut Cursor) -> Event {
        if first_byte == b'\r' || first_byte == b'\n' {
            cursor.pos += 1;
            return Event::None;
        }
        *self = Self::EMPTY;
        if !starts_method(first_byte) {
            return Event::Bad;
        }
        self.phase = Phase::Method;
        cursor.token = cursor.pos;
        Event::Begin
    }

    #[inline(always)]
    pub(super) fn method(&mut self, word: Word, cursor: &mut Cursor) -> Event {
        let at = swar::first(swar::below(word.bits, 0x21));
        if at >= word.len {
            cursor.pos += word.len;
            return Event::None;
        }
        if swar::byte(word.bits, at) != b' ' {
            return Event::Bad;
        }
        cursor.token_end = cursor.pos + at;
        cursor.pos += at + 1;
        self.phase = Phase::Path;
        Event::Method
    }

    #[inline(always)]
    pub(super) fn path(&mut self, word: Word, cursor: &mut Cursor) -> Event {
        let at = swar::first(swar::below(word.bits, 0x21) | swar::equal(word.bits, b'?'));
        if at >= word.len {
            cursor.pos += word.len;
            return Event::None;
        }
        cursor.token_end = cursor.pos + at;
        match swar::byte(word.bits, at) {
            b'?' => self.phase = Phase::Query,
            b' ' => self.phase = Phase::Version,
            // A line without a version; its end is the next phase's.
            b'\r' | b'\n' => {
                self.phase = Phase::Version;
                cursor.pos += at;
                return Event::Path;
            }
            _ => return Event::Bad,
        }
        cursor.pos += at + 1;
        Event::Path
    }

    #[inline(always)]
    pub(super) fn query(&mut self, word: Word, cursor: &mut Cursor) -> Event {
        let at = swar::first(swar::below(word.bits, 0x21));
        if at >= word.len {
            cursor.pos += word.len;
            return Event::None;
        }
        self.phase = Phase::Version;
        // Only a space is the delimiter's own; a line end is Version's.
        cursor.pos += at + u32::from(swar::byte(word.bits, at) == b' ');
        Event::None
    }

    #[inline(always)]
    pub(super) fn version(&mut self, word: Word, cursor: &mut Cursor) -> Event {
        let bits = word.bits;
        let mut at = swar::first(swar::equal(bits, b'\n') | swar::equal(bits, b'\r'));
        let found = at < word.len;
        if !found {
            at = word.len;
        }
        self.keep_last(bits, at);
        cursor.pos += at;
        if !found {
            return Event::None;
        }
        cursor.pos += 1;
        if swar::byte(bits, at) == b'\r' {
            return Event::None;
        }
        let digit = (self.window >> 56) as u8;
        if self.window << 8 == HTTP_1 << 8 && digit.is_ascii_digit() {
            self.version = 10 + (digit - b'0');
            self.remaining = 0;
            self.phase = Phase::Header;
            return Event::Line;
        }
        if self.window == 0 {
            self.version = 9;
            self.phase = Phase::Start;
            return Event::Line;
        }
        Event::Bad
    }
}
