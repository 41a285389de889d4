//! Lines to an output that may fail or stall, on a thread of their own.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Report;
use crate::privileges;
use crate::sinks::{Condition, Notices};

/// What waits while the output stalls: bytes. A second of 20 000 requests/s.
const BUFFER: usize = 16 << 20;

/// So much is written without waiting for more, and kept for what comes next.
const KEPT: usize = 256 << 10;

/// Lines are collected for so long before they are written together.
pub(super) const LINGER: Duration = Duration::from_millis(50);

/// The end of the buffer that lines are put into.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    name: String,
    notices: Notices,
    condition: Condition,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    count: u64,
    /// Lines that the thread is writing.
    writing: u64,
    report: Report,
    stalled: bool,
    ending: bool,
    ended: bool,
}

impl Writer {
    /// Starts the thread; `name` is the output's, for notices.
    pub(super) fn start(
        out: Box<dyn Write + Send>,
        name: String,
        notices: Notices,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let condition = Condition::new("jsonl");
        let thread = Thread {
            shared: Arc::clone(&shared),
            out,
            torn: false,
            told: false,
            name: name.clone(),
            notices: notices.clone(),
            condition: condition.clone(),
        };
        std::thread::Builder::new().name("jsonl".into()).spawn(|| {
            privileges::renounce();
            thread.run();
        })?;
        Ok(Self {
            shared,
            name,
            notices,
            condition,
        })
    }

    /// Puts in a line, newline included; it is lost if there is no room.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.shared.state();
        if state.lines.len() + line.len() <= BUFFER {
            state.lines.extend_from_slice(line);
            state.count += 1;
            let enough = state.lines.len() >= KEPT && state.lines.len() - line.len() < KEPT;
            if state.count == 1 || enough {
                self.shared.changed.notify_all();
            }
            return;
        }
        state.report.lost += 1;
        self.condition.fails("its reader is too slow");
        if !std::mem::replace(&mut state.stalled, true) {
            drop(state);
            tell(
                &self.notices,
                &self.name,
                "the reader is too slow, requests are left out",
            );
        }
    }

    pub(super) const fn condition(&self) -> &Condition {
        &self.condition
    }

    pub(super) fn report(&self) -> Report {
        self.shared.state().report
    }

    pub(super) fn finish(&self, deadline: Duration) -> Report {
        let mut state = self.shared.state();
        state.ending = true;
        self.shared.changed.notify_all();
        let (mut state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, deadline, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        // A thread that hangs in a write ends with the process.
        state.report.lost += std::mem::take(&mut state.count);
        state.lines.clear();
        let mut report = state.report;
        report.lost += state.writing;
        report
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.state().ending = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    // Whoever panicked while holding the lock left numbers, not broken pointers.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Thread {
    shared: Arc<Shared>,
    out: Box<dyn Write + Send>,
    /// The last line broke off: the next one must not be glued to it.
    torn: bool,
    told: bool,
    name: String,
    notices: Notices,
    condition: Condition,
}

impl Thread {
    fn run(mut self) {
        let mut lines = Vec::new();
        loop {
            let ending = self.wait(&mut lines);
            self.write(&lines);
            lines.clear();
            // A burst is no reason to keep so much for good.
            lines.shrink_to(KEPT);
            if ending {
                self.shared.state().ended = true;
                self.shared.changed.notify_all();
                return;
            }
        }
    }

    /// Waits for lines, then for more; returns whether these are the last.
    fn wait(&self, lines: &mut Vec<u8>) -> bool {
        let changed = &self.shared.changed;
        let idle = |state: &mut State| state.count == 0 && !state.ending;
        let state = changed
            .wait_while(self.shared.state(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = changed
            .wait_timeout_while(state, LINGER, |state| {
                !state.ending && state.lines.len() < KEPT
            })
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.lines, lines);
        state.writing = std::mem::take(&mut state.count);
        state.ending
    }

    fn write(&mut self, lines: &[u8]) {
        let mut done = 0;
        let result = self.write_from(lines, &mut done);
        let written = count_lines(&lines[..done]);
        let mut state = self.shared.state();
        state.report.written += written;
        state.report.lost += std::mem::take(&mut state.writing) - written;
        drop(state);
        if result.is_ok() && !lines.is_empty() {
            self.condition.works();
        }
        if let Err(error) = result {
            self.condition.fails(error.to_string());
            if let Some(last) = lines[..done].last() {
                self.torn = *last != b'\n';
            }
            if !std::mem::replace(&mut self.told, true) {
                tell(&self.notices, &self.name, &error.to_string());
            }
        }
    }

    /// Like `write_all`, but says how far it came.
    fn write_from(&mut self, lines: &[u8], done: &mut usize) -> io::Result<()> {
        if self.torn && !lines.is_empty() {
            self.out.write_all(b"\n")?;
            self.torn = false;
        }
        while *done < lines.len() {
            match self.out.write(&lines[*done..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => *done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.flush()
    }
}

#[expect(
    clippy::naive_bytecount,
    reason = "once for many lines, off the hot path"
)]
fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|b| **b == b'\n').count() as u64
}

pub(super) fn tell(notices: &Notices, name: &str, what: &str) {
    // Nobody listens any more: then there is nobody to tell.
    let _ = notices.send(format!("--jsonl {name}: {what}"));
}
