//! What the server's answer to a write means.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

/// Longest that a server's `Retry-After` is believed.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Longest excerpt of a server's words, characters.
const WORDS: usize = 300;

/// The answer to a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All points are in.
    Written,
    /// Some are: so many were refused for good.
    Partial {
        /// Points refused, at most those sent.
        rejected: u64,
        /// The server's.
        words: String,
    },
    /// None is, and the same again would fare no better.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's.
        words: String,
    },
    /// Try again.
    Later {
        /// As the server asked; `None` if it did not.
        after: Option<Duration>,
        /// The server's, or those of the connection that failed.
        words: String,
    },
}

/// Reads an answer to a write of `points` points.
pub(super) fn read(status: u16, retry_after: Option<&str>, body: &str, points: u64) -> Answer {
    let words = words(body);
    match status {
        200..=299 => Answer::Written,
        // 1.x: 400; 2.x: 400 or 422.
        400 | 422 if words.contains("partial write") => Answer::Partial {
            rejected: refused_of_partial(&words).min(points),
            words: shorten(&words),
        },
        // Too busy (2.x Cloud: over its rate), or down for a moment.
        408 | 429 | 500..=599 => Answer::Later {
            after: retry_after.and_then(wait),
            words: format!("{}: {}", named(status), shorten(&words)),
        },
        status => Answer::Refused {
            status,
            words: shorten(&words),
        },
    }
}

/// "404 Not Found".
pub(super) fn named(status: u16) -> String {
    StatusCode::from_u16(status).map_or_else(|_| status.to_string(), |status| status.to_string())
}

/// Points of conflicting types or beyond the retention are told by their number,
/// `dropped=N`, those that could not be parsed by a message each (*seen* on 1.6.7).
fn refused_of_partial(words: &str) -> u64 {
    let dropped: u64 = words
        .rsplit_once("dropped=")
        .map(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()))
        .and_then(|mut digits| digits.next()?.parse().ok())
        .unwrap_or(0);
    let unparsed = words.matches("unable to parse").count() as u64;
    dropped.saturating_add(unparsed).max(1)
}

/// The delay in seconds, which is what InfluxDB sends; a date is not read.
fn wait(retry_after: &str) -> Option<Duration> {
    let seconds = retry_after.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// The message in a body: 1.x says `{"error":..}`, 2.x `{"code":..,"message":..}`,
/// proxies whatever they like.
fn words(body: &str) -> String {
    #[derive(Deserialize)]
    struct Body {
        #[serde(alias = "message")]
        error: String,
    }
    serde_json::from_str(body).map_or_else(|_| body.to_owned(), |body: Body| body.error)
}

/// Fit for one line of a terminal: no control characters, not too long.
pub(super) fn shorten(words: &str) -> String {
    let one_line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = one_line
        .chars()
        .filter(|c| !c.is_control())
        .take(WORDS)
        .collect();
    if one_line.chars().count() > WORDS {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Answer {
        read(status, retry_after, body, 10)
    }

    #[test]
    fn success() {
        assert_eq!(answer(204, None, ""), Answer::Written);
        assert_eq!(answer(200, None, ""), Answer::Written);
    }

    #[test]
    fn partial_writes_say_how_many() {
        let conflict = r#"{"error":"partial write: field type conflict: input field \"f\" on measurement \"m\" is type string, already exists as type float dropped=3"}"#;
        assert!(matches!(
            answer(400, None, conflict),
            Answer::Partial { rejected: 3, .. }
        ));
        let unparsed = r#"{"error":"partial write: unable to parse 'a': missing fields\nunable to parse 'b': missing fields dropped=0"}"#;
        assert!(matches!(
            answer(400, None, unparsed),
            Answer::Partial { rejected: 2, .. }
        ));
        let absurd = r#"{"code":"unprocessable entity","message":"partial write: beyond retention dropped=999"}"#;
        assert!(matches!(
            answer(422, None, absurd),
            Answer::Partial { rejected: 10, .. }
        ));
    }

    #[test]
    fn refusals_carry_the_servers_words() {
        assert_eq!(
            answer(404, None, r#"{"error":"database not found: \"x\""}"#),
            Answer::Refused {
                status: 404,
                words: "database not found: \"x\"".into()
            }
        );
        assert_eq!(
            answer(
                401,
                None,
                r#"{"code":"unauthorized","message":"unauthorized access"}"#
            ),
            Answer::Refused {
                status: 401,
                words: "unauthorized access".into()
            }
        );
        assert!(matches!(
            answer(302, None, ""),
            Answer::Refused { status: 302, .. }
        ));
    }

    #[test]
    fn overload_is_waited_out() {
        assert_eq!(
            answer(429, Some(" 7 "), "slow\n\x1b[31mdown"),
            Answer::Later {
                after: Some(Duration::from_secs(7)),
                words: "429 Too Many Requests: slow [31mdown".into()
            }
        );
        assert!(matches!(
            answer(503, Some("99999999"), ""),
            Answer::Later {
                after: Some(LONGEST_WAIT),
                ..
            }
        ));
        assert!(matches!(
            answer(500, Some("Wed, 21 Oct 2026 07:28:00 GMT"), "timeout"),
            Answer::Later { after: None, .. }
        ));
    }

    #[test]
    fn long_words_are_cut() {
        let Answer::Refused { words, .. } = answer(400, None, &"é".repeat(5000)) else {
            panic!("refused");
        };
        assert_eq!(words.chars().count(), WORDS + 3);
    }
}
