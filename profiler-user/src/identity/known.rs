//! One [`Identity`] for each container or workload.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::attributes;
use super::{Attribute, Detail, Identity};
use crate::model::Container;

/// Kept apart at a time; what comes on top is [`Identity::several`]. A node of Kubernetes has
/// some hundred pods, and what has ended is forgotten.
pub const MAX_IDENTITIES: usize = 4_096;

/// By what they say, to find the one that there is.
#[derive(Debug)]
struct Said(Arc<Identity>);

impl Borrow<[Attribute]> for Said {
    fn borrow(&self) -> &[Attribute] {
        &self.0.attributes
    }
}

impl Hash for Said {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.attributes.hash(state);
    }
}

impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        self.0.attributes == other.0.attributes
    }
}

impl Eq for Said {}

/// A container that was asked for, kept so that nothing else comes to its address.
type Asked = (Arc<Container>, Option<Arc<Identity>>);

/// Finds the identity of a container: on every request, so by its address.
#[derive(Debug, Default)]
pub struct Identities {
    detail: Detail,
    by_address: HashMap<usize, Asked>,
    known: HashSet<Said>,
    made: u64,
}

impl Identities {
    /// Says so much of each.
    #[must_use]
    pub fn new(detail: Detail) -> Self {
        Self {
            detail,
            ..Self::default()
        }
    }

    /// That of a container; `None` where nothing is said of it.
    pub fn of(&mut self, container: &Arc<Container>) -> Option<Arc<Identity>> {
        if self.detail == Detail::None {
            return None;
        }
        let address = Arc::as_ptr(container).addr();
        if let Some((_, identity)) = self.by_address.get(&address) {
            return identity.clone();
        }
        let identity = self.find(container);
        if self.by_address.len() >= MAX_IDENTITIES {
            self.by_address.clear();
        }
        let asked = (Arc::clone(container), identity.clone());
        self.by_address.insert(address, asked);
        identity
    }

    /// Forgets those that nobody else has any more. To be called now and then, between
    /// requests.
    pub fn tidy(&mut self) {
        if self.known.len() > MAX_IDENTITIES / 2 {
            self.by_address.clear();
            self.known
                .retain(|Said(identity)| Arc::strong_count(identity) > 1);
        }
    }

    fn find(&mut self, container: &Container) -> Option<Arc<Identity>> {
        let attributes = attributes::of(container, self.detail);
        if attributes.is_empty() {
            return None;
        }
        if let Some(Said(known)) = self.known.get(&attributes[..]) {
            return Some(Arc::clone(known));
        }
        if self.known.len() >= MAX_IDENTITIES {
            return Some(Arc::clone(Identity::several()));
        }
        // 0 is that of several.
        self.made += 1;
        let identity = Arc::new(Identity {
            number: self.made,
            attributes: attributes.into(),
        });
        self.known.insert(Said(Arc::clone(&identity)));
        Some(identity)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::docker;
    use super::*;

    #[test]
    fn those_that_nobody_has_make_room() {
        let mut identities = Identities::new(Detail::Container);
        let held: Vec<_> = (0..100).map(|n| identities.of(&docker(n))).collect();
        let number = |n: usize| docker(u32::try_from(n).unwrap());
        for n in 100..MAX_IDENTITIES {
            assert_ne!(
                identities.of(&number(n)).as_ref(),
                Some(Identity::several())
            );
        }
        let late = number(MAX_IDENTITIES);
        assert_eq!(identities.of(&late).as_ref(), Some(Identity::several()));
        assert!(identities.by_address.len() <= MAX_IDENTITIES);
        identities.tidy();
        assert_eq!(identities.known.len(), 100);
        assert_ne!(identities.of(&late).as_ref(), Some(Identity::several()));
        assert_eq!(identities.of(&docker(3)), held[3], "still the same");
    }
}
