//! What `Retry-After` asks for (RFC 9110, 10.2.3): seconds, or a date.

use std::time::{Duration, SystemTime};

/// Longest that it is believed.
const LONGEST: Duration = Duration::from_mins(5);

/// The delay. A date counts from that of the answer (`Date`), if it has one: the two
/// clocks may differ, a server agrees with itself.
pub(super) fn read(value: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    let date = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    // What has passed already asks for nothing.
    let delay = at.duration_since(date.unwrap_or(now)).unwrap_or_default();
    Some(delay.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sat, 21 Nov 2026 09:37:03 GMT";

    #[test]
    fn seconds_or_a_date() {
        let now = httpdate::parse_http_date(DATE).unwrap();
        let later = |value| read(value, None, now);
        assert_eq!(later(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(later("99999999"), Some(LONGEST));
        let soon = "Sat, 21 Nov 2026 09:37:33 GMT";
        assert_eq!(later(soon), Some(Duration::from_secs(30)));
        assert_eq!(later("Sat, 21 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(later("Sun, 22 Nov 2026 09:00:00 GMT"), Some(LONGEST));
        assert_eq!(later("soon"), None);
        // The server's clock is an hour behind.
        let ahead = now + Duration::from_hours(1);
        assert_eq!(read(soon, Some(DATE), ahead), Some(Duration::from_secs(30)));
    }
}
