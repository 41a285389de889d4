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
mod page;
mod recording;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
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
    let is_std = |path: &Path| path.as_os_str() == "-";
    let name = if is_std(input) {
        "stdin".to_owned()
    } else {
        input.display().to_string()
    };
    let mut file: Box<dyn BufRead> = if is_std(input) {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(input).with_context(|| format!("cannot open {name}"))?;
        Box::new(BufReader::with_capacity(1 << 16, file))
    };
    let cannot_read = || format!("cannot read {name}");
    let begin = file.fill_buf().with_context(cannot_read)?;
    let (page, mut said, of) = if compare::results::begin(begin) {
        let results: Results = serde_json::from_reader(file).with_context(cannot_read)?;
        let of = format!("a comparison of {} variants", results.variants.len());
        (compare::page::page(&results)?, Vec::new(), of)
    } else {
        let recording = read(file, &name).with_context(cannot_read)?;
        anyhow::ensure!(
            recording.requests() > 0,
            "{name} holds no request: give a file that --jsonl has written"
        );
        let page = page(recording.history(), Origin::Recording)?;
        let of = format!("{} requests", recording.requests());
        (page, recording.warnings(), of)
    };
    let write = || -> io::Result<()> {
        if is_std(output) {
            return io::stdout().write_all(page.as_bytes());
        }
        std::fs::write(output, &page)
    };
    write().with_context(|| format!("cannot write {}", output.display()))?;
    said.push(format!("a report of {of} to {}", output.display()));
    Ok(said)
}
