//! A kernel out of Debian's packages.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::apt::Apt;
use super::cache::{self, Cache};
use super::kernels::Kernel;

/// An unpacked kernel.
pub struct Fetched {
    /// As `uname -r` says it.
    pub release: String,
    /// The image to boot.
    pub image: PathBuf,
    /// Its modules.
    pub modules: PathBuf,
}

/// The newest kernel of the series when it was fetched; a new one if `anew`.
pub fn kernel(cache: &Cache, kernel: &Kernel, anew: bool) -> Result<Fetched> {
    let name = format!("kernels/{}", kernel.name);
    if anew {
        cache::remove(&cache.path(&name))?;
    }
    let tree = cache.made(&name, |tree| unpack(cache, kernel, tree))?;
    fetched(&tree).with_context(|| format!("{} holds no kernel", tree.display()))
}

fn unpack(cache: &Cache, kernel: &Kernel, tree: &Path) -> Result<()> {
    let apt = Apt::updated(cache, kernel.suite, kernel.arch)?;
    let names = apt.names("linux-")?;
    let release = newest(&names, kernel).with_context(|| {
        let suite = kernel.suite.name();
        format!("{suite} has no cloud kernel {}* any more", kernel.series)
    })?;
    // Newer ones are spread over several packages.
    let parts = ["image", "binary", "modules"].map(|part| format!("linux-{part}-{release}"));
    let parts: Vec<&str> = parts
        .iter()
        .filter(|part| names.contains(part))
        .map(String::as_str)
        .collect();
    apt.unpack(&parts, tree)
}

/// The newest release of the series among these packages.
fn newest(names: &[String], kernel: &Kernel) -> Option<String> {
    let suffix = format!("-cloud-{}", kernel.arch.debian());
    let releases = names.iter().filter_map(|name| {
        let release = name.strip_prefix("linux-image-")?;
        let is_wanted = release.starts_with(kernel.series) && release.ends_with(&suffix);
        is_wanted.then_some(release)
    });
    releases
        .max_by_key(|release| numbers(release))
        .map(str::to_owned)
}

/// `6.12.107+deb13-cloud-amd64` as 6, 12, 107, 13, 64: what makes one release newer.
fn numbers(release: &str) -> Vec<u64> {
    let digits = release.split(|letter: char| !letter.is_ascii_digit());
    digits.filter_map(|number| number.parse().ok()).collect()
}

fn fetched(tree: &Path) -> Result<Fetched> {
    // Merged into /usr in newer releases.
    let modules = ["lib/modules", "usr/lib/modules"];
    let modules = modules.map(|name| tree.join(name));
    let modules = modules.iter().find(|folder| folder.exists());
    let entry = fs::read_dir(modules.context("no folder of modules")?)?.next();
    let modules = entry.context("no modules")??.path();
    let release = modules.file_name().unwrap_or_default();
    let release = release.to_string_lossy().into_owned();
    let images = [
        tree.join(format!("boot/vmlinuz-{release}")),
        modules.join("vmlinuz"),
    ];
    let image = images.into_iter().find(|image| image.exists());
    let image = image.context("no image")?;
    ensure!(!release.is_empty(), "no release");
    Ok(Fetched {
        release,
        image,
        modules,
    })
}

#[cfg(test)]
mod tests {
    use super::super::kernels;
    use super::*;

    #[test]
    fn the_newest_by_number_is_taken() {
        let names = [
            "linux-image-6.12.9+deb13-cloud-amd64",
            "linux-image-6.12.107+deb13-cloud-amd64",
            "linux-image-6.12.108+deb13-cloud-amd64-unsigned",
            "linux-image-6.12.109+deb13-cloud-arm64",
            "linux-image-6.12.110+deb13-amd64",
            "linux-image-6.18.1+deb13-cloud-amd64",
            "linux-image-cloud-amd64",
        ]
        .map(str::to_owned);
        let kernels = kernels::choose(&["6.12".into(), "7.x".into()], false).unwrap();
        assert_eq!(
            newest(&names, &kernels[0]).as_deref(),
            Some("6.12.107+deb13-cloud-amd64")
        );
        assert_eq!(newest(&names, &kernels[1]), None);
    }
}
