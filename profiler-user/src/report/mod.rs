//! The run as one HTML file: at its end (`--report`), or from a file of `--jsonl`.
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
use std::io::{self, BufReader, Write};
use std::path::Path;

use anyhow::{Context, Result};

pub use keeper::{Keeper, Shared};
pub use page::page;
pub use recording::{Recording, read};

use crate::history::Origin;

/// Makes a report of a file of `--jsonl`; `-` is stdin, or stdout. Gives what there is
/// to say about it, a line each.
pub fn of_file(input: &Path, output: &Path) -> Result<Vec<String>> {
    let is_std = |path: &Path| path.as_os_str() == "-";
    let name = if is_std(input) {
        "stdin".to_owned()
    } else {
        input.display().to_string()
    };
    let recording = if is_std(input) {
        read(io::stdin().lock(), &name)
    } else {
        let file = File::open(input).with_context(|| format!("cannot open {name}"))?;
        read(BufReader::with_capacity(1 << 16, file), &name)
    };
    let recording = recording.with_context(|| format!("cannot read {name}"))?;
    anyhow::ensure!(
        recording.requests() > 0,
        "{name} holds no request: give a file that --jsonl has written"
    );
    let page = page(recording.history(), Origin::Recording)?;
    let write = || -> io::Result<()> {
        if is_std(output) {
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
