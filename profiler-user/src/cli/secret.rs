//! Text that must not be shown.

use std::fmt;
use std::path::Path;

/// A token or password. It never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret out of surrounding white space (files end in a newline).
    /// What cannot stand in an HTTP header is refused.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty".into());
        }
        if text.chars().any(char::is_control) {
            return Err("it holds control characters or several lines".into());
        }
        Ok(Self(text.to_owned()))
    }

    /// Reads one from a file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        Self::new(&text)
    }

    /// The text itself: for the one place that sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_trimmed_and_never_shown() {
        let secret = Secret::new("hunter2\n").unwrap();
        assert_eq!(secret.reveal(), "hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(Secret::new(" \n").is_err());
        assert!(Secret::new("a\nb").is_err());
    }
}
