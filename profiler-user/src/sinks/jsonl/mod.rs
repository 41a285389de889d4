//! One JSON object a request (`--jsonl`), a line each.
//!
//! ```text
//! Request -> record (the object) -> buffer of bounded size -> a thread -> file or stdout
//! ```

mod record;
mod rotate;
mod writer;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use self::record::Record;
use self::rotate::Rotating;
pub use self::rotate::Rotation;
use self::writer::Writer;
use super::{Condition, Delivered, Finish, Notices, Sink};
use crate::model::Request;
use crate::summary::Summary;

/// What became of the requests so far. Those in neither wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines written in full.
    pub written: u64,
    /// Lines lost: the write failed, the reader was too slow, or the end came
    /// first.
    pub lost: u64,
}

/// The output could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("--jsonl {}: {source}", path.display())]
pub struct OpenError {
    /// As given.
    path: PathBuf,
    source: io::Error,
}

/// Writes requests as JSON lines.
#[derive(Debug)]
pub struct JsonLines {
    writer: Writer,
    /// The output, for people.
    name: String,
    scratch: Vec<u8>,
}

impl JsonLines {
    /// Opens `path` (`-` is stdout), which is emptied if it is there, or put aside if it
    /// rotates. Write errors later on are told to `notices` once, and counted.
    pub fn open(
        path: &Path,
        rotation: Option<Rotation>,
        notices: Notices,
    ) -> Result<Self, OpenError> {
        let open = || -> io::Result<Box<dyn Write + Send>> {
            Ok(match rotation {
                _ if path == Path::new("-") => Box::new(io::stdout()),
                Some(rotation) => Box::new(Rotating::open(path, rotation, notices.clone())?),
                None => Box::new(File::create(path)?),
            })
        };
        open()
            .and_then(|out| Self::to(out, shown(path), notices))
            .map_err(|source| OpenError {
                path: path.to_owned(),
                source,
            })
    }

    fn to(out: Box<dyn Write + Send>, name: String, notices: Notices) -> io::Result<Self> {
        Ok(Self {
            writer: Writer::start(out, name.clone(), notices)?,
            name,
            scratch: Vec::new(),
        })
    }

    /// Takes a request. Never waits for the output.
    #[expect(clippy::missing_panics_doc, reason = "nothing in the record can fail")]
    pub fn request(&mut self, request: &Request) {
        self.scratch.clear();
        serde_json::to_writer(&mut self.scratch, &Record::from(request))
            .expect("a Vec takes everything, and no key of the record can fail");
        self.scratch.push(b'\n');
        self.writer.push(&self.scratch);
    }

    /// The counters as they stand.
    #[must_use]
    pub fn report(&self) -> Report {
        self.writer.report()
    }

    /// Writes what waits, for no longer than `deadline`; gives up on the rest.
    /// Blocks.
    #[must_use]
    pub fn finish(self, deadline: Duration) -> Report {
        self.writer.finish(deadline)
    }
}

/// The object of a request, without newline.
#[cfg(test)]
pub(crate) fn line(request: &Request) -> Vec<u8> {
    serde_json::to_vec(&Record::from(request)).expect("no key of the record can fail")
}

impl Sink for JsonLines {
    fn request(&mut self, request: &Request) {
        Self::request(self, request);
    }

    fn conditions(&self) -> Vec<Condition> {
        vec![self.writer.condition().clone()]
    }

    fn finish(self: Box<Self>, _: &Arc<Summary>, patience: Duration) -> Finish {
        let name = self.name.clone();
        let last = tokio::task::spawn_blocking(move || Self::finish(*self, patience));
        Box::pin(async move { delivered(&name, last.await.unwrap_or_default()) })
    }
}

fn delivered(name: &str, report: Report) -> Delivered {
    let lost = match report.lost {
        0 => String::new(),
        lost => format!(", {lost} lost"),
    };
    Delivered {
        text: format!("{} requests to {name}{lost}", report.written),
        failed: report.lost > 0,
    }
}

/// The output, for people.
#[must_use]
pub fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        return "stdout".into();
    }
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::request::sample;

    const DEADLINE: Duration = Duration::from_secs(10);

    #[test]
    fn a_file_has_a_line_per_request() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("requests.jsonl");
        let (notices, mut told) = mpsc::unbounded_channel();
        let mut out = JsonLines::open(&path, None, notices).unwrap();
        for path in ["/a", "/quote\"newline\n", "/c"] {
            out.request(&sample::request(path));
        }
        assert_eq!(
            out.finish(DEADLINE),
            Report {
                written: 3,
                lost: 0
            }
        );
        let text = std::fs::read_to_string(path).unwrap();
        let paths: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["path"].clone())
            .collect();
        assert_eq!(paths, ["/a", "/quote\"newline\n", "/c"]);
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn a_full_disk_is_told_once_and_counted() {
        let (notices, mut told) = mpsc::unbounded_channel();
        let mut out = JsonLines::open(Path::new("/dev/full"), None, notices).unwrap();
        for _ in 0..2 {
            out.request(&sample::request("/a"));
            std::thread::sleep(writer::LINGER * 2);
        }
        let report = out.finish(DEADLINE);
        assert_eq!(
            report,
            Report {
                written: 0,
                lost: 2
            }
        );
        let notice = told.try_recv().unwrap();
        assert!(
            notice.starts_with("--jsonl /dev/full: No space left"),
            "{notice}"
        );
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn a_reader_that_hung_up_is_told() {
        let (reader, pipe) = io::pipe().unwrap();
        drop(reader);
        let (notices, mut told) = mpsc::unbounded_channel();
        let mut out = JsonLines::to(Box::new(pipe), "-".into(), notices).unwrap();
        out.request(&sample::request("/a"));
        assert_eq!(out.finish(DEADLINE).lost, 1);
        assert!(told.try_recv().unwrap().contains("Broken pipe"));
    }

    #[test]
    fn a_reader_that_does_not_read_holds_nothing_up() {
        let (_reader, pipe) = io::pipe().unwrap();
        let (notices, _told) = mpsc::unbounded_channel();
        let mut out = JsonLines::to(Box::new(pipe), "-".into(), notices).unwrap();
        let total = 30_000;
        for _ in 0..total {
            out.request(&sample::request("/a"));
        }
        let report = out.finish(Duration::from_millis(50));
        assert_eq!(report.written + report.lost, total);
        assert!(report.lost > 0);
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let (notices, _told) = mpsc::unbounded_channel();
        let error = JsonLines::open(Path::new("/nowhere/x"), None, notices).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--jsonl /nowhere/x: No such file or directory (os error 2)"
        );
    }
}
