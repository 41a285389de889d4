//! The containers that were found: one value each, renewed when more is known.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use super::cgroup::Identity;
use super::kubernetes::Directory;
use crate::model::Container;

/// Containers remembered. Kubernetes advises 110 pods a node at most ("Considerations for
/// large clusters"); this is for 500 of two containers each. One that finds no room is
/// made anew at the next look, so that it costs time, and nothing else.
const ENTRIES: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Its id and its pod's uid: who may name cgroups below its own can use the id of another,
/// but not together with another pod's.
type Key = (String, Option<String>);

#[derive(Debug)]
pub(super) struct Remembered {
    directory: Option<Arc<Directory>>,
    entries: LruCache<Key, Entry>,
}

#[derive(Debug)]
struct Entry {
    identity: Identity,
    container: Arc<Container>,
    /// Of the directory, when it was last asked.
    revision: u64,
}

impl Remembered {
    pub(super) fn new(directory: Option<Arc<Directory>>) -> Self {
        Self {
            directory,
            entries: LruCache::new(ENTRIES),
        }
    }

    /// As long as this stays the same, nothing new is known.
    pub(super) fn revision(&self) -> u64 {
        let directory = self.directory.as_ref();
        directory.map_or(0, |directory| directory.revision())
    }

    /// What is known of it by now.
    pub(super) fn resolve(&mut self, identity: Identity) -> Arc<Container> {
        let key = (identity.id.clone(), identity.pod_uid.clone());
        if let Some(container) = self.renew(&key) {
            return container;
        }
        // Before the look: what comes in between is seen at the next one.
        let revision = self.revision();
        let container = Arc::new(self.describe(&identity));
        let entry = Entry {
            identity,
            container: Arc::clone(&container),
            revision,
        };
        self.entries.put(key, entry);
        container
    }

    /// The newest value of that container.
    pub(super) fn newest(&mut self, known: &Arc<Container>) -> Arc<Container> {
        let key = (known.id.clone(), known.pod_uid.clone());
        // If it found no room: as it was.
        self.renew(&key).unwrap_or_else(|| Arc::clone(known))
    }

    fn renew(&mut self, key: &Key) -> Option<Arc<Container>> {
        let revision = self.revision();
        let identity = {
            let entry = self.entries.get(key)?;
            if entry.revision == revision {
                return Some(Arc::clone(&entry.container));
            }
            entry.identity.clone()
        };
        let container = self.describe(&identity);
        let entry = self.entries.get_mut(key)?;
        entry.revision = revision;
        // The directory forgets pods that are gone, and this is still asked for.
        let forgotten = container.kubernetes.is_none() && entry.container.kubernetes.is_some();
        if *entry.container != container && !forgotten {
            entry.container = Arc::new(container);
        }
        Some(Arc::clone(&entry.container))
    }

    fn describe(&self, identity: &Identity) -> Container {
        let found = self.directory.as_ref().and_then(|all| all.find(identity));
        let (kubernetes, runtime) = found.map_or((None, None), |found| {
            (Some(found.kubernetes), found.runtime)
        });
        Container {
            id: identity.id.clone(),
            runtime: identity.runtime.or(runtime),
            pod_uid: identity.pod_uid.clone(),
            kubernetes,
        }
    }
}
