//! The tags of a container. They are no part of the encoder, which the fuzzer takes alone.

use std::sync::Arc;

use super::line::Line;
use crate::identity::Identity;

impl Line<'_> {
    /// Adds what is said of a container, where there is one.
    pub(super) fn identity(self, identity: Option<&Arc<Identity>>) -> Self {
        let attributes = identity.map(|identity| identity.attributes());
        let attributes = attributes.into_iter().flatten();
        attributes.fold(self, |line, (name, value)| line.tag(name, value))
    }
}
