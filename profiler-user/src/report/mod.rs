//! The run as one HTML file: at its end (`--report`), or from a file of `--jsonl`; or a
//! comparison, from its `--json`.
//!
//! ```text
//! Tick ------> keeper -----> History -+-> page ---> one file, all within
//! --jsonl ---> recording ------^      +-> web  ---> the same page, live
//! ```

pub mod assets;
mod keeper;
mod line;
pub(crate) mod lines;
mod page;
mod recording;

use std::io::{self, BufRead as _, Write};
use std::path::Path;

use anyhow::{Context, Result};

pub(crate) use assets::COMPARISON;
pub use keeper::{Keeper, Shared};
pub use page::page;
pub(crate) use page::whole;
pub use recording::{Recording, read};

use crate::compare::{self, results::Results};
use crate::history::Origin;

/// Makes a report of a file of `--jsonl`, or of a comparison's `--json`; `-` is stdin, or
/// stdout. Gives what there is to say about it, a line each.
pub fn of_file(input: &Path, output: &Path) -> Result<Vec<String>> {
    let (name, mut from) = lines::open(input)?;
    let cannot_read = || format!("cannot read {name}");
    let begin = from.fill_buf().with_context(cannot_read)?;
    let (page, mut said, of) = if compare::results::begin(begin) {
        let results: Results = serde_json::from_reader(from).with_context(cannot_read)?;
        let of = format!("a comparison of {} variants", results.variants.len());
        (compare::page::page(&results)?, Vec::new(), of)
    } else {
        let recording = read(from, &name).with_context(cannot_read)?;
        anyhow::ensure!(
            recording.requests() > 0,
            "{name} holds no request: give a file that --jsonl has written"
        );
        let page = page(recording.history(), Origin::Recording)?;
        let of = format!("{} requests", recording.requests());
        (page, recording.warnings(), of)
    };
    let write = || -> io::Result<()> {
        if lines::is_std(output) {
            return io::stdout().write_all(page.as_bytes());
        }
        std::fs::write(output, &page)
    };
    write().with_context(|| format!("cannot write {}", output.display()))?;
    said.push(format!("a report of {of} to {}", output.display()));
    Ok(said)
}
