//! Lines, and making strangers' text safe to print.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::AnsiColor;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::ingest::is_hidden;

/// How text looks where there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As is.
    Plain,
    /// Bold.
    Strong,
    /// Dimmed.
    Faint,
    /// Yellow: something to look at.
    Warning,
    /// To be told from its neighbours.
    Colour(AnsiColor),
}

/// A line of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How it looks, but for what was [pushed](Self::push).
    pub tone: Tone,
    /// What it says, without newline.
    pub text: String,
    /// Tones of the end of `text`, and where each begins.
    tones: Vec<(usize, Tone)>,
}

impl Line {
    /// A line of that look.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone,
            text: text.into(),
            tones: Vec::new(),
        }
    }

    /// Adds text of another look.
    pub fn push(&mut self, tone: Tone, text: &str) {
        self.tones.push((self.text.len(), tone));
        self.text.push_str(text);
    }

    /// The text in stretches of one look.
    pub fn stretches(&self) -> impl Iterator<Item = (Tone, &str)> {
        let begins = [(0, self.tone)].into_iter().chain(self.tones.clone());
        let ends = self.tones.iter().map(|(begin, _)| *begin);
        begins
            .zip(ends.chain([self.text.len()]))
            .map(|((begin, tone), end)| (tone, &self.text[begin..end]))
            .filter(|(_, text)| !text.is_empty())
    }
}

/// `text` with everything visible that could steer or confuse a terminal:
/// control characters (C0, DEL, C1), line and paragraph separators, invisible
/// and direction-changing characters.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if !is_hidden(c) {
            cleaned.push(c);
        } else if c.is_ascii() {
            // Writing to a String does not fail.
            let _ = write!(cleaned, "\\x{:02x}", u32::from(c));
        } else {
            let _ = write!(cleaned, "\\u{{{:x}}}", u32::from(c));
        }
    }
    Cow::Owned(cleaned)
}

/// `text` cut to `width` columns, with an ellipsis if something is missing.
#[must_use]
pub fn fit(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut used = 1;
    let kept = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= width
    });
    let mut cut: String = kept.collect();
    cut.push('…');
    Cow::Owned(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(
            clean("/a\x1b[31m\u{9b}2J\r\n\x7f"),
            "/a\\x1b[31m\\u{9b}2J\\x0d\\x0a\\x7f"
        );
        assert_eq!(clean("/\u{202e}gnp.exe"), "/\\u{202e}gnp.exe");
        assert!(matches!(clean("/ü/日本"), Cow::Borrowed(_)));
        assert_eq!(clean(&clean("\x1b")), clean("\x1b"));
    }

    #[test]
    fn cuts_by_columns_not_bytes() {
        assert_eq!(fit("/short", 6), "/short");
        assert_eq!(fit("/longer", 6), "/long…");
        assert_eq!(fit("/日本語", 6), "/日本…");
        assert_eq!(fit("/日本語", 5), "/日…");
    }
}
