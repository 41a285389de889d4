//! Follows the bytes a client sends: a step takes what it can of the current phase.
//!
//! It knows no more of HTTP/1 than is needed to tell where a request begins,
//! what its line says and where its body ends: RFC 9112 sections 2.2 (empty
//! lines before a request, bare LF), 3 (request line), 6 (`Content-Length`,
//! `Transfer-Encoding`) and 7.1 (chunks); and the HTTP/0.9 request that Apache
//! still answers by default (`HttpProtocolOptions Allow0.9`).
//!
//! Nothing is kept of header fields but the two that frame the body.
//!
//! - `line`: the request line.
//! - `fields`: the header lines.
//! - `body`: lengths, chunks and trailers.

mod body;
mod fields;
mod line;

use super::swar;
use super::view::View;

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
    /// Bytes of the header's name so far; in a coding, 1 after a blank; in a chunk's
    /// size, 1 after a digit.
    name_len: u32,
    /// Where it is.
    pub phase: Phase,
    /// The body is chunked.
    chunked: bool,
    /// Version of the last complete request line: 9, 10, 11 ... 19.
    pub version: u8,
    reserved: u8,
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

    /// Whether the request line is not complete.
    #[inline(always)]
    #[must_use]
    pub fn is_before_fields(&self) -> bool {
        matches!(
            self.phase,
            Phase::Start | Phase::Method | Phase::Path | Phase::Query | Phase::Version
        )
    }

    /// Looks at the bytes at `cursor.pos` and moves it on by at least one, except
    /// where it reports [`Event::Begin`] or a change of phase.
    #[inline(always)]
    pub fn step(&mut self, view: View<'_>, cursor: &mut Cursor) -> Event {
        match self.phase {
            Phase::Start => self.start(view, cursor),
            Phase::Method => self.method(view, cursor),
            Phase::Path => self.path(view, cursor),
            Phase::Query => {
                self.query(view, cursor);
                Event::None
            }
            Phase::Version => self.version(view, cursor),
            _ => self.step_behind_line(view, cursor),
        }
    }

    /// The same behind a request line.
    #[inline(always)]
    pub(super) fn step_behind_line(&mut self, view: View<'_>, cursor: &mut Cursor) -> Event {
        match self.phase {
            Phase::Header | Phase::Skip => self.fields(view, cursor),
            Phase::Name => self.name(view.byte(cursor.pos), cursor),
            Phase::Length => self.length(view.word(cursor.pos), cursor),
            Phase::Coding => self.coding(view.byte(cursor.pos), cursor),
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
            Phase::ChunkSize => self.chunk_size(view.byte(cursor.pos), cursor),
            Phase::ChunkExtension => {
                if line_end(view, cursor) {
                    self.after_chunk_size();
                }
                Event::None
            }
            Phase::ChunkEnd => self.chunk_end(view.byte(cursor.pos), cursor),
            Phase::Trailer => self.trailer(view.byte(cursor.pos), cursor),
            Phase::TrailerSkip => {
                if line_end(view, cursor) {
                    self.phase = Phase::Trailer;
                }
                Event::None
            }
            _ => {
                cursor.pos = cursor.end;
                Event::None
            }
        }
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
}

const fn word(bytes: [u8; 8]) -> u64 {
    u64::from_le_bytes(bytes)
}

/// Moves past the next LF, or as far as it looks; true where there was one.
#[inline(always)]
fn line_end(view: View<'_>, cursor: &mut Cursor) -> bool {
    match view.find::<4>(cursor.pos, |bits| swar::equal(bits, b'\n')) {
        Ok(at) => {
            cursor.pos = at + 1;
            true
        }
        Err(end) => {
            cursor.pos = end;
            false
        }
    }
}
