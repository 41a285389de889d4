//! What all packages are made of, wherever each of them puts it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, os::unix::fs::PermissionsExt as _};

use anyhow::{Context as _, Result};

use super::notices;
use super::release::Release;
use super::sbom;
use crate::dist::crates::Crates;
use crate::{command, workspace};

/// The parts, in a folder of their own.
pub struct Parts {
    folder: PathBuf,
}

/// A part: its file's name in the folder, and whether it is a program.
pub type Part = (&'static str, bool);

pub const PROGRAM: Part = ("wsgiprobe", true);
pub const MANUAL: Part = ("wsgiprobe.1", false);
pub const BASH: Part = ("wsgiprobe.bash", false);
pub const ZSH: Part = ("_wsgiprobe", false);
pub const FISH: Part = ("wsgiprobe.fish", false);
pub const UNIT: Part = ("wsgiprobe.service", false);
pub const CONFIG: Part = ("wsgiprobe.toml", false);
pub const README: Part = ("README.md", false);
pub const MIT: Part = ("LICENSE-MIT", false);
pub const APACHE: Part = ("LICENSE-APACHE", false);
pub const THIRD_PARTY: Part = ("THIRD-PARTY", false);
pub const SBOM: Part = ("wsgiprobe.cdx.json", false);

/// All of them.
pub const ALL: [Part; 12] = [
    PROGRAM,
    MANUAL,
    BASH,
    ZSH,
    FISH,
    UNIT,
    CONFIG,
    README,
    MIT,
    APACHE,
    THIRD_PARTY,
    SBOM,
];

/// Those that the repository has, and where.
const COPIED: [(Part, &str); 5] = [
    (UNIT, "deploy/package/wsgiprobe.service"),
    (CONFIG, "deploy/package/wsgiprobe.toml"),
    (README, "README.md"),
    (MIT, "LICENSE-MIT"),
    (APACHE, "LICENSE-APACHE"),
];

/// Those that the program prints.
const PRINTED: [(Part, &[&str]); 4] = [
    (MANUAL, &["man"]),
    (BASH, &["completions", "bash"]),
    (ZSH, &["completions", "zsh"]),
    (FISH, &["completions", "fish"]),
];

impl Parts {
    /// Gathers them for this binary.
    pub fn gather(release: &Release, binary: &Path) -> Result<Self> {
        let parts = Self {
            folder: release.file("parts"),
        };
        fs::create_dir_all(&parts.folder).context("a folder for the parts")?;
        fs::copy(binary, parts.path(PROGRAM)).context("the program")?;
        for ((name, _), from) in COPIED {
            let from = workspace::root().join(from);
            fs::copy(&from, parts.folder.join(name)).with_context(|| from.display().to_string())?;
        }
        for (part, arguments) in PRINTED {
            let text = command::read(Command::new(parts.path(PROGRAM)).args(arguments))?;
            parts.write(part, &text)?;
        }
        let crates = Crates::of_the_binary()?;
        parts.write(THIRD_PARTY, &notices::of(&crates)?)?;
        parts.write(SBOM, &sbom::of(release, &crates)?)?;
        Ok(parts)
    }

    /// The same in another folder, to be changed there.
    pub fn copied(&self, folder: &Path) -> Result<Self> {
        let copy = Self {
            folder: folder.to_owned(),
        };
        for part in ALL {
            self.install(part, &copy.path(part))?;
        }
        Ok(copy)
    }

    /// Where a part is.
    pub fn path(&self, part: Part) -> PathBuf {
        self.folder.join(part.0)
    }

    /// Puts a part where a package wants it.
    pub fn install(&self, part: Part, to: &Path) -> Result<()> {
        place(to)?;
        fs::copy(self.path(part), to).with_context(|| to.display().to_string())?;
        set_mode(to, part.1)
    }

    fn write(&self, part: Part, text: &str) -> Result<()> {
        fs::write(self.path(part), text).with_context(|| part.0.to_owned())
    }
}

/// Whatever the umask was.
pub fn set_mode(file: &Path, program: bool) -> Result<()> {
    let mode = if program { 0o755 } else { 0o644 };
    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(file, permissions).with_context(|| file.display().to_string())
}

/// Makes the folder of this file, readable for all.
pub fn place(file: &Path) -> Result<()> {
    let folder = file.parent().context("no folder")?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}
