//! Follows what a process says while it runs.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The lines that a process has written so far.
pub struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    reader: Mutex<Option<JoinHandle<()>>>,
}

impl Lines {
    /// Reads `stream` on a thread until it ends, so that the process never blocks.
    pub fn follow(stream: impl Read + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                sink.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        Self {
            lines,
            reader: Mutex::new(Some(reader)),
        }
    }

    /// Whether `test` holds for a line.
    pub fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().any(|line| test(line))
    }

    /// All lines so far.
    pub fn text(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .flat_map(|line| [line.as_str(), "\n"])
            .collect()
    }

    /// All lines, once the process has ended.
    pub fn finish(&self) -> String {
        let reader = self
            .reader
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if reader.is_some_and(|thread| thread.join().is_err()) {
            eprintln!("the reader of the output panicked");
        }
        self.text()
    }
}
