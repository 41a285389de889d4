//! In which container, and which Kubernetes pod, a process runs.
//!
//! ```text
//!  /proc/PID/cgroup -> cgroup: id, pod uid ---+--> Containers::at -> model::Container
//!  API server -> kubernetes: watch -> Directory (names by pod uid)
//! ```
//!
//! The id is known at once. Names come from the API server, later or never: then there
//! is a newer [`Container`], and whoever asks again gets that one.

pub mod cgroup;
pub mod kubernetes;
mod remembered;

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use lru::LruCache;

use crate::model::Container;
use cgroup::Identity;
use kubernetes::Directory;
use remembered::Remembered;

/// Finds the containers of processes, and remembers what it found.
#[derive(Debug)]
pub struct Containers {
    proc: PathBuf,
    remembered: Remembered,
    /// Where processes are, by number. One that is used longest ago makes room.
    places: LruCache<u32, Option<Place>>,
}

/// Nothing is to be seen of a process.
struct Gone;

#[derive(Clone, Debug)]
struct Place {
    container: Arc<Container>,
    /// Of the directory, when `container` was the newest.
    revision: u64,
}

impl Containers {
    /// Remembers the places of that many processes; `directory` knows the names, if there
    /// is access to an API server.
    #[must_use]
    pub fn new(processes: u32, directory: Option<Arc<Directory>>) -> Self {
        Self::below("/proc".into(), processes, directory)
    }

    fn below(proc: PathBuf, processes: u32, directory: Option<Arc<Directory>>) -> Self {
        let processes = NonZeroUsize::new(processes as usize).unwrap_or(NonZeroUsize::MIN);
        Self {
            proc,
            remembered: Remembered::new(directory),
            places: LruCache::new(processes),
        }
    }

    /// The container of a process, as it is now; `None` on the host itself, and of a
    /// process that has gone.
    pub fn of(&mut self, pid: u32) -> Option<Arc<Container>> {
        let identity = self.look(pid).ok()??;
        Some(self.remembered.resolve(identity))
    }

    /// Looks where that process is now, and remembers it in place of what was known under
    /// this number: numbers are used again.
    pub fn learn(&mut self, origin: u32) {
        let revision = self.remembered.revision();
        match self.look(origin) {
            Ok(identity) => {
                let place = self.place(identity, revision);
                self.places.put(origin, place);
            }
            // Gone already: one of its descendants may tell.
            Err(Gone) => drop(self.places.pop(&origin)),
        }
    }

    /// The container of a process that descends from `origin`: what was learnt of that, or
    /// else what is seen of either, and remembered. Costs a look into a table while nothing
    /// has changed.
    pub fn at(&mut self, origin: u32, pid: u32) -> Option<Arc<Container>> {
        let revision = self.remembered.revision();
        let place = match self.places.get(&origin) {
            Some(None) => return None,
            Some(Some(place)) if place.revision == revision => {
                return Some(Arc::clone(&place.container));
            }
            Some(Some(place)) => Some(Place {
                container: self.remembered.newest(&place.container),
                revision,
            }),
            None => {
                let seen = self.look(pid).or_else(|Gone| self.look(origin));
                // Of those that have both gone nothing more will be seen.
                self.place(seen.unwrap_or_default(), revision)
            }
        };
        let container = place.as_ref().map(|place| Arc::clone(&place.container));
        self.places.put(origin, place);
        container
    }

    /// The same container with all that is known of it by now.
    pub fn refresh(&mut self, known: &Arc<Container>) -> Arc<Container> {
        self.remembered.newest(known)
    }

    fn place(&mut self, identity: Option<Identity>, revision: u64) -> Option<Place> {
        let container = self.remembered.resolve(identity?);
        Some(Place {
            container,
            revision,
        })
    }

    /// `None` on the host itself.
    fn look(&self, pid: u32) -> Result<Option<Identity>, Gone> {
        let file = self.proc.join(pid.to_string()).join("cgroup");
        // A cgroup's name may be any bytes.
        let text = fs::read(file).map_err(|_| Gone)?;
        // Of a process that has died, but was not waited for, there may be nothing left.
        if text.is_empty() {
            return Err(Gone);
        }
        Ok(cgroup::parse(&String::from_utf8_lossy(&text)))
    }
}

#[cfg(test)]
mod tests;
