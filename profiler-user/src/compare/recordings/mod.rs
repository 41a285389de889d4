//! Two files of `--jsonl`: what got slower or faster, and in which part.
//!
//! ```text
//! --jsonl -> lines -> Recording (sums of each route, in blocks of time) -+
//! --jsonl -> lines -> Recording -----------------------------------------+-> judge -> Results
//!                                  figure: what is summed                     -> show, JSON
//!                                  mean: how sure one is
//!                                  difference: of two
//!                                  many: of all routes at once
//! ```
//!
//! The intervals know what varied within each recording. What else changed between the
//! two (the load, the data, the hour) is in the difference as well: who wants to know how
//! much that is compares two recordings of one and the same thing.

mod difference;
mod figure;
mod judge;
mod many;
mod mean;
mod recording;
pub mod results;
mod show;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;
mod words;

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context, Result};

pub use self::difference::Interval;
pub use self::judge::compare;
pub use self::recording::Recording;
pub use self::results::Results;
pub use self::show::lines;
use crate::output::Console;
use crate::report::lines::is_std;

/// Compares two files, one of which may be `-` (stdin), and says what it finds on
/// stdout; the figures go to `json` as well, if given. If that is `-`, people read stderr.
pub fn run(before: &Path, after: &Path, json: Option<&Path>) -> Result<()> {
    let results = of_files(before, after)?;
    if let Some(path) = json {
        write(path, &results).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Console::new(json.is_some_and(is_std)).print(&lines(&results));
    Ok(())
}

fn of_files(before: &Path, after: &Path) -> Result<Results> {
    anyhow::ensure!(
        !(is_std(before) && is_std(after)),
        "stdin can be one of the two recordings: give a file for the other"
    );
    let before = Recording::open(before)?;
    let after = Recording::open(after)?;
    Ok(compare(&before, &after))
}

fn write(path: &Path, results: &Results) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(results)?;
    text.push(b'\n');
    if !is_std(path) {
        return fs::write(path, text);
    }
    match io::stdout().write_all(&text) {
        // The reader has had enough (`... --json - | head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
