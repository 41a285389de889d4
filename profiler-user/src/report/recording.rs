//! A file of `--jsonl`, read through once, whatever its size.

use std::io::{self, BufRead};
use std::sync::Arc;
use std::time::Duration;

use super::lines::{self, Left};
use crate::aggregate::Aggregator;
use crate::history::History;
use crate::identity::Detail;
use crate::pool::Snapshot;
use crate::summary::ProbeCost;
use crate::tick::About;

/// Length of a window.
const WINDOW_NS: u64 = 1_000_000_000;

/// Windows without a request that are drawn; a longer gap stays one.
const QUIET: u64 = 3_600;

/// What a file held.
#[derive(Debug)]
pub struct Recording {
    history: History,
    aggregator: Aggregator,
    /// Begin of the open window; `None` before the first request.
    open: Option<u64>,
    requests: u64,
    left: Left,
    /// Lines of an earlier window than those before.
    late: u64,
}

/// Reads it; `name` is how the report calls it.
pub fn read(from: impl BufRead, name: &str) -> io::Result<Recording> {
    let mut recording = Recording {
        history: History::default(),
        // The page adds containers up; its slowest requests say theirs.
        aggregator: Aggregator::with(Detail::None),
        open: None,
        requests: 0,
        left: Left::default(),
        late: 0,
    };
    let mut began = None;
    recording.left = lines::read(from, |request| {
        began = began.or(Some(request.time_unix_ns));
        recording.advance(request.end_unix_ns);
        recording.aggregator.record(request);
        recording.requests += 1;
    })?;
    recording.close();
    recording.history.begin(Arc::new(about(name, began)));
    let now = began.unwrap_or(0) / 1_000_000;
    for warning in recording.warnings() {
        recording.history.notice(now, &warning);
    }
    Ok(recording)
}

fn about(name: &str, began: Option<u64>) -> About {
    About {
        version: env!("CARGO_PKG_VERSION"),
        hostname: String::new(),
        kernel: String::new(),
        hooks: "",
        targets: vec![name.into()],
        interval: Duration::from_nanos(WINDOW_NS),
        began_unix_ns: began.unwrap_or(0),
    }
}

impl Recording {
    /// The figures.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Requests read.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// What was wrong with it, a line each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.left.warnings();
        if self.late > 0 {
            warnings.push(format!(
                "{} lines are more than a second older than those before them, \
                 and drawn where they stand",
                self.late
            ));
        }
        warnings
    }

    /// Closes windows until the one is open that this moment is in.
    fn advance(&mut self, unix_ns: u64) {
        let start = unix_ns - unix_ns % WINDOW_NS;
        let Some(open) = self.open else {
            self.open = Some(start);
            return;
        };
        if start <= open {
            // Requests are written as they finish: a second off is nothing.
            self.late += u64::from(start + WINDOW_NS < open);
            return;
        }
        let quiet = (start - open) / WINDOW_NS - 1;
        self.close();
        if quiet <= QUIET {
            for _ in 0..quiet {
                self.open = self.open.map(|open| open + WINDOW_NS);
                self.close();
            }
        }
        self.open = Some(start);
    }

    fn close(&mut self) {
        if let Some(open) = self.open {
            let window = self.aggregator.close(open, open + WINDOW_NS);
            let (nothing, cost) = (Snapshot::default(), ProbeCost::default());
            self.history.add(&window, &nothing, &cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::history::Origin;
    use crate::report::lines::MAX_LINE;
    use crate::request::sample;
    use crate::sinks::jsonl;

    /// A line of a request that ended so many seconds after the first.
    fn line(second: u64) -> Vec<u8> {
        let mut request = sample::request("/a");
        request.time_unix_ns += second * WINDOW_NS;
        let mut line = jsonl::line(&request);
        line.push(b'\n');
        line
    }

    fn of(parts: &[Vec<u8>]) -> (Recording, Value) {
        let recording = read(&parts.concat()[..], "file").unwrap();
        let state = recording.history().state(Origin::Recording).unwrap();
        (recording, serde_json::from_slice(&state).unwrap())
    }

    #[test]
    fn every_line_counts_and_quiet_seconds_are_steps() {
        let (recording, state) = of(&[line(0), line(0), line(3)]);
        assert_eq!((recording.requests(), &state["total"]["n"]), (3, &3.into()));
        let counts = state["samples"].as_array().unwrap().iter();
        let counts: Vec<_> = counts.map(|sample| sample["n"].as_u64().unwrap()).collect();
        assert_eq!(counts, [2, 0, 0, 1]);
        assert!(recording.warnings().is_empty());
        assert_eq!(state["account"], Value::Null);
    }

    #[test]
    fn a_torn_line_is_told_and_no_other() {
        let torn = line(1)[..40].to_vec();
        let (recording, state) = of(&[line(0), torn]);
        assert_eq!(state["total"]["n"], 1);
        let told = recording.warnings();
        assert_eq!(told, ["the last line is torn off, and left out"]);
        assert_eq!(state["notices"][0][1], told[0]);
        let whole = line(1);
        let (recording, _) = of(&[line(0), whole[..whole.len() - 1].to_vec()]);
        assert_eq!((recording.requests(), recording.warnings().len()), (2, 0));
    }

    #[test]
    fn what_is_no_request_is_told_with_its_line() {
        let long = [vec![b'x'; MAX_LINE as usize * 2], b"\n".to_vec()].concat();
        let (recording, _) = of(&[line(0), b"\n{}\n".to_vec(), long, line(1)]);
        assert_eq!(recording.requests(), 2);
        let told = &recording.warnings()[0];
        assert!(told.starts_with("2 lines are no requests"), "{told}");
        assert!(
            told.contains("the first is line 3: missing field"),
            "{told}"
        );
    }

    #[test]
    fn late_lines_count_where_they_stand() {
        let (recording, state) = of(&[line(5), line(0), line(90_000)]);
        assert_eq!(state["total"]["n"], 3);
        assert_eq!(state["samples"].as_array().unwrap().len(), 2);
        assert!(recording.warnings()[0].starts_with("1 lines are more than a second"));
    }
}
