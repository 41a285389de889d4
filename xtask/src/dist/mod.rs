//! `cargo xtask dist`: what is handed out, in target/dist.
//!
//! [`build`] makes a static binary, [`parts`] gathers what goes with it ([`notices`] and
//! [`sbom`] say what is in it, by [`crates`]), [`layout`] says where packages put that, and
//! [`tarball`], [`deb`], [`rpm`] and [`image`] pack it. [`check`] installs what they made. All
//! of it is of one [`release`], and made the same each time.

mod build;
mod check;
mod crates;
mod deb;
mod image;
mod layout;
mod notices;
mod parts;
mod podman;
mod release;
mod rpm;
mod sbom;
mod sums;
mod tarball;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use self::layout::Pressed;
use self::parts::Parts;
use self::release::Release;
use crate::progress::Progress;
use crate::test::Tally;
use crate::vm::cache;

/// What to make.
#[derive(clap::Args, Default)]
pub struct Options {
    /// Only this.
    what: Option<What>,
    /// Then install and remove all of it in containers.
    #[arg(long, conflicts_with = "what")]
    check: bool,
}

/// A part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// The tarball, the .deb, the .rpm and what is in them
    Packages,
    /// The container image
    Image,
    /// The static binary
    Binary,
}

impl Options {
    /// All of it, and the check.
    pub fn checked() -> Self {
        Self {
            what: None,
            check: true,
        }
    }

    fn wants(&self, what: What) -> bool {
        self.what.is_none_or(|only| only == what)
    }
}

/// Makes it; fails if a check does.
pub fn run(options: &Options) -> Result<()> {
    let tally = tally(options)?;
    if tally.failed > 0 {
        bail!("{tally}");
    }
    Ok(())
}

/// The binary that is shipped.
pub fn binary() -> Result<PathBuf> {
    build::binary(&Release::of_this_tree()?)
}

/// As [`run`]; how the checks went instead of a verdict.
pub fn tally(options: &Options) -> Result<Tally> {
    let release = Release::of_this_tree()?;
    let packages = options.wants(What::Packages);
    let image = options.wants(What::Image);
    let steps = 2 + 4 * usize::from(packages) + usize::from(image);
    let checks = check::STEPS * usize::from(options.check);
    let mut progress = Progress::new("dist", steps + checks);

    let binary = progress.step("build the static binary", || build::binary(&release))?;
    if options.what == Some(What::Binary) {
        progress.say(binary.display());
        return Ok(Tally::default());
    }
    // An old version's files would get sums, too.
    if options.what.is_none() {
        cache::remove(&release.folder)?;
    }
    fs::create_dir_all(&release.folder).context("target/dist")?;
    let parts = progress.step("manual, completions, licences, bill of materials", || {
        Parts::gather(&release, &binary)
    })?;
    say_size(&progress, &parts.path(parts::PROGRAM))?;
    let mut made = Vec::new();
    if packages {
        let sbom = release.file(&format!("wsgiprobe-{}.cdx.json", release.version));
        fs::copy(parts.path(parts::SBOM), &sbom).context("the bill of materials")?;
        made.push(sbom);
        made.push(progress.step("tarball", || tarball::make(&release, &parts))?);
        let folder = &release.folder;
        made.push(progress.step(".deb", || {
            deb::make(&release, &parts, folder, Pressed::Well)
        })?);
        made.push(progress.step(".rpm", || {
            rpm::make(&release, &parts, folder, Pressed::Well)
        })?);
    }
    let mut built = None;
    if image {
        let image = progress.step("image", || image::make(&release, &parts))?;
        progress.say(format_args!("{}: {} bytes", image.tag, image.bytes));
        made.push(image.archive.clone());
        built = Some(image);
    }
    if packages {
        made.push(progress.step("sums", || sums::write(&release))?);
    }
    for file in &made {
        say_size(&progress, file)?;
    }
    match built {
        Some(image) if options.check => check::run(&mut progress, &release, &parts, &image),
        _ => Ok(Tally::default()),
    }
}

fn say_size(progress: &Progress, file: &Path) -> Result<()> {
    let bytes = fs::metadata(file).with_context(|| file.display().to_string())?;
    progress.say(format_args!("{}: {} bytes", shown(file), bytes.len()));
    Ok(())
}

/// Below the repository, where it is.
fn shown(file: &Path) -> String {
    let short = file.strip_prefix(crate::workspace::root());
    let path: PathBuf = short.unwrap_or(file).to_owned();
    path.display().to_string()
}
