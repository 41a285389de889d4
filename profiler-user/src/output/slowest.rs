//! The slowest requests, a line each.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::human;
use super::shares::words;
use super::text::{Line, Tone, clean, fit};
use crate::aggregate::Shares;
use crate::model::Request;

/// Columns that a method and a path may take.
const METHOD_WIDTH: usize = 8;
const PATH_WIDTH: usize = 32;

/// What a line begins with: who it is about, in the first.
const TITLE: &str = "  slowest  ";

/// The first `top` of `requests`; `dated` with the time when each ended.
#[must_use]
pub fn slowest(requests: &[Request], top: usize, dated: bool) -> Vec<Line> {
    let shown = requests.iter().take(top).enumerate();
    shown
        .map(|(index, request)| {
            let title = if index == 0 { TITLE } else { "" };
            let text = format!("{title:width$}{}", one(request, dated), width = TITLE.len());
            Line::new(Tone::Plain, text)
        })
        .collect()
}

fn one(request: &Request, dated: bool) -> String {
    let or_dash = |text: Option<&str>, width| {
        let text = clean(text.unwrap_or("-"));
        fit(&text, width).into_owned()
    };
    let mut text = format!("{:>6} ", human::duration(request.times.duration));
    // Writing to a String does not fail.
    if dated {
        let _ = write!(text, " {}  ", human::time(request.end_unix_ns));
    }
    let _ = write!(
        text,
        "{} {} ",
        or_dash(request.method.as_deref(), METHOD_WIDTH),
        or_dash(request.path.as_deref(), PATH_WIDTH),
    );
    let _ = match request.status {
        Some(status) => write!(text, "{status}"),
        None => write!(text, "-"),
    };
    if let Some(shares) = Shares::of(request) {
        let left = super::COLUMNS.saturating_sub(TITLE.len() + text.width() + 2);
        let words = words(&shares, request.upstream.as_deref(), left, |share| {
            human::duration(Some(shares.get(share)))
        });
        if !words.is_empty() {
            let _ = write!(text, ": {words}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::sample;

    #[test]
    fn worst_first_with_what_mattered() {
        let mut long = sample::request(&format!("/\x1b[2J{}", "x".repeat(100)));
        long.method = Some("VERSION-CONTROL".into());
        let mut unknown = sample::request("/");
        (unknown.spent, unknown.path, unknown.status) = (None, None, None);
        let requests = [sample::request("/report/7"), long, unknown.clone(), unknown];
        let lines = slowest(&requests, 3, false);
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "  slowest  1.50ms GET /report/7 200: \
                 queue 200µs, app cpu 600µs, upstream 127.0.0.1:5432 250µs",
                "           1.50ms VERSION… /\\x1b[2Jxxxxxxxxxxxxxxxxxxxxxxx… 200: \
                 app cpu 600µs",
                "           1.50ms GET - -",
            ]
        );
        for line in slowest(&requests, 4, true) {
            assert!(line.text.width() <= super::super::COLUMNS, "{}", line.text);
            assert!(line.text.contains("  2025-11-21T09:37:03Z  "));
        }
    }
}
