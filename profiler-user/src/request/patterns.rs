//! Routes that the user names: `--route '/users/{id}'`.

use std::sync::Arc;

use matchit::{InsertError, Router};

use super::route::ROUTE_MAX;

/// A pattern that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No path begins like that.
    #[error("a route begins with /, e.g. /users/{{id}}")]
    NoPath,
    /// It would be no label.
    #[error("longer than {ROUTE_MAX} bytes")]
    Long,
    /// One path would have two routes.
    #[error("matches the same paths as {0}")]
    Conflict(String),
    /// Not what a pattern looks like.
    #[error("{0}; write {{name}} for one segment, {{*name}} for the rest of a path")]
    Malformed(InsertError),
}

/// The patterns of a run; each is the route of all paths that it matches.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    routes: Router<Arc<str>>,
    any: bool,
}

impl Patterns {
    /// Adds one. Where several match, the one with more text and fewer names counts.
    pub fn add(&mut self, pattern: &str) -> Result<(), Error> {
        if !pattern.starts_with('/') {
            return Err(Error::NoPath);
        }
        if pattern.len() > ROUTE_MAX {
            return Err(Error::Long);
        }
        let added = self.routes.insert(pattern, pattern.into());
        added.map_err(|error| match error {
            InsertError::Conflict { with } => Error::Conflict(with),
            error => Error::Malformed(error),
        })?;
        self.any = true;
        Ok(())
    }

    /// The pattern that matches `path`.
    #[must_use]
    pub fn route(&self, path: &str) -> Option<Arc<str>> {
        if !self.any {
            return None;
        }
        let found = self.routes.at(path).ok()?;
        Some(Arc::clone(found.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(all: &[&str]) -> Result<Patterns, Error> {
        let mut patterns = Patterns::default();
        for pattern in all {
            patterns.add(pattern)?;
        }
        Ok(patterns)
    }

    #[test]
    fn the_more_exact_one_counts() {
        let given = patterns(&["/u/{name}", "/u/me", "/files/{*rest}"]).unwrap();
        for (path, route) in [
            ("/u/ann", Some("/u/{name}")),
            ("/u/me", Some("/u/me")),
            ("/u/ann/x", None),
            ("/u/", None),
            ("/files/a/b.txt", Some("/files/{*rest}")),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(given.route(path).as_deref(), route, "{path}");
        }
        assert_eq!(Patterns::default().route("/u/me"), None);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let error = |all: &[&str]| patterns(all).unwrap_err().to_string();
        assert!(error(&["users/{id}"]).contains("begins with /"));
        assert!(error(&["/a/{x}", "/a/{y}"]).contains("/a/{x}"));
        assert!(error(&["/a/{x"]).contains("{*name}"));
        assert!(error(&[&format!("/{}", "x".repeat(ROUTE_MAX))]).contains("256"));
    }
}
