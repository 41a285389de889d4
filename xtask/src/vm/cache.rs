//! What takes long to make, kept in the user's cache.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// `wsgiprobe/vm` in the user's cache.
pub struct Cache {
    folder: PathBuf,
    /// Held while something is made: others wait.
    _lock: File,
}

impl Cache {
    /// Waits until no other process makes something in it.
    pub fn open() -> Result<Self> {
        let folder = user_cache()?.join("wsgiprobe/vm");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = File::create(folder.join("lock")).context("the cache's lock")?;
        lock.lock().context("waiting for the cache")?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Something in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The file or folder `name`, made by `make` if it is not there. It gets its
    /// name when it is complete: what an interrupted run left is made anew.
    pub fn made(&self, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let path = self.path(name);
        if path.exists() {
            return Ok(path);
        }
        let partial = self.path(&format!("{name}.partial"));
        remove(&partial)?;
        if let Some(parent) = partial.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        make(&partial)?;
        fs::rename(&partial, &path).with_context(|| path.display().to_string())?;
        Ok(path)
    }
}

/// Removes a file or folder that may not be there.
pub fn remove(path: &Path) -> Result<()> {
    let done = match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    done.with_context(|| format!("removing {}", path.display()))
}

/// A name for these ingredients: what is made of others has another name.
pub fn key(ingredients: &[&str]) -> String {
    let mut hasher = DefaultHasher::new();
    ingredients.hash(&mut hasher);
    format!("{:08x}", hasher.finish() as u32)
}

/// The XDG Base Directory Specification's: set and empty is as good as not set.
fn user_cache() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(named) = set("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(named));
    }
    let home = set("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(PathBuf::from(home).join(".cache"))
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn what_was_not_finished_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let lock = File::create(folder.path().join("lock")).unwrap();
        let cache = Cache {
            folder: folder.path().to_owned(),
            _lock: lock,
        };
        let half = cache.made("a/thing", |path| {
            fs::write(path, "half")?;
            bail!("interrupted")
        });
        half.unwrap_err();
        assert!(!cache.path("a/thing").exists());
        let whole = cache.made("a/thing", |path| Ok(fs::write(path, "whole")?));
        assert_eq!(fs::read_to_string(whole.unwrap()).unwrap(), "whole");
        cache
            .made("a/thing", |_| bail!("it is there already"))
            .unwrap();
    }

    #[test]
    fn other_ingredients_have_another_key() {
        assert_eq!(key(&["a", "b"]), key(&["a", "b"]));
        assert_ne!(key(&["a", "b"]), key(&["ab"]));
    }
}
