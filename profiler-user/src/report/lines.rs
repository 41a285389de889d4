//! The lines of a file of `--jsonl`, one after the other, whatever its size.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use anyhow::{Context, Result};

use super::line::Line;
use crate::model::Request;

/// Bytes of a line: the longest that is written has a path of 8 KiB, escaped.
pub(super) const MAX_LINE: u64 = 256 << 10;

/// Of a file, read ahead.
const BUFFER: usize = 1 << 16;

/// What was left out.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Lines that are no requests, and the first of them.
    refused: u64,
    first: Option<(u64, String)>,
    torn: bool,
}

impl Left {
    /// In words, a line each.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.torn {
            warnings.push("the last line is torn off, and left out".into());
        }
        if let Some((number, why)) = &self.first {
            warnings.push(format!(
                "{} lines are no requests, and left out; the first is line {number}: {why}",
                self.refused
            ));
        }
        warnings
    }

    fn refuse(&mut self, number: u64, why: String) {
        self.refused += 1;
        self.first.get_or_insert((number, why));
    }
}

/// Whether it is stdin, or stdout.
pub(crate) fn is_std(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A file's name for people, and its lines; `-` is stdin.
pub(crate) fn open(path: &Path) -> Result<(String, Box<dyn BufRead>)> {
    if is_std(path) {
        return Ok(("stdin".into(), Box::new(io::stdin().lock())));
    }
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
    Ok((name, Box::new(BufReader::with_capacity(BUFFER, file))))
}

/// Hands each request to `each`.
pub(crate) fn read(mut lines: impl BufRead, mut each: impl FnMut(&Request)) -> io::Result<Left> {
    let mut left = Left::default();
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        number += 1;
        if (&mut lines).take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(left);
        }
        let ends = line.last() == Some(&b'\n');
        if !ends && line.len() as u64 == MAX_LINE {
            skip(&mut lines)?;
            left.refuse(number, "it is too long".into());
            continue;
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        match serde_json::from_slice::<Line<'_>>(text) {
            Ok(parsed) => each(&parsed.request()),
            // The last, without its newline: it was being written.
            Err(_) if !ends => left.torn = true,
            Err(error) => left.refuse(number, error.to_string()),
        }
    }
}

/// To the end of the line.
fn skip(lines: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = lines.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(bytes.len(), |end| end + 1);
        lines.consume(length);
        if end.is_some() {
            return Ok(());
        }
    }
}
