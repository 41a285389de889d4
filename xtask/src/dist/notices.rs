//! The licences of what is in the binary: most ask that their text goes with every copy.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::crates::{Crate, Crates};

/// How the files begin that hold such a text.
const FILES: [&str; 5] = ["licen", "copying", "copyright", "notice", "unlicense"];

/// The C library that a static binary carries, and its text on a Debian.
const GLIBC: &str = "the GNU C Library";
const GLIBC_TEXT: &str = "/usr/share/doc/libc6/copyright";

const INTRODUCTION: &str = "\
wsgiprobe is offered under MIT or Apache-2.0, at your choice. Its binary is static: it
contains what is listed here, each under the licence beside it. The texts follow, each once.

The GNU C Library is under the LGPL 2.1 or later: wsgiprobe's own source is public, so it
can be linked anew with another version of it (docs/install.md: from source).
";

/// A list, and then every text that is in one of their sources.
pub fn of(crates: &Crates) -> Result<String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut list = String::new();
    for one in crates.0.values().filter(|one| one.source.is_some()) {
        let licence = one.licence.as_deref().unwrap_or("see below");
        // Writing to a String does not fail.
        let _ = writeln!(list, "{} {}: {licence}", one.name, one.version);
        for text in texts_of(one)? {
            texts.entry(text).or_default().push(one.key());
        }
    }
    ensure!(!texts.is_empty(), "not one licence in the crates' sources");
    let glibc = fs::read_to_string(GLIBC_TEXT).context(GLIBC_TEXT)?;
    let _ = writeln!(list, "{GLIBC}: LGPL-2.1-or-later");
    texts.entry(glibc).or_default().push(GLIBC.to_owned());

    let mut all = format!("{INTRODUCTION}\n{list}");
    for (text, whose) in texts {
        let rule = "-".repeat(72);
        let _ = write!(
            all,
            "\n{rule}\n{}\n\n{}\n",
            whose.join(", "),
            text.trim_end()
        );
    }
    Ok(all)
}

fn texts_of(one: &Crate) -> Result<Vec<String>> {
    let entries = fs::read_dir(&one.folder)
        .with_context(|| format!("the source of {}: {}", one.key(), one.folder.display()))?;
    let mut texts = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if is_licence(&path) && path.is_file() {
            let text = fs::read(&path).with_context(|| path.display().to_string())?;
            texts.push(String::from_utf8_lossy(&text).into_owned());
        }
    }
    // Of several licences the order is the folder's, which differs between machines.
    texts.sort_unstable();
    Ok(texts)
}

fn is_licence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let name = name.to_string_lossy().to_lowercase();
    FILES.iter().any(|begin| name.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_crate(name: &str, folder: &Path) -> Crate {
        Crate {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: Some("MIT".to_owned()),
            source: Some("registry".to_owned()),
            checksum: None,
            folder: folder.to_owned(),
            uses: Vec::new(),
        }
    }

    #[test]
    fn a_text_is_there_once_for_all_who_have_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("LICENSE-MIT"),
            "Whoever has this may keep it",
        )
        .unwrap();
        fs::write(folder.path().join("README.md"), "hello").unwrap();
        let crates = ["a", "b"].map(|name| a_crate(name, folder.path()));
        let crates = crates.into_iter().map(|one| (one.key(), one)).collect();
        let text = of(&Crates(crates)).unwrap();
        assert_eq!(text.matches("Whoever has this may keep it").count(), 1);
        assert!(text.contains("a@1.0.0, b@1.0.0"), "{text}");
        assert!(text.contains("b 1.0.0: MIT") && !text.contains("hello"));
    }
}
