//! A private apt for suites that this machine does not use: its own lists and
//! cache, this machine's mirrors and keys.
//!
//! apt checks signatures and sums, and knows this machine's proxies.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::cache::Cache;
use super::kernels::{Arch, Suite};
use crate::command;

/// Debian's keys, of retired releases too.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt with one suite for one processor.
pub struct Apt {
    folder: PathBuf,
    arch: Arch,
}

impl Apt {
    /// Fetches the suite's list of packages.
    pub fn updated(cache: &Cache, suite: Suite, arch: Arch) -> Result<Self> {
        let (name, processor) = (suite.name(), arch.debian());
        let folder = cache.path(&format!("apt/{name}-{processor}"));
        for part in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(part)).context("a folder for apt")?;
        }
        let mirror = mirror(suite)?;
        let source = format!("deb [signed-by={KEYS}] {mirror} {name} main\n");
        fs::write(folder.join("sources.list"), source).context("a source for apt")?;
        let apt = Self { folder, arch };
        command::run_quietly(apt.program("apt-get").arg("update"))
            .with_context(|| format!("the packages of {name} for {processor}"))?;
        Ok(apt)
    }

    /// The names of all packages that begin so.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let names = command::read(self.program("apt-cache").args(["pkgnames", prefix]))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Unpacks the newest of each package into `tree`; runs none of their scripts.
    pub fn unpack(&self, packages: &[&str], tree: &Path) -> Result<()> {
        let folder = tempfile::tempdir().context("a folder for packages")?;
        let mut download = self.program("apt-get");
        download.arg("download").args(packages);
        command::run_quietly(download.current_dir(folder.path()))?;
        extract_all(folder.path(), tree)
    }

    /// As [`Self::unpack`], with all that they depend on.
    pub fn unpack_with_dependencies(&self, packages: &[&str], tree: &Path) -> Result<()> {
        let folder = self.folder.join("cache/archives");
        let mut download = self.program("apt-get");
        download.args(["install", "--yes", "--download-only"]);
        download.arg("--no-install-recommends").args(packages);
        command::run_quietly(&mut download)?;
        extract_all(&folder, tree)?;
        command::run_quietly(self.program("apt-get").arg("clean"))
    }

    fn program(&self, name: &str) -> Command {
        let mut program = Command::new(name);
        let folder = self.folder.display();
        let processor = self.arch.debian();
        for option in [
            format!("Dir::Etc::sourcelist={folder}/sources.list"),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            format!("Dir::State={folder}/state"),
            "Dir::State::status=/dev/null".to_owned(),
            format!("Dir::Cache={folder}/cache"),
            format!("APT::Architecture={processor}"),
            format!("APT::Architectures::={processor}"),
            // Its own user may not look into the user's cache.
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::Languages=none".to_owned(),
            // The lists of a retired release are not signed anew.
            "Acquire::Check-Valid-Until=false".to_owned(),
        ] {
            program.args(["-o", &option]);
        }
        program
    }
}

fn extract_all(packages: &Path, tree: &Path) -> Result<()> {
    for package in fs::read_dir(packages)? {
        let package = package?.path();
        if package.extension().is_some_and(|name| name == "deb") {
            let mut extract = Command::new("dpkg-deb");
            extract.arg("--extract").arg(package).arg(tree);
            command::run_quietly(&mut extract)?;
        }
    }
    Ok(())
}

/// Where this machine's apt gets packages of that kind from.
pub fn mirror(suite: Suite) -> Result<String> {
    let targets = command::read(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(CREATED_BY) $(REPO_URI) $(RELEASE)",
    ]))?;
    let system = fs::read_to_string("/etc/os-release").context("/etc/os-release")?;
    let codename = system
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .context("/etc/os-release names no release")?;
    mirror_of(&targets, codename, suite)
}

/// As apt prints its targets: `Packages MIRROR SUITE`.
fn mirror_of(targets: &str, codename: &str, suite: Suite) -> Result<String> {
    let wanted = match suite {
        Suite::Main(_) => codename.to_owned(),
        Suite::Security(_) => format!("{codename}-security"),
    };
    let mirrors: BTreeSet<&str> = targets
        .lines()
        .filter_map(|line| line.strip_prefix("Packages ")?.rsplit_once(' '))
        .filter(|(_, release)| *release == wanted)
        .map(|(mirror, _)| mirror)
        .collect();
    match mirrors.first() {
        Some(mirror) => Ok((*mirror).to_owned()),
        None => {
            bail!("apt knows no mirror of {wanted}: is this Debian, and was `apt-get update` run?")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_apts_own() {
        let targets = "Translations http://one/debian/ bookworm\n\
                       Packages http://other/ nodistro\n\
                       Packages http://one/debian/ bookworm-updates\n\
                       Packages http://one/debian/ bookworm\n\
                       Packages http://two/security/ bookworm-security\n";
        let mirror = |suite| mirror_of(targets, "bookworm", suite);
        assert_eq!(mirror(Suite::Main("sid")).unwrap(), "http://one/debian/");
        assert_eq!(
            mirror(Suite::Security("bullseye-security")).unwrap(),
            "http://two/security/"
        );
        mirror_of("", "bookworm", Suite::Main("sid")).unwrap_err();
    }
}
