//! The slowest requests, whole: what waterfalls are drawn of.

use serde::Serialize;

use super::sample::PARTS;
use crate::aggregate::{SHARES, Shares};
use crate::identity;
use crate::model::Request;
use crate::sinks::names;

/// How many are kept; of one window at most [`MAX_SLOWEST`](crate::aggregate::MAX_SLOWEST).
pub const MAX_SLOW: usize = 25;

/// Bytes of a path or method that are kept.
const MAX_TEXT: usize = 256;

/// One of them. Durations are nanoseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Slow {
    /// When it began, milliseconds since the epoch.
    #[serde(rename = "s")]
    time_ms: u64,
    #[serde(rename = "m")]
    method: String,
    #[serde(rename = "p")]
    path: String,
    #[serde(rename = "r")]
    route: String,
    #[serde(rename = "z")]
    status: Option<u16>,
    #[serde(rename = "o")]
    outcome: &'static str,
    #[serde(rename = "k")]
    mode: Option<&'static str>,
    #[serde(rename = "d")]
    duration: u64,
    /// [`PARTS`].
    #[serde(rename = "a")]
    parts: [Option<u64>; PARTS.len()],
    #[serde(rename = "f")]
    ttfb: Option<u64>,
    /// `None` where a thread's account is missing.
    #[serde(rename = "w")]
    shares: Option<[u64; SHARES]>,
    #[serde(rename = "u")]
    upstream: Option<String>,
    #[serde(rename = "i")]
    pid: u32,
    /// What one calls the container.
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    container: Option<String>,
}

impl Slow {
    fn new(request: &Request) -> Self {
        let times = &request.times;
        let container = request.container.as_deref();
        Self {
            time_ms: request.time_unix_ns / 1_000_000,
            method: cut(request.method.as_deref().unwrap_or("-")),
            path: cut(request.path.as_deref().unwrap_or("-")),
            route: cut(&request.route),
            status: request.status,
            outcome: names::outcome(request.outcome),
            mode: request.mode.map(names::mode),
            duration: times.duration.unwrap_or(0),
            parts: [
                times.accept_wait,
                times.server_time,
                times.queue_time,
                times.daemon_time,
                times.application_time,
                times.send_time,
            ],
            ttfb: times.ttfb,
            shares: Shares::of(request).map(|shares| shares.all()),
            upstream: request.upstream.as_deref().map(cut),
            pid: request.daemon_pid.unwrap_or(request.pid),
            container: container.map(|container| cut(&identity::name(container))),
        }
    }
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_TEXT);
    if end == text.len() {
        return text.into();
    }
    format!("{}…", &text[..end])
}

/// The slowest first.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Slowest(Vec<Slow>);

impl Slowest {
    /// Takes those of a window; says whether any was slow enough.
    pub fn push(&mut self, requests: &[Request]) -> bool {
        let mut changed = false;
        for request in requests {
            let duration = request.times.duration.unwrap_or(0);
            let place = self.0.partition_point(|kept| kept.duration >= duration);
            if place < MAX_SLOW {
                self.0.truncate(MAX_SLOW - 1);
                self.0.insert(place, Slow::new(request));
                changed = true;
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::tests::{docker, in_pod};
    use crate::request::sample;

    fn request(ns: u64, path: &str) -> Request {
        let mut request = sample::request(path);
        request.times.duration = Some(ns);
        request
    }

    #[test]
    fn the_slowest_stay() {
        let mut slowest = Slowest::default();
        for ns in 0..100 {
            slowest.push(&[request(ns, "/")]);
        }
        assert!(!slowest.push(&[request(1, "/")]));
        assert!(slowest.push(&[request(80, "/later")]));
        let kept: Vec<u64> = slowest.0.iter().map(|slow| slow.duration).collect();
        assert_eq!(kept.len(), MAX_SLOW);
        assert!(kept.is_sorted_by(|a, b| a >= b));
        assert_eq!((kept[0], kept[20]), (99, 80));
        assert_eq!(slowest.0[20].path, "/later");
    }

    #[test]
    fn a_container_is_named_where_there_is_one() {
        let json = |container| {
            let mut request = request(1, "/");
            request.container = container;
            serde_json::to_value(Slow::new(&request)).unwrap()
        };
        assert_eq!(json(Some(in_pod("front-1")))["c"], "shop/front-1");
        assert_eq!(json(Some(docker(7)))["c"], "000000000000");
        assert_eq!(json(None).get("c"), None);
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let slow = Slow::new(&request(1, &"é".repeat(500)));
        assert_eq!(slow.path.chars().count(), MAX_TEXT / 2 + 1);
        assert!(slow.path.ends_with('…'));
    }
}
