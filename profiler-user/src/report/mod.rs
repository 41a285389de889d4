//! The run as one HTML file: at its end (`--report`), or from a file of `--jsonl`.
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

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

pub use keeper::{Keeper, Shared};
pub use page::page;
pub use recording::{Recording, read};

use crate::history::Origin;

/// Makes a report of a file of `--jsonl`; `-` is stdin, or stdout. Gives what there is
/// to say about it, a line each.
pub fn of_file(input: &Path, output: &Path) -> Result<Vec<String>> {
    let (name, from) = lines::open(input)?;
    let recording = read(from, &name).with_context(|| format!("cannot read {name}"))?;
    anyhow::ensure!(
        recording.requests() > 0,
        "{name} holds no request: give a file that --jsonl has written"
    );
    let page = page(recording.history(), Origin::Recording)?;
    let write = || -> io::Result<()> {
        if lines::is_std(output) {
            return io::stdout().write_all(page.as_bytes());
        }
        std::fs::write(output, &page)
    };
    write().with_context(|| format!("cannot write {}", output.display()))?;
    let mut said = recording.warnings();
    said.push(format!(
        "a report of {} requests to {}",
        recording.requests(),
        output.display()
    ));
    Ok(said)
}
