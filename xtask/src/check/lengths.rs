//! No file too long to be read at one go.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// The longest a source file may be, lines. Most are a quarter of it.
const LONGEST: usize = 500;

/// Looks at every Rust file of the repository.
pub fn check() -> Result<()> {
    let mut files = Vec::new();
    collect(workspace::root(), &mut files)?;
    let mut lengths = Vec::with_capacity(files.len());
    for file in files {
        let text =
            fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        lengths.push((text.lines().count(), file));
    }
    lengths.sort_unstable();

    let too_long: Vec<String> = lengths
        .iter()
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, file)| format!("{} has {lines} lines", file.display()))
        .collect();
    if !too_long.is_empty() {
        bail!("{LONGEST} is the limit: {}", too_long.join(", "));
    }
    if let Some((longest, _)) = lengths.last() {
        let median = lengths[lengths.len() / 2].0;
        anstream::println!(
            "{} files, median {median} lines, longest {longest}",
            lengths.len()
        );
    }
    Ok(())
}

/// Every `.rs` file below the folder, but for build output and hidden folders.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, files)?;
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_output_and_hidden_folders_are_left_out() {
        let top = tempfile::tempdir().unwrap();
        for file in ["a.rs", "b.txt", "src/c.rs", "target/d.rs", ".git/e.rs"] {
            let path = top.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut files = Vec::new();
        collect(top.path(), &mut files).unwrap();
        files.sort();
        assert_eq!(
            files,
            [top.path().join("a.rs"), top.path().join("src/c.rs")]
        );
    }
}
