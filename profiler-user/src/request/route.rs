//! Paths into routes: a bounded set of labels.
//!
//! From outside the process the framework's URL map is not to be seen, so a
//! route is made from the path alone:
//!
//! | part of the path | becomes |
//! |---|---|
//! | a number, a date, coordinates: `42`, `2026-11-21`, `48.85,2.35` | `{id}` |
//! | a UUID | `{id}` |
//! | 8 or more hexadecimal digits with a decimal one among them, or 16 of any | `{id}` |
//! | 16 or more of the base64 alphabet that alternate like a random token | `{id}` |
//! | a name with dots: each part by itself | `app.3f2a9c1b.js` -> `app.{id}.js` |
//! | anything else | itself |
//!
//! Where a pattern of the user's matches ([`Patterns`]), that is the route.
//!
//! After `cap` distinct routes, and for routes longer than [`ROUTE_MAX`], new
//! ones are [`OTHER`], and counted.

use std::sync::Arc;

use foldhash::HashSet;
use uuid::Uuid;

use super::patterns::Patterns;

/// The route of whatever does not fit the cap.
pub const OTHER: &str = "_other";

/// What takes the place of a varying part.
const ID: &str = "{id}";

/// Longest route kept, bytes: with the cap it bounds the memory.
pub const ROUTE_MAX: usize = 256;

/// Gives each path its route.
#[derive(Debug)]
pub struct Router {
    patterns: Patterns,
    known: HashSet<Arc<str>>,
    cap: usize,
    other: Arc<str>,
    overflowed: u64,
    scratch: String,
}

impl Router {
    /// A router that never names more than `cap` routes, beside `patterns` and [`OTHER`].
    #[must_use]
    pub fn new(cap: usize, patterns: Patterns) -> Self {
        Self {
            patterns,
            known: HashSet::default(),
            cap,
            other: OTHER.into(),
            overflowed: 0,
            scratch: String::new(),
        }
    }

    /// The route of `path` (without query). An empty path, that of a request
    /// that could not be parsed, is [`OTHER`].
    pub fn route(&mut self, path: &str) -> Arc<str> {
        if let Some(route) = self.patterns.route(path) {
            return route;
        }
        // A route is its own route, so paths without ids need no second cache.
        if let Some(route) = self.known.get(path) {
            return Arc::clone(route);
        }
        if path.is_empty() {
            return Arc::clone(&self.other);
        }
        self.scratch.clear();
        generalise(path, &mut self.scratch);
        if let Some(route) = self.known.get(self.scratch.as_str()) {
            return Arc::clone(route);
        }
        if self.known.len() >= self.cap || self.scratch.len() > ROUTE_MAX {
            self.overflowed += 1;
            return Arc::clone(&self.other);
        }
        let route: Arc<str> = self.scratch.as_str().into();
        self.known.insert(Arc::clone(&route));
        route
    }

    /// Requests that fell to [`OTHER`] for want of room.
    #[must_use]
    pub const fn overflowed(&self) -> u64 {
        self.overflowed
    }
}

/// Appends the route of `path` to `out`; stops soon after [`ROUTE_MAX`].
fn generalise(path: &str, out: &mut String) {
    for (n, segment) in path.split('/').enumerate() {
        if n > 0 {
            out.push('/');
        }
        if varies(segment) {
            out.push_str(ID);
        } else {
            for (n, part) in segment.split('.').enumerate() {
                if n > 0 {
                    out.push('.');
                }
                // "1.0" and "jquery-3.7.1.js" hold versions, "7.pdf" an id.
                let version = part.len() < 4 && (n > 0 || is_version(segment));
                out.push_str(if varies(part) && !version { ID } else { part });
            }
        }
        if out.len() > ROUTE_MAX {
            return;
        }
    }
}

fn varies(s: &str) -> bool {
    // Most are words: nothing short varies without a digit.
    if s.len() < 16 && !s.bytes().any(|b| b.is_ascii_digit()) {
        return false;
    }
    is_number(s) || is_hex(s) || is_token(s) || Uuid::try_parse(s).is_ok()
}

/// Digits; with separators among them at least four, which leaves "1.0" alone.
fn is_number(s: &str) -> bool {
    let digits = s.bytes().filter(u8::is_ascii_digit).count();
    let separators = s.bytes().filter(|b| b"-+.,:_".contains(b)).count();
    digits > 0 && digits + separators == s.len() && (separators == 0 || digits >= 4)
}

fn is_version(s: &str) -> bool {
    s.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// Words such as "deadbeef" have no decimal digit, so short ones need one.
fn is_hex(s: &str) -> bool {
    s.len() >= 8
        && s.bytes().all(|b| b.is_ascii_hexdigit())
        && (s.len() >= 16 || s.bytes().any(|b| b.is_ascii_digit()))
}

/// Session keys, ULIDs, base64. Random characters change between letters and
/// digits, or from lower to upper case, at two places in five or more; words,
/// `CamelCase` and hyphenated titles at one in five or less. The line is drawn
/// at one in four.
fn is_token(s: &str) -> bool {
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || b"-_=+~".contains(&b);
    if s.len() < 16 || !s.bytes().all(alphabet) || !s.bytes().any(|b| b.is_ascii_digit()) {
        return false;
    }
    let turns = s
        .as_bytes()
        .windows(2)
        .filter(|pair| {
            let (a, b) = (pair[0], pair[1]);
            let both = a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric();
            let digit = a.is_ascii_digit() != b.is_ascii_digit();
            both && (digit || (a.is_ascii_lowercase() && b.is_ascii_uppercase()))
        })
        .count();
    turns * 4 >= s.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn router(cap: usize) -> Router {
        Router::new(cap, Patterns::default())
    }

    #[test]
    fn patterns_come_first_and_beside_the_cap() {
        let mut patterns = Patterns::default();
        patterns.add("/u/{name}").unwrap();
        patterns.add("/o/{id}/7").unwrap();
        let mut router = Router::new(1, patterns);
        assert_eq!(&*router.route("/o/3"), "/o/{id}");
        assert_eq!(&*router.route("/u/ann"), "/u/{name}");
        assert_eq!(&*router.route("/o/3/7"), "/o/{id}/7");
        assert_eq!(&*router.route("/v/ann"), OTHER);
        assert_eq!(router.overflowed(), 1);
    }

    #[track_caller]
    fn check(path: &str, route: &str) {
        assert_eq!(&*router(10).route(path), route, "{path}");
    }

    #[test]
    fn names_stay() {
        for path in [
            "/",
            "*",
            "//a/",
            "/api/v2/users",
            "/api/1.0/users",
            "/deadbeef",
            "/facade/decade",
            "/a-long-title-of-a-blog-post-2024",
            "/getUserAccountDetailsById2",
            "/BlogPost2024Introduction",
            "/static/jquery-3.7.1.min.js",
            "/übersicht/名前",
            "/%2F%0A",
        ] {
            check(path, path);
        }
    }

    #[test]
    fn ids_go() {
        check("/users/42", "/users/{id}");
        check("/users/42/", "/users/{id}/");
        check("/a/-7/b", "/a/-7/b");
        check("/day/2026-11-21/x", "/day/{id}/x");
        check("/at/48.8566,2.3522", "/at/{id}");
        check("/o/550e8400-e29b-41d4-a716-446655440000", "/o/{id}");
        check("/o/550E8400-E29B-41D4-A716-446655440000", "/o/{id}");
        check("/c/9fceb02d", "/c/{id}");
        check("/c/da39a3ee5e6b4b0d3255bfef95601890afd80709", "/c/{id}");
        check("/u/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/u/{id}");
        check("/s/Zm9vYmFyMTIzNDU2Nzg5MA==", "/s/{id}");
        check("/s/dQw4w9WgXcQdQw4w9WgXcQ", "/s/{id}");
        check("/invoice/123.pdf", "/invoice/{id}.pdf");
        check("/static/app.3f2a9c1b.js", "/static/app.{id}.js");
    }

    #[test]
    fn the_cap_holds_and_is_counted() {
        let mut router = router(2);
        assert_eq!(&*router.route("/a"), "/a");
        assert_eq!(&*router.route("/b/1"), "/b/{id}");
        assert_eq!(&*router.route("/c"), OTHER);
        assert_eq!(&*router.route("/d"), OTHER);
        assert_eq!(&*router.route("/b/2"), "/b/{id}");
        assert_eq!(router.overflowed(), 2);
    }

    #[test]
    fn long_and_empty_paths_take_no_room() {
        let mut router = router(2);
        assert_eq!(&*router.route(&"/x".repeat(ROUTE_MAX)), OTHER);
        assert_eq!(router.overflowed(), 1);
        assert_eq!(&*router.route(""), OTHER);
        assert_eq!(router.overflowed(), 1);
        assert_eq!(&*router.route("/a"), "/a");
    }

    proptest! {
        #[test]
        fn a_route_is_its_own_route(path in "(/[a-zA-Z0-9._%{}-]{0,24}){0,6}") {
            let mut router = router(100);
            let route = router.route(&path);
            let again = Router::new(100, Patterns::default()).route(&route);
            prop_assert_eq!(&route, &again);
        }

        #[test]
        fn routes_are_bounded(paths in prop::collection::vec("(/\\PC{0,40}){0,9}", 0..60)) {
            let mut router = router(5);
            let routes: HashSet<_> = paths.iter().map(|p| router.route(p)).collect();
            prop_assert!(routes.len() <= 6);
            prop_assert!(routes.iter().all(|r| r.len() <= ROUTE_MAX));
        }
    }
}
