//! A request target's bytes to a path that can be shown.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The path of a target without its query: an absolute-form target (RFC 9112
/// section 3.2.2) is reduced to its path; `*` and CONNECT's authority stay.
pub fn path(target: &[u8]) -> Cow<'_, str> {
    printable(without_authority(target))
}

fn without_authority(target: &[u8]) -> &[u8] {
    let scheme = target
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
        .count();
    let Some(rest) = target[scheme..].strip_prefix(b"://") else {
        return target;
    };
    if scheme == 0 {
        return target;
    }
    match rest.iter().position(|&b| b == b'/') {
        Some(slash) => &rest[slash..],
        None => b"/",
    }
}

/// Text as it is; bytes that are not UTF-8, and control characters, as `%XX`.
pub fn printable(bytes: &[u8]) -> Cow<'_, str> {
    let plain = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    match str::from_utf8(bytes) {
        Ok(text) if plain => text.into(),
        _ => escaped(bytes).into(),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_hidden(character) {
                let mut buffer = [0; 4];
                escape(&mut text, character.encode_utf8(&mut buffer).as_bytes());
            } else {
                text.push(character);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

/// Whether it could steer or confuse a terminal: control characters (C0, DEL, C1), line
/// and paragraph separators, invisible and direction-changing characters.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "%{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduces_targets() {
        for (target, want) in [
            ("/a/b", "/a/b"),
            ("*", "*"),
            ("http://example.org/x", "/x"),
            ("HTTPS://example.org:8443/x/y", "/x/y"),
            ("http://example.org", "/"),
            ("example.org:443", "example.org:443"),
            (
                "/redirect/http://example.org/x",
                "/redirect/http://example.org/x",
            ),
            ("://x/y", "://x/y"),
        ] {
            assert_eq!(path(target.as_bytes()), want, "{target}");
        }
    }

    #[test]
    fn escapes_what_cannot_be_shown() {
        assert_eq!(path(b"/\xff\xc3\xa4\x1b[31m"), "/%FF\u{e4}%1B[31m");
        assert_eq!(path(b"/\xc2\x9b"), "/%C2%9B");
        assert_eq!(path("/grüße".as_bytes()), "/grüße");
    }
}
