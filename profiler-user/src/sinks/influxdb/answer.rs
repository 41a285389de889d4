//! What the server's answer to a write means.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

/// How 1.x begins what it says of a point that it cannot read.
const UNPARSED: &str = "unable to parse '";

/// Builds of 3.x that are limited list so many refused lines ("up to 100 points").
const LISTED: u64 = 100;

/// Longest excerpt of a server's words, characters.
const WORDS: usize = 300;

/// The answer to a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All points are in.
    Written,
    /// Some are, the others are refused for good.
    Partial {
        /// Points refused; `None` if the answer leaves that open.
        rejected: Option<u64>,
        /// The server's.
        words: String,
    },
    /// None is: one of them at least is at fault.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's.
        words: String,
    },
    /// None is: fewer at a time may fit.
    TooLarge {
        /// The server's.
        words: String,
    },
    /// Try again: it is not the points.
    Later {
        /// As the server asked; `None` if it did not.
        after: Option<Duration>,
        /// The HTTP status; `None` if there was no answer.
        status: Option<u16>,
        /// The server's, or those of the connection that failed.
        words: String,
    },
}

/// What the body of a trouble says.
#[derive(Default)]
struct Said {
    words: String,
    /// Lines that version 3 lists.
    listed: Option<u64>,
}

/// Reads an answer. `after` is what its `Retry-After` says; `whole` is whether that is
/// all of its body.
pub(super) fn read(status: u16, after: Option<Duration>, body: &str, whole: bool) -> Answer {
    if (200..300).contains(&status) {
        return Answer::Written;
    }
    let said = said(body);
    match status {
        // 1.x and 3.x: 400; 2.x: 400 or 422.
        400 | 422 if said.words.contains("partial write") => Answer::Partial {
            rejected: refused_of_partial(&said).filter(|_| whole),
            words: shorten(&said.words),
        },
        400 | 422 => Answer::Refused {
            status,
            words: shorten(&said.words),
        },
        413 => Answer::TooLarge {
            words: shorten(&said.words),
        },
        // Too busy, down for a moment; or a token, a database or a proxy that somebody
        // can put right.
        _ => Answer::Later {
            after,
            status: Some(status),
            words: format!("{}: {}", named(status), shorten(&said.words)),
        },
    }
}

/// Whether waiting alone helps; otherwise somebody has to put something right.
pub(super) fn passes(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// "404 Not Found".
pub(super) fn named(status: u16) -> String {
    StatusCode::from_u16(status).map_or_else(|_| status.to_string(), |status| status.to_string())
}

/// 1.x and 2.x end with `dropped=N`, the points of conflicting types or beyond the
/// retention, after a line for each point that could not be parsed (*seen* on 1.6.7):
/// these quote the points, so only what begins and ends a line counts. 3.x lists the
/// points, other builds of it no more than 100.
fn refused_of_partial(said: &Said) -> Option<u64> {
    if let Some(listed) = said.listed {
        return (listed < LISTED).then_some(listed);
    }
    let words = said.words.trim_start_matches("partial write: ");
    let unparsed = words.lines().filter(|line| line.starts_with(UNPARSED));
    let dropped = words.trim_end().rsplit_once(" dropped=");
    let dropped = dropped.and_then(|(_, number)| number.parse::<u64>().ok());
    let refused = dropped?.saturating_add(unparsed.count() as u64);
    (refused > 0).then_some(refused)
}

/// The message in a body: 1.x says `{"error":..}`, 2.x `{"code":..,"message":..}`,
/// 3.x `{"error":..,"data":..}` with the lines, proxies whatever they like.
fn said(body: &str) -> Said {
    #[derive(Deserialize)]
    struct Body {
        #[serde(alias = "message")]
        error: String,
        #[serde(default)]
        data: Option<Data>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Data {
        Lines(Vec<Line>),
        Line(Line),
        Other(serde::de::IgnoredAny),
    }
    #[derive(Deserialize)]
    struct Line {
        error_message: String,
    }
    let Ok(body) = serde_json::from_str::<Body>(body) else {
        let words = body.to_owned();
        return Said {
            words,
            listed: None,
        };
    };
    let (first, listed) = match body.data {
        Some(Data::Lines(lines)) => {
            let count = lines.len() as u64;
            let first = lines.into_iter().next().map(|line| line.error_message);
            (first, Some(count).filter(|count| *count > 0))
        }
        Some(Data::Line(line)) => (Some(line.error_message), None),
        Some(Data::Other(_)) | None => (None, None),
    };
    let words = match first {
        Some(first) => format!("{}: {first}", body.error),
        None => body.error,
    };
    Said { words, listed }
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

    fn answer(status: u16, body: &str) -> Answer {
        read(status, None, body, true)
    }

    fn rejected(status: u16, body: &str) -> Option<u64> {
        match answer(status, body) {
            Answer::Partial { rejected, .. } => rejected,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn success() {
        assert_eq!(answer(204, ""), Answer::Written);
        assert_eq!(answer(200, ""), Answer::Written);
    }

    #[test]
    fn partial_writes_say_how_many() {
        let conflict = r#"{"error":"partial write: field type conflict: input field \"f\" on measurement \"m\" is type string, already exists as type float dropped=3"}"#;
        assert_eq!(rejected(400, conflict), Some(3));
        let unparsed = r#"{"error":"partial write: unable to parse 'a': missing fields\nunable to parse 'b': missing fields dropped=0"}"#;
        assert_eq!(rejected(400, unparsed), Some(2));
        let retention = r#"{"code":"unprocessable entity","message":"partial write: beyond retention dropped=999"}"#;
        assert_eq!(rejected(422, retention), Some(999));
        assert_eq!(
            rejected(400, r#"{"error":"partial write: who knows"}"#),
            None
        );
    }

    #[test]
    fn what_a_quoted_line_says_is_no_number() {
        let quoted = r#"{"error":"partial write: unable to parse 'm,p=/unable to parse ' dropped=7 f': bad timestamp dropped=0"}"#;
        assert_eq!(rejected(400, quoted), Some(1));
        let cut = read(
            400,
            None,
            "partial write: unable to parse 'm dropped=7",
            false,
        );
        assert!(matches!(cut, Answer::Partial { rejected: None, .. }));
    }

    #[test]
    fn version_3_lists_the_lines() {
        let line =
            r#"{"original_line":"m f=hi 1","line_number":2,"error_message":"invalid column type"}"#;
        let partial = |count| {
            let lines = vec![line; count].join(",");
            format!(r#"{{"error":"partial write of line protocol occurred","data":[{lines}]}}"#)
        };
        assert_eq!(rejected(400, &partial(2)), Some(2));
        assert_eq!(rejected(400, &partial(100)), None, "there may be more");
        let whole = format!(r#"{{"error":"parsing failed for write_lp endpoint","data":{line}}}"#);
        assert_eq!(
            answer(400, &whole),
            Answer::Refused {
                status: 400,
                words: "parsing failed for write_lp endpoint: invalid column type".into()
            }
        );
    }

    #[test]
    fn refusals_carry_the_servers_words() {
        let words = r#"{"code":"invalid","message":"unable to parse 'x'"}"#;
        assert_eq!(
            answer(422, words),
            Answer::Refused {
                status: 422,
                words: "unable to parse 'x'".into()
            }
        );
        assert!(matches!(answer(413, "nginx"), Answer::TooLarge { .. }));
    }

    #[test]
    fn what_is_not_about_the_points_is_waited_out() {
        for (status, body, said) in [
            (
                404,
                r#"{"error":"database not found: \"x\""}"#,
                "404 Not Found: database not found: \"x\"",
            ),
            (
                401,
                r#"{"code":"unauthorized","message":"unauthorized access"}"#,
                "401 Unauthorized: unauthorized access",
            ),
            (302, "", "302 Found: "),
            (
                429,
                "slow\n\x1b[31mdown",
                "429 Too Many Requests: slow [31mdown",
            ),
        ] {
            let Answer::Later { words, .. } = answer(status, body) else {
                panic!("{status} waits");
            };
            assert_eq!(words, said);
        }
        assert!(passes(503) && !passes(401) && !passes(302));
    }

    #[test]
    fn long_words_are_cut() {
        let Answer::Refused { words, .. } = answer(400, &"é".repeat(5000)) else {
            panic!("refused");
        };
        assert_eq!(words.chars().count(), WORDS + 3);
    }
}
