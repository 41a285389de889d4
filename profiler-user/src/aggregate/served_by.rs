//! Which container served a route, for tables of routes.

use std::sync::Arc;

use foldhash::HashMap;

use crate::identity::Identity;

/// Container of each route; `None` is the host itself.
#[derive(Clone, Debug, Default)]
pub struct ServedBy(HashMap<Arc<str>, Option<Arc<Identity>>>);

impl ServedBy {
    /// Notes that this one served the route.
    pub(super) fn note(&mut self, route: &Arc<str>, identity: Option<&Arc<Identity>>) {
        match self.0.get_mut(route) {
            Some(known) if known.as_ref() == identity => {}
            Some(known) => *known = Some(Arc::clone(Identity::several())),
            None => {
                self.0.insert(Arc::clone(route), identity.cloned());
            }
        }
    }

    /// The one that served the route; `None` where it was the host.
    #[must_use]
    pub fn of(&self, route: &str) -> Option<&Arc<Identity>> {
        self.0.get(route)?.as_ref()
    }

    /// Whether there is nothing to tell apart.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing, if all is of one.
    pub(super) fn unless_one(self) -> Self {
        let mut all = self.0.values();
        let first = all.next();
        let several = Some(Identity::several());
        let is_one = first.is_none_or(|one| one.as_ref() != several)
            && all.all(|other| Some(other) == first);
        if is_one { Self::default() } else { self }
    }
}
