//! Whether both sides agree on the time of day: a check of clocks, not of speed.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::access_log::Entry;
use crate::emulated::patiently;
use crate::report::Request;

/// How long a thread may wait for a processor before it looks at the clock.
const SLACK: Duration = Duration::from_secs(5);

/// When Apache was done with what came before on the same connection.
pub struct Clocks(HashMap<(u16, u64), SystemTime>);

impl Clocks {
    pub fn of(entries: &[Entry]) -> Self {
        let mut sorted: Vec<_> = entries.iter().collect();
        sorted.sort_by_key(|entry| (entry.client_port, entry.start_us));
        let pairs = sorted.windows(2).filter_map(|pair| {
            let &[before, entry] = pair else { return None };
            let same = before.client_port == entry.client_port;
            same.then(|| (key(entry), at(before.start_us + before.duration_us)))
        });
        Self(pairs.collect())
    }

    /// Whether the logged time fits the reported one: it is that of the complete
    /// request line, so for one that was read ahead in a pipeline not before its
    /// turn, and for one that came in pieces not before the last of them.
    pub fn agree(&self, entry: &Entry, request: &Request) -> bool {
        let Ok(read) = humantime::parse_rfc3339(&request.time) else {
            return false;
        };
        let whole = read + Duration::from_nanos(request.read_time.unwrap_or(0));
        let turn = self.0.get(&key(entry)).copied().unwrap_or(whole);
        let (logged, slack) = (at(entry.start_us), patiently(SLACK));
        read < logged + slack && logged < whole.max(turn) + slack
    }
}

fn key(entry: &Entry) -> (u16, u64) {
    (entry.client_port, entry.start_us)
}

fn at(us: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(us)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logged at `start` seconds of the epoch, for a tenth of a second.
    fn entry(start: u64) -> Entry {
        let us = start * 1_000_000;
        let line = format!("{us}\t100000\t200\t84\t174\t+\t41234\t77\tGET\tGET / HTTP/1.1");
        Entry::parse(&line).expect("a log line")
    }

    fn request(time: u64, read_time: u64) -> Request {
        let text = include_str!("../../fixtures/request.json");
        let mut value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        value["time"] = humantime::format_rfc3339(at(time * 1_000_000))
            .to_string()
            .into();
        value["read_time"] = (read_time * 1_000_000_000).into();
        serde_json::from_value(value).expect("a request")
    }

    #[test]
    fn a_clock_that_is_wrong_is_noticed() {
        let entries = [entry(1000)];
        let clocks = Clocks::of(&entries);
        for (time, right) in [(900, false), (999, true), (1004, true), (1006, false)] {
            assert_eq!(
                clocks.agree(&entries[0], &request(time, 0)),
                right,
                "{time}"
            );
        }
    }

    #[test]
    fn a_slow_line_and_a_place_in_a_pipeline_are_allowed_for() {
        let entries = [entry(1000), entry(1020)];
        let clocks = Clocks::of(&entries);
        assert!(!clocks.agree(&entries[1], &request(1001, 0)));
        assert!(clocks.agree(&entries[1], &request(1001, 18)));
        // The one before took its time.
        let mut entries = entries;
        entries[0].duration_us = 18_000_000;
        let clocks = Clocks::of(&entries);
        assert!(clocks.agree(&entries[1], &request(1001, 0)));
        assert!(!clocks.agree(&entries[1], &request(1040, 0)));
    }
}
