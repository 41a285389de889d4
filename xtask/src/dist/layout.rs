//! Where a package puts the parts.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::parts::{self, Part, Parts};
use super::release::Release;
use crate::command;

/// A kind of package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Debian Policy Manual, chapters 9 and 12; Developer's Reference 6.
    Deb,
    /// Fedora's packaging guidelines, which SUSE's agree with here.
    Rpm,
}

/// How small a package is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// As small as is usual: to be handed out.
    Well,
    /// Hardly at all: to be installed once, here.
    Little,
}

/// What its user may change.
pub const CONFIG: &str = "etc/wsgiprobe.toml";
/// Compressed, as both kinds have it.
pub const MANUAL: &str = "usr/share/man/man1/wsgiprobe.1";
/// The unit.
pub const UNIT: &str = "usr/lib/systemd/system/wsgiprobe.service";
/// The program.
pub const PROGRAM: &str = "usr/bin/wsgiprobe";
/// Documents.
pub const DOCUMENTS: &str = "usr/share/doc/wsgiprobe";
const FISH: &str = "usr/share/fish/vendor_completions.d/wsgiprobe.fish";
const BASH: &str = "usr/share/bash-completion/completions/wsgiprobe";

impl Kind {
    /// Each part, and its path below the root.
    pub fn places(self) -> Vec<(Part, String)> {
        let licences = match self {
            Self::Deb => DOCUMENTS,
            Self::Rpm => "usr/share/licenses/wsgiprobe",
        };
        let mut places: Vec<(Part, String)> = [
            (parts::PROGRAM, PROGRAM),
            (parts::MANUAL, MANUAL),
            (parts::BASH, BASH),
            (parts::ZSH, self.zsh()),
            (parts::FISH, FISH),
            (parts::UNIT, UNIT),
            (parts::CONFIG, CONFIG),
        ]
        .map(|(part, place)| (part, place.to_owned()))
        .into();
        for part in [parts::README, parts::SBOM] {
            places.push((part, format!("{DOCUMENTS}/{}", part.0)));
        }
        for part in [parts::MIT, parts::APACHE, parts::THIRD_PARTY] {
            places.push((part, format!("{licences}/{}", part.0)));
        }
        places
    }

    const fn zsh(self) -> &'static str {
        match self {
            Self::Deb => "usr/share/zsh/vendor-completions/_wsgiprobe",
            Self::Rpm => "usr/share/zsh/site-functions/_wsgiprobe",
        }
    }

    /// Lays all of them out below `root`.
    pub fn lay_out(self, release: &Release, parts: &Parts, root: &Path) -> Result<()> {
        for (part, place) in self.places() {
            let path = root.join(&place);
            parts.install(part, &path).with_context(|| place.clone())?;
            if place == MANUAL {
                let mut gzip = release.command("gzip");
                command::run_quietly(gzip.args(["--best", "--no-name"]).arg(&path))?;
            }
        }
        Ok(())
    }
}
