//! Follows the bytes a client sends, at most eight a step.
//!
//! It knows no more of HTTP/1 than is needed to tell where a request begins,
//! what its line says and where its body ends: RFC 9112 sections 2.2 (empty
//! lines before a request, bare LF), 3 (request line), 6 (`Content-Length`,
//! `Transfer-Encoding`) and 7.1 (chunks); and the HTTP/0.9 request that Apache
//! still answers by default (`HttpProtocolOptions Allow0.9`).
//!
//! Nothing is kept of header fields but the two that frame the body.

use super::env::Word;
use super::swar;

/// Where in a request the next byte lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Between requests; empty lines are skipped.
    #[default]
    Start = 0,
    /// In the method token.
    Method,
    /// In the target's path.
    Path,
    /// In the target's query.
    Query,
    /// In the version, through the end of the request line.
    Version,
    /// At the start of a header line.
    Header,
    /// In a header's name that may be one of the two that matter.
    Name,
    /// In the value of `Content-Length`.
    Length,
    /// In the value of `Transfer-Encoding`.
    Coding,
    /// In a header line that does not matter.
    Skip,
    /// In a body of known length.
    Body,
    /// In a chunk's size.
    ChunkSize,
    /// In a chunk's extensions.
    ChunkExtension,
    /// In a chunk's data.
    ChunkData,
    /// Between a chunk's data and the next size.
    ChunkEnd,
    /// At the start of a trailer line.
    Trailer,
    /// In a trailer line.
    TrailerSkip,
    /// Lost, or not HTTP at all: ignores what comes.
    Unsynced,
}

/// What a step came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing to act on.
    None,
    /// A request begins at the cursor.
    Begin,
    /// The method is complete: `cursor.token..cursor.token_end`.
    Method,
    /// The path is complete: `cursor.token..cursor.token_end`.
    Path,
    /// The request line is complete.
    Line,
    /// The head is complete and a body follows.
    Head,
    /// The head is complete and so is the request.
    HeadEnd,
    /// The body is complete, and so is the request.
    End,
    /// This is no HTTP/1 request, or its framing cannot be followed.
    Bad,
}

/// A place in the data of one operation.
///
/// It means nothing between operations. It lies in the connection's entry all
/// the same, since the verifier follows each value of a variable on the stack
/// through every step of a loop, and none in a map.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Cursor {
    /// Bytes of a write not yet attributed.
    pub left: u64,
    /// Next byte to look at.
    pub pos: u32,
    /// Past the last byte.
    pub end: u32,
    /// Start of the token under way, as far as this read holds it.
    pub token: u32,
    /// Past the token that an [`Event`] reports.
    pub token_end: u32,
    /// Where in this read the bytes of the request under way begin.
    pub start: u32,
    /// Buffer of a write to look at next.
    pub buffer: u32,
}

/// The scanner's memory between reads.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Scanner {
    /// Body or chunk bytes to come; while a length is read, its value so far.
    pub remaining: u64,
    /// First eight bytes of a header's name; last eight of a version or coding.
    window: u64,
    /// Second eight bytes of a header's name.
    window_high: u64,
    /// Bytes of the header's name so far.
    name_len: u32,
    /// Where it is.
    pub phase: Phase,
    /// The body is chunked.
    chunked: bool,
    /// Version of the last complete request line: 9, 10, 11 ... 19.
    pub version: u8,
    reserved: u8,
}

const CONTENT_LENGTH: [u64; 2] = [word(*b"content-"), word(*b"length\0\0")];
const TRANSFER_ENCODING: [u64; 2] = [word(*b"transfer"), word(*b"-encodin")];
/// `HTTP/1.` with a zero for the digit.
const HTTP_1: u64 = word(*b"HTTP/1.\0");
/// `chunked`, the last seven bytes of a window.
const CHUNKED: u64 = word(*b"\0chunked");

const fn word(bytes: [u8; 8]) -> u64 {
    u64::from_le_bytes(bytes)
}

/// A byte that may begin a method: a `tchar` of RFC 9110 section 5.6.2.
const fn starts_method(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

impl Scanner {
    /// Between requests.
    pub const EMPTY: Self = Self {
        remaining: 0,
        window: 0,
        window_high: 0,
        name_len: 0,
        phase: Phase::Start,
        chunked: false,
        version: 0,
        reserved: 0,
    };

    /// Whether no request has begun.
    #[inline(always)]
    #[must_use]
    pub fn is_between_requests(&self) -> bool {
        matches!(self.phase, Phase::Start | Phase::Unsynced)
    }

    /// Whether the next step looks at the bytes themselves.
    #[inline(always)]
    #[must_use]
    pub fn needs_bytes(&self) -> bool {
        !matches!(self.phase, Phase::Body | Phase::ChunkData | Phase::Unsynced)
    }

    /// Looks at the bytes at `cursor.pos` and moves it on by at least one, except
    /// where it reports [`Event::Begin`] or a change of phase.
    #[inline(always)]
    #[expect(
        clippy::too_many_lines,
        reason = "one arm a phase: the whole automaton at a glance"
    )]
    pub fn step(&mut self, word: Word, cursor: &mut Cursor) -> Event {
        let bits = word.bits;
        let first_byte = swar::byte(bits, 0);
        match self.phase {
            Phase::Start => {
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
            Phase::Method => {
                let at = swar::first(swar::below(bits, 0x21));
                if at >= word.len {
                    cursor.pos += word.len;
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
            Phase::Path => {
                let at = swar::first(swar::below(bits, 0x21) | swar::equal(bits, b'?'));
                if at >= word.len {
                    cursor.pos += word.len;
                    return Event::None;
                }
                cursor.token_end = cursor.pos + at;
                match swar::byte(bits, at) {
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
            Phase::Query => {
                let at = swar::first(swar::below(bits, 0x21));
                if at >= word.len {
                    cursor.pos += word.len;
                    return Event::None;
                }
                self.phase = Phase::Version;
                // Only a space is the delimiter's own; a line end is Version's.
                cursor.pos += at + u32::from(swar::byte(bits, at) == b' ');
                Event::None
            }
            Phase::Version => self.version(word, cursor),
            Phase::Header => self.header(first_byte, cursor),
            Phase::Name => self.name(first_byte, cursor),
            Phase::Length => self.length(first_byte, cursor),
            Phase::Coding => self.coding(first_byte, cursor),
            Phase::Skip => {
                if line_end(word, cursor) {
                    self.phase = Phase::Header;
                }
                Event::None
            }
            Phase::Body => {
                if self.skip_remaining(cursor) {
                    self.phase = Phase::Start;
                    return Event::End;
                }
                Event::None
            }
            Phase::ChunkData => {
                if self.skip_remaining(cursor) {
                    self.phase = Phase::ChunkEnd;
                }
                Event::None
            }
            Phase::ChunkSize => self.chunk_size(first_byte, cursor),
            Phase::ChunkExtension => {
                if line_end(word, cursor) {
                    self.after_chunk_size();
                }
                Event::None
            }
            Phase::ChunkEnd => {
                cursor.pos += 1;
                match first_byte {
                    b'\r' => {}
                    b'\n' => self.phase = Phase::ChunkSize,
                    _ => return Event::Bad,
                }
                Event::None
            }
            Phase::Trailer => {
                cursor.pos += 1;
                match first_byte {
                    b'\r' => {}
                    b'\n' => {
                        self.phase = Phase::Start;
                        return Event::End;
                    }
                    _ => self.phase = Phase::TrailerSkip,
                }
                Event::None
            }
            Phase::TrailerSkip => {
                if line_end(word, cursor) {
                    self.phase = Phase::Trailer;
                }
                Event::None
            }
            Phase::Unsynced => {
                cursor.pos = cursor.end;
                Event::None
            }
        }
    }

    #[inline(always)]
    fn version(&mut self, word: Word, cursor: &mut Cursor) -> Event {
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

    /// Shifts the first `count` bytes of `bits` into the window.
    #[inline(always)]
    fn keep_last(&mut self, bits: u64, count: u32) {
        if count >= 8 {
            self.window = bits;
        } else if count > 0 {
            let shift = (count * 8) & 63;
            self.window = (self.window >> shift) | (bits << (64 - shift));
        }
    }

    #[inline(always)]
    fn header(&mut self, first_byte: u8, cursor: &mut Cursor) -> Event {
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
    fn name(&mut self, byte: u8, cursor: &mut Cursor) -> Event {
        if byte == b':' {
            cursor.pos += 1;
            let name = [self.window, self.window_high];
            // The 17th byte of `transfer-encoding` was checked on the way.
            if name == CONTENT_LENGTH && self.name_len == 14 {
                self.remaining = 0;
                self.phase = Phase::Length;
            } else if name == TRANSFER_ENCODING && self.name_len == 17 {
                self.window = 0;
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
    fn length(&mut self, byte: u8, cursor: &mut Cursor) -> Event {
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
    fn coding(&mut self, byte: u8, cursor: &mut Cursor) -> Event {
        match byte {
            b'\r' | b'\n' => {
                self.chunked = self.window & CHUNKED_MASK == CHUNKED;
                self.phase = Phase::Skip;
                return Event::None;
            }
            b' ' | b'\t' => {}
            _ => self.keep_last(u64::from(byte.to_ascii_lowercase()), 1),
        }
        cursor.pos += 1;
        Event::None
    }

    /// Skips what the read holds of the remaining bytes; true once none is left.
    #[inline(always)]
    fn skip_remaining(&mut self, cursor: &mut Cursor) -> bool {
        let here = u64::from(cursor.end - cursor.pos);
        if self.remaining > here {
            self.remaining -= here;
            cursor.pos = cursor.end;
            return false;
        }
        cursor.pos += self.remaining as u32;
        self.remaining = 0;
        true
    }

    #[inline(always)]
    fn chunk_size(&mut self, byte: u8, cursor: &mut Cursor) -> Event {
        cursor.pos += 1;
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\n' if self.name_len > 0 => {
                self.after_chunk_size();
                return Event::None;
            }
            b'\r' | b';' | b' ' | b'\t' if self.name_len > 0 => {
                self.phase = Phase::ChunkExtension;
                return Event::None;
            }
            _ => return Event::Bad,
        };
        if self.remaining >= 1 << 56 {
            return Event::Bad;
        }
        self.remaining = (self.remaining << 4) | u64::from(digit);
        self.name_len = 1;
        Event::None
    }

    #[inline(always)]
    fn after_chunk_size(&mut self) {
        self.name_len = 0;
        self.phase = if self.remaining == 0 {
            Phase::Trailer
        } else {
            Phase::ChunkData
        };
    }
}

/// Clears the oldest of the eight bytes in a window.
const CHUNKED_MASK: u64 = !0xff;

/// Moves past the next LF of the word, or past the word; true where there was one.
#[inline(always)]
fn line_end(word: Word, cursor: &mut Cursor) -> bool {
    let at = swar::first(swar::equal(word.bits, b'\n'));
    if at < word.len {
        cursor.pos += at + 1;
        return true;
    }
    cursor.pos += word.len;
    false
}
