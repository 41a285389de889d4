//! The request line (RFC 9112 section 3).

use super::{Cursor, Event, Phase, Scanner, word};
use crate::pairing::swar;
use crate::pairing::view::{View, Word};

/// `HTTP/1.` with a zero for the digit.
const HTTP_1: u64 = word(*b"HTTP/1.\0");

/// Bytes that may begin a method: the `tchar` of RFC 9110 section 5.6.2, as bits.
const TCHAR: [u64; 2] = {
    let mut bits = [0; 2];
    let mut b = 0;
    while b < 128_u8 {
        let special = matches!(b, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        if special || b.is_ascii_alphanumeric() {
            bits[b as usize >> 6] |= 1 << (b & 63);
        }
        b += 1;
    }
    bits
};

#[inline(always)]
const fn starts_method(b: u8) -> bool {
    let bits = if b < 64 { TCHAR[0] } else { TCHAR[1] };
    b < 128 && bits >> (b & 63) & 1 != 0
}

/// Pairs of words of a path or query that are looked at in one step.
const PAIRS: u64 = 4;

impl Scanner {
    #[inline(always)]
    pub(in crate::pairing) fn start(&mut self, view: View<'_>, cursor: &mut Cursor) -> Event {
        let first_byte = view.byte(cursor.pos);
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
    pub(in crate::pairing) fn method(&mut self, view: View<'_>, cursor: &mut Cursor) -> Event {
        let bits = view.eight(cursor.pos);
        let valid = (view.end - cursor.pos).min(8);
        let at = swar::first(swar::below(bits, 0x21));
        if at >= valid {
            cursor.pos += valid;
            return Event::None;
        }
        if swar::byte(bits, at) != b' ' {
            return Event::Bad;
        }
        cursor.token_end = cursor.pos + at;
        cursor.pos += at + 1;
        self.phase = Phase::Path;
        Event::Method
    }

    #[inline(always)]
    pub(in crate::pairing) fn path(&mut self, view: View<'_>, cursor: &mut Cursor) -> Event {
        let ends_path = |bits| swar::below(bits, 0x21) | swar::equal(bits, b'?');
        match view.find::<PAIRS>(cursor.pos, ends_path) {
            Ok(at) => cursor.pos = at,
            Err(end) => {
                cursor.pos = end;
                return Event::None;
            }
        }
        cursor.token_end = cursor.pos;
        self.phase = match view.byte(cursor.pos) {
            b'?' => Phase::Query,
            b' ' => Phase::Version,
            // A line without a version; its end is the next phase's.
            b'\r' | b'\n' => {
                self.phase = Phase::Version;
                return Event::Path;
            }
            _ => return Event::Bad,
        };
        cursor.pos += 1;
        Event::Path
    }

    #[inline(always)]
    pub(in crate::pairing) fn query(&mut self, view: View<'_>, cursor: &mut Cursor) {
        match view.find::<PAIRS>(cursor.pos, |bits| swar::below(bits, 0x21)) {
            Ok(at) => {
                self.phase = Phase::Version;
                // Only a space is the delimiter's own; a line end is Version's.
                cursor.pos = at + u32::from(view.byte(at) == b' ');
            }
            Err(end) => cursor.pos = end,
        }
    }

    #[inline(always)]
    pub(in crate::pairing) fn version(&mut self, view: View<'_>, cursor: &mut Cursor) -> Event {
        const CRLF: u64 = 0x0a0d;
        let last = view.eight(cursor.pos);
        if cursor.pos + 10 <= view.end
            && let Some(version) = version_of(last)
            && view.eight(cursor.pos + 8) & 0xffff == CRLF
        {
            cursor.pos += 10;
            self.version = version;
            self.phase = Phase::Header;
            return Event::Line;
        }
        let Word { bits, len } = view.word(cursor.pos);
        let mut at = swar::first(swar::equal(bits, b'\n') | swar::equal(bits, b'\r'));
        let found = at < len;
        if !found {
            at = len;
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
        if let Some(version) = version_of(self.window) {
            self.version = version;
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

/// `HTTP/1.0` to `HTTP/1.9`, as 10 to 19.
#[inline(always)]
fn version_of(last: u64) -> Option<u8> {
    let digit = ((last >> 56) as u8).wrapping_sub(b'0');
    (last << 8 == HTTP_1 << 8 && digit < 10).then(|| 10 + digit)
}
