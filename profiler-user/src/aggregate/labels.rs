//! The small sets that methods and statuses are folded into: every label is
//! bounded whatever clients send.

/// The method of all that are not known ("HTTP request method" in OpenTelemetry's
/// semantic conventions).
pub const OTHER_METHOD: &str = "_OTHER";

/// Those that OpenTelemetry's semantic conventions know: RFC 9110, PATCH (RFC
/// 5789) and QUERY.
const KNOWN_METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
];

/// The method as a label. Methods are case-sensitive: `get` is not known.
#[must_use]
pub fn method(token: Option<&str>) -> &'static str {
    token
        .and_then(|token| KNOWN_METHODS.into_iter().find(|known| *known == token))
        .unwrap_or(OTHER_METHOD)
}

/// The status as a label: `1xx` to `5xx`, `none` when there was no answer,
/// `other` for a number that HTTP does not have.
#[must_use]
pub const fn status_class(status: Option<u16>) -> &'static str {
    match status {
        None => "none",
        Some(100..=199) => "1xx",
        Some(200..=299) => "2xx",
        Some(300..=399) => "3xx",
        Some(400..=499) => "4xx",
        Some(500..=599) => "5xx",
        Some(_) => "other",
    }
}

/// The status as a label of its own: any that HTTP has.
#[must_use]
pub fn status(status: Option<u16>) -> Option<u16> {
    status.filter(|status| (100..=599).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_fold() {
        assert_eq!(method(Some("GET")), "GET");
        assert_eq!(method(Some("QUERY")), "QUERY");
        assert_eq!(method(Some("get")), OTHER_METHOD);
        assert_eq!(method(Some("PROPFIND")), OTHER_METHOD);
        assert_eq!(method(None), OTHER_METHOD);
    }

    #[test]
    fn statuses_fold() {
        assert_eq!(status_class(None), "none");
        assert_eq!(status_class(Some(101)), "1xx");
        assert_eq!(status_class(Some(204)), "2xx");
        assert_eq!(status_class(Some(599)), "5xx");
        assert_eq!(status_class(Some(999)), "other");
        assert_eq!(
            [Some(404), Some(999), None].map(status),
            [Some(404), None, None]
        );
    }
}
