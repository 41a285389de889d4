//! How an output is: set by who delivers, read by whoever asks (`--health`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One state, shared by all its copies. An output that has tried nothing yet works.
///
/// Others may read it: words are a status, or those of this program or its system, never
/// a server's own, which may hold anything.
#[derive(Clone, Debug)]
pub struct Condition {
    name: &'static str,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Condition {
    /// Of a part with that name, which works.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            trouble: Arc::default(),
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The last attempt went well.
    pub fn works(&self) {
        *self.state() = None;
    }

    /// The last attempt failed, and why.
    pub fn fails(&self, words: impl Into<String>) {
        *self.state() = Some(words.into());
    }

    /// What is wrong, if anything is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.state().clone()
    }

    fn state(&self) -> MutexGuard<'_, Option<String>> {
        // Nothing in there panics.
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_one() {
        let condition = Condition::new("influxdb");
        let other = condition.clone();
        assert_eq!(other.trouble(), None);
        condition.fails("away");
        assert_eq!(other.trouble().as_deref(), Some("away"));
        other.works();
        assert_eq!(condition.trouble(), None);
    }
}
