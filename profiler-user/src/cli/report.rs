//! `wsgiprobe report`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

pub(super) const EXAMPLES: &str = "\
Examples:
  wsgiprobe report requests.jsonl              write requests.html
  wsgiprobe report requests.jsonl -o -         to stdout
  wsgiprobe report compared.json               of what compare --json wrote
  zcat requests.jsonl.gz | wsgiprobe report - -o requests.html";

#[derive(Debug, Args)]
pub(super) struct Report {
    /// What --jsonl wrote, or compare --json; - is stdin
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,

    /// Where to; - is stdout; without it beside the file
    #[arg(short, long, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
}

impl Report {
    /// From where, and where to.
    pub(super) fn files(self) -> (PathBuf, PathBuf) {
        let output = self.output.unwrap_or_else(|| beside(&self.file));
        (self.file, output)
    }
}

fn beside(file: &Path) -> PathBuf {
    if file.as_os_str() == "-" {
        return "-".into();
    }
    file.with_extension("html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_beside_the_file() {
        assert_eq!(beside(Path::new("/a/b.jsonl")), Path::new("/a/b.html"));
        assert_eq!(beside(Path::new("b")), Path::new("b.html"));
        assert_eq!(beside(Path::new("-")), Path::new("-"));
    }
}
