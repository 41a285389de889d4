//! A file that is put aside when it is full: `requests.jsonl`, then `requests.jsonl.1`
//! (the newest of the old) to `.N`.
//!
//! Not by the crate `file-rotate` 0.8: what it cannot open it drops without a word.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::writer::tell;
use crate::sinks::Notices;

/// When to begin a new file, and how many old ones to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Largest file, bytes; one that holds a single longer line is larger.
    pub bytes: u64,
    /// Files kept beside the present one, at least 1.
    pub keep: u32,
}

/// The file that is written to.
#[derive(Debug)]
pub(super) struct Rotating {
    path: PathBuf,
    rotation: Rotation,
    file: File,
    size: u64,
    notices: Notices,
    told: bool,
}

impl Rotating {
    /// Begins a new file; what is there is put aside.
    pub(super) fn open(path: &Path, rotation: Rotation, notices: Notices) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(there) if !there.is_file() => {
                let why = "only a file can be rotated: leave out --jsonl-rotate";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
            Ok(there) if there.len() > 0 => put_aside(path, rotation.keep)?,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Self {
            path: path.to_owned(),
            rotation,
            file: File::create(path)?,
            size: 0,
            notices,
            told: false,
        })
    }

    /// Should it fail, the present file takes as much again: nothing is lost.
    fn rotate(&mut self) {
        self.size = 0;
        let next =
            put_aside(&self.path, self.rotation.keep).and_then(|()| File::create(&self.path));
        match next {
            Ok(next) => self.file = next,
            Err(error) if !self.told => {
                self.told = true;
                let name = self.path.display().to_string();
                let text = format!("cannot be rotated and grows on: {error}");
                tell(&self.notices, &name, &text);
            }
            Err(_) => {}
        }
    }

    /// How much of `lines` belongs to this file: whole lines; 0 if it is full.
    fn fitting(&self, lines: &[u8]) -> usize {
        let room = self.rotation.bytes.saturating_sub(self.size);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        if lines.len() <= room {
            return lines.len();
        }
        let end = |newline: usize| newline + 1;
        match lines[..room].iter().rposition(|b| *b == b'\n') {
            Some(last) => end(last),
            // No file is left empty.
            None if self.size == 0 => {
                let first = lines.iter().position(|b| *b == b'\n');
                first.map_or(lines.len(), end)
            }
            None => 0,
        }
    }
}

impl Write for Rotating {
    /// `lines` begins where a line begins.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut fitting = self.fitting(lines);
        if fitting == 0 && !lines.is_empty() {
            self.rotate();
            fitting = self.fitting(lines);
        }
        self.file.write_all(&lines[..fitting])?;
        self.size += fitting as u64;
        Ok(fitting)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Renames `path` to `path.1` and what is there by one more; the last is overwritten.
fn put_aside(path: &Path, keep: u32) -> io::Result<()> {
    for n in (1..keep).rev() {
        rename(&numbered(path, n), &numbered(path, n + 1))?;
    }
    rename(path, &numbered(path, 1))
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn numbered(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    const ROTATION: Rotation = Rotation { bytes: 6, keep: 2 };

    /// The files' contents, the present one first.
    fn files(path: &Path) -> Vec<String> {
        let all = [path.to_owned(), numbered(path, 1), numbered(path, 2)];
        let there = all.iter().map_while(|path| fs::read_to_string(path).ok());
        assert!(!numbered(path, 3).exists());
        there.collect()
    }

    #[test]
    fn lines_stay_whole_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r");
        fs::write(&path, "before\n").unwrap();
        let mut out = Rotating::open(&path, ROTATION, mpsc::unbounded_channel().0).unwrap();
        assert_eq!(files(&path), ["", "before\n"]);
        out.write_all(b"a\nb\nc\nd\n").unwrap();
        assert_eq!(files(&path), ["d\n", "a\nb\nc\n", "before\n"]);
        out.write_all(b"a longer one\nx\n").unwrap();
        assert_eq!(files(&path), ["x\n", "a longer one\n", "d\n"]);
    }

    #[test]
    fn only_files_rotate() {
        let dir = tempfile::tempdir().unwrap();
        let notices = mpsc::unbounded_channel().0;
        let error = Rotating::open(dir.path(), ROTATION, notices).unwrap_err();
        assert!(error.to_string().contains("--jsonl-rotate"), "{error}");
    }

    #[test]
    fn where_it_cannot_rotate_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r");
        let (notices, mut told) = mpsc::unbounded_channel();
        let mut out = Rotating::open(&path, ROTATION, notices).unwrap();
        // No file can take the place of a folder.
        fs::create_dir(numbered(&path, 2)).unwrap();
        fs::write(numbered(&path, 1), "old\n").unwrap();
        out.write_all(b"abcd\nef\ngh\ni\n").unwrap();
        let text = told.try_recv().unwrap();
        assert!(text.contains("r: cannot be rotated"), "{text}");
        assert!(told.try_recv().is_err(), "once");
        assert_eq!(fs::read_to_string(&path).unwrap(), "abcd\nef\ngh\ni\n");
        fs::remove_dir(numbered(&path, 2)).unwrap();
        out.write_all(b"jklmn\n").unwrap();
        assert_eq!(files(&path), ["jklmn\n", "abcd\nef\ngh\ni\n", "old\n"]);
    }
}
