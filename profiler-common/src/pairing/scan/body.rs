//! Bodies: known lengths, chunks and trailers (RFC 9112 section 7.1).

use super::{Cursor, Event, Phase, Scanner};

impl Scanner {
    /// Skips what the read holds of the remaining bytes; true once none is left.
    #[inline(always)]
    pub(super) fn skip_remaining(&mut self, cursor: &mut Cursor) -> bool {
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
    pub(super) fn chunk_size(&mut self, byte: u8, cursor: &mut Cursor) -> Event {
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
    pub(super) fn after_chunk_size(&mut self) {
        self.name_len = 0;
        self.phase = if self.remaining == 0 {
            Phase::Trailer
        } else {
            Phase::ChunkData
        };
    }

    #[inline(always)]
    pub(super) fn chunk_end(&mut self, byte: u8, cursor: &mut Cursor) -> Event {
        cursor.pos += 1;
        match byte {
            b'\r' => {}
            b'\n' => self.phase = Phase::ChunkSize,
            _ => return Event::Bad,
        }
        Event::None
    }

    #[inline(always)]
    pub(super) fn trailer(&mut self, byte: u8, cursor: &mut Cursor) -> Event {
        cursor.pos += 1;
        match byte {
            b'\r' => {}
            b'\n' => {
                self.phase = Phase::Start;
                return Event::End;
            }
            _ => self.phase = Phase::TrailerSkip,
        }
        Event::None
    }
}
