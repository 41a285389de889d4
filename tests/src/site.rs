//! What a server serves: the tests' applications, a large file, and the folders
//! through which tests and applications tell each other things.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::reference::Event;
use crate::wait;

/// Size of [`STATIC_FILE`].
pub const STATIC_SIZE: usize = 5_000_000;

/// A large file that Apache serves itself. What follows in the path is ignored
/// (`AcceptPathInfo`) and makes each request for it unique.
pub const STATIC_FILE: &str = "/static/big.bin";

/// The application for most tests.
pub const APP: &str = "app.wsgi";

/// The application that tells what each request did to it.
pub const MEASURED: &str = "measured.wsgi";

const FILES: [(&str, &str); 5] = [
    (APP, include_str!("../apps/app.wsgi")),
    (MEASURED, include_str!("../apps/measured.wsgi")),
    ("gates.py", include_str!("../apps/gates.py")),
    ("waits.py", include_str!("../apps/waits.py")),
    ("events.py", include_str!("../apps/events.py")),
];

/// A server root that www-data, whom the servers' children run as, may read.
pub struct Site {
    root: TempDir,
}

impl Site {
    /// A new one, with all files in place.
    pub fn new() -> Result<Self> {
        let root = tempfile::Builder::new()
            .prefix("wsgiprobe-apache-")
            .tempdir()?;
        let site = Self { root };
        allow(site.root(), 0o755)?;
        for name in ["apps", "static"] {
            site.folder(name, 0o755)?;
        }
        // The application says there that it waits.
        site.folder("gates", 0o777)?;
        for (name, text) in FILES {
            fs::write(site.path("apps").join(name), text)?;
        }
        fs::write(site.path("static/big.bin"), vec![b's'; STATIC_SIZE])?;
        Ok(site)
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Something in its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn folder(&self, name: &str, mode: u32) -> Result<()> {
        let path = self.path(name);
        fs::create_dir(&path)?;
        allow(&path, mode)
    }

    /// Has [`MEASURED`] log mod_wsgi's events, once it is started.
    pub fn log_events(&self) -> Result<()> {
        // By www-data, who may do nothing else here.
        self.folder("events", 0o777)
    }

    /// What was logged of the `count` requests that began with `prefix`: each once.
    pub fn events(&self, prefix: &str, count: usize) -> Result<Vec<Event>> {
        let what = format!("mod_wsgi's events of {count} requests for {prefix}");
        let mut found = 0;
        wait::value(&what, || {
            let events = self.all_events()?;
            let events = events.into_iter();
            let ours: Vec<Event> = events
                .filter(|event| event.path.starts_with(prefix))
                .collect();
            found = ours.len();
            Ok((found >= count).then_some(ours))
        })
        .with_context(|| format!("there are {found}"))
    }

    fn all_events(&self) -> Result<Vec<Event>> {
        let mut all = Vec::new();
        for file in fs::read_dir(self.path("events"))? {
            let text = fs::read_to_string(file?.path())?;
            // Without its newline a line is still being written.
            let whole = text
                .split_inclusive('\n')
                .filter_map(|line| line.strip_suffix('\n'));
            for line in whole {
                all.push(Event::parse(line)?);
            }
        }
        Ok(all)
    }
}

fn allow(path: &Path, mode: u32) -> Result<()> {
    Ok(fs::set_permissions(path, Permissions::from_mode(mode))?)
}
