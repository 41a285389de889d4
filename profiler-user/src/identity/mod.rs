//! Which container a series is of, where requests are summed up (`--identity`).
//!
//! ```text
//! model::Container -> attributes (OpenTelemetry's names) -> known (one Identity each)
//!                       |                                     +--> rows, pools, metrics
//!                       +--> single requests: points, spans
//! ```
//!
//! A single request says all that is known of its container. Of a sum each further name is
//! a further series: [`Detail`] says how far that goes.

mod attributes;
mod known;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

pub use attributes::{NAMES, all, name, path};
pub use known::{Identities, MAX_IDENTITIES};

use crate::model::Container;

/// What is said of the container where requests are summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Detail {
    /// Each container: namespace, pod, container, node and workload; its id outside of Kubernetes
    #[default]
    Container,
    /// Each workload: namespace and workload, the same from rollout to rollout
    Workload,
    /// Nothing: containers are added up
    None,
}

/// The value of what stands for several, as of routes.
const OTHER: &str = "_other";

/// Whom a sum is of: a container, or a workload. There is one of each, so that two are
/// told apart by number: that is done for every request.
#[derive(Debug)]
pub struct Identity {
    number: u64,
    attributes: Box<[Attribute]>,
}

/// OpenTelemetry's name, and the value.
pub type Attribute = (&'static str, Arc<str>);

/// What found no place of its own; and, for people, several.
static SEVERAL: LazyLock<Arc<Identity>> = LazyLock::new(|| {
    Arc::new(Identity {
        number: 0,
        attributes: [(attributes::CONTAINER_ID, OTHER.into())].into(),
    })
});

impl Identity {
    /// Containers of which no more is said: `container.id` is `_other`.
    #[must_use]
    pub fn several() -> &'static Arc<Self> {
        &SEVERAL
    }

    /// By OpenTelemetry's names, in the order of these; no value is empty.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The same, as [`all`] has them of a container.
    #[must_use]
    pub fn said(&self) -> Vec<(&'static str, &str)> {
        let attributes = self.attributes.iter();
        attributes.map(|(name, value)| (*name, &**value)).collect()
    }

    /// What one calls it in a table: `namespace/pod`, `namespace/workload`, or the begin of a
    /// container's id.
    #[must_use]
    pub fn name(&self) -> String {
        if self.number == SEVERAL.number {
            return "several".into();
        }
        attributes::called(&self.said())
    }

    /// Whether all that it says is true of that container.
    #[must_use]
    pub fn is_of(&self, container: &Container) -> bool {
        let says = |(name, value): &Attribute| {
            let mut known = all(container);
            known.any(|(own, is)| own == *name && is == &**value)
        };
        self.attributes.iter().all(says)
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl PartialOrd for Identity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As people read them; the number only where there is nothing else.
impl Ord for Identity {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_number = self.number.cmp(&other.number);
        self.attributes.cmp(&other.attributes).then(by_number)
    }
}

#[cfg(test)]
pub(crate) mod tests;
