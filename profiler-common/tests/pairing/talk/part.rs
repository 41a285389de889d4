//! Buffers of a write, and writes that take only some of what they are given.

/// What a buffer holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// An interim response.
    Interim,
    /// The start of a final response of that status.
    Final(u16),
    /// More of a response.
    Rest,
}

/// A buffer of a write.
#[derive(Clone, Debug)]
pub struct Part {
    /// Whose answer it belongs to.
    pub owner: usize,
    pub kind: Kind,
    /// It ends the response.
    pub last: bool,
    pub bytes: Vec<u8>,
}

impl Part {
    /// Its bytes. While more requests wait, a buffer of content that begins like a
    /// response would be taken for the next one's: none does then.
    pub fn written(&self, ambiguous: bool) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if ambiguous && matches!(self.kind, Kind::Rest) {
            for at in 0..bytes.len().saturating_sub(5) {
                if bytes[at..].starts_with(b"HTTP/") {
                    bytes[at] = b'h';
                }
            }
        }
        bytes
    }
}

/// Cuts the parts in two, inside the `at`th; returns what is left over.
pub fn split(parts: &mut Vec<Part>, at: usize, cut: usize) -> Vec<Part> {
    let mut rest = parts.split_off(at % parts.len());
    let first = &mut rest[0];
    let cut = cut % first.bytes.len();
    // A chunk's end is known by a buffer that holds just CRLF: neither cut one in
    // two nor make one of something else.
    if cut > 0 && first.bytes != b"\r\n" && first.bytes[cut..] != *b"\r\n" {
        let mut begun = first.clone();
        first.bytes = begun.bytes.split_off(cut);
        first.kind = Kind::Rest;
        begun.last = false;
        parts.push(begun);
    }
    if parts.is_empty() {
        *parts = std::mem::take(&mut rest);
    }
    rest
}
