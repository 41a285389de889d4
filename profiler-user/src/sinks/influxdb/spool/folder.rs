//! The spool's folder: whose it is, for which database, and its files.
//!
//! All files are made and opened here, before the run confines itself: after that no
//! file can be opened for writing any more.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Segment files. Full, the spool drops one of them: a sixteenth of what it holds.
pub(super) const SEGMENTS: usize = 16;

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The system says no.
    #[error(
        "--influx-spool {}: {what}: {source}; name a folder on a local disk that this user may write to",
        dir.display()
    )]
    Io {
        /// The folder.
        dir: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's words.
        source: io::Error,
    },
    /// Another process holds it.
    #[error(
        "--influx-spool {}: {owner} uses this folder; give each wsgiprobe a folder of its own",
        dir.display()
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// "process 123", as far as is known.
        owner: String,
    },
    /// What waits there is for another database.
    #[error(
        "--influx-spool {}: points for {theirs} wait in it; deliver them first, name another \
         folder, or remove its file `place` to have them sent to this run's database",
        dir.display()
    )]
    OtherPlace {
        /// The folder.
        dir: PathBuf,
        /// What that run's settings named.
        theirs: String,
    },
}

/// The opened files.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    /// Locked for as long as it is open; the kernel unlocks it with the process, however
    /// that ends.
    _lock: File,
    place: File,
    pub(super) segments: Vec<File>,
}

impl Folder {
    /// Makes what is missing, for this user's eyes only: paths may be personal.
    pub(super) fn open(dir: &Path) -> Result<Self, SpoolError> {
        let io = |what| {
            let dir = dir.to_owned();
            move |source| SpoolError::Io { dir, what, source }
        };
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(dir);
        made.map_err(io("cannot make it"))?;
        let mut lock = file(dir, "lock").map_err(io("cannot open its lock"))?;
        take(&mut lock, dir)?;
        let place = file(dir, "place").map_err(io("cannot open its files"))?;
        let segments = (0..SEGMENTS).map(|n| file(dir, &format!("segment-{n:02}")));
        let segments: io::Result<Vec<File>> = segments.collect();
        let segments = segments.map_err(io("cannot open its files"))?;
        // The names, too, have to outlive a power failure.
        let names = File::open(dir).and_then(|dir| dir.sync_all());
        names.map_err(io("cannot write it to disk"))?;
        Ok(Self {
            dir: dir.to_owned(),
            _lock: lock,
            place,
            segments,
        })
    }

    /// Makes sure that what waits goes where it was meant to; if nothing does, it is
    /// this run's from here on.
    pub(super) fn is_for(&mut self, place: &str, waiting: bool) -> Result<(), SpoolError> {
        let mut theirs = String::new();
        let asked = self.place.read_to_string(&mut theirs);
        asked.map_err(|source| self.error("cannot read what it is for", source))?;
        if theirs == place {
            return Ok(());
        }
        if waiting && !theirs.is_empty() {
            return Err(SpoolError::OtherPlace {
                dir: self.dir.clone(),
                theirs,
            });
        }
        let mut write = || {
            self.place.set_len(0)?;
            self.place.rewind()?;
            self.place.write_all(place.as_bytes())?;
            self.place.sync_all()
        };
        let written = write();
        written.map_err(|source| self.error("cannot write what it is for", source))
    }

    pub(super) fn error(&self, what: &'static str, source: io::Error) -> SpoolError {
        SpoolError::Io {
            dir: self.dir.clone(),
            what,
            source,
        }
    }
}

fn file(dir: &Path, name: &str) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        // A link that somebody else put there would have another file written to.
        .custom_flags(libc::O_NOFOLLOW)
        .open(dir.join(name))
}

fn take(lock: &mut File, dir: &Path) -> Result<(), SpoolError> {
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = fs::read_to_string(dir.join("lock")).unwrap_or_default();
            let owner = match pid.trim() {
                "" => "another wsgiprobe".to_owned(),
                pid => format!("process {pid}"),
            };
            return Err(SpoolError::InUse {
                dir: dir.to_owned(),
                owner,
            });
        }
        Err(TryLockError::Error(source)) => {
            return Err(SpoolError::Io {
                dir: dir.to_owned(),
                what: "cannot lock it",
                source,
            });
        }
    }
    // Only to be told to others: what cannot be written here shows with the segments.
    let _ = lock.set_len(0);
    let _ = writeln!(lock, "{}", std::process::id());
    Ok(())
}
