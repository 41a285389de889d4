//! mod_wsgi's own word on where the time of a request went, from the events that
//! it publishes to the application (`apps/events.py`).
//!
//! Its figures are differences of wall-clock stamps, in microseconds. Nothing of
//! it says how long a request waited before Apache read it.

mod compare;
mod part;

use anyhow::{Context, Result};
use serde::Deserialize;

pub use self::compare::Comparison;
pub use self::part::Part;

/// What mod_wsgi said of one request.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// Path as sent, without query.
    pub path: String,
    /// When Apache had read the request line: microseconds since the epoch.
    pub request_start: u64,
    /// When Apache turned to a daemon; 0 in embedded mode.
    pub queue_start: u64,
    /// When a daemon had accepted; 0 in embedded mode.
    pub daemon_start: u64,
    /// When the application was called.
    pub application_start: u64,
    /// When it was done, its `close()` included.
    pub application_finish: u64,
    /// In between, in seconds.
    pub application_time: f64,
    /// CPU of the thread in between, in seconds; not of a request that was there
    /// when the application was loaded.
    pub cpu_user_time: Option<f64>,
    /// The same for the kernel's own.
    pub cpu_system_time: Option<f64>,
    /// Of 6.x only: what of it was waiting for the GIL, in seconds.
    pub gil_wait_time: Option<f64>,
    /// What the callbacks took: seen from outside, a part of the request.
    pub callbacks_ns: u64,
}

impl Event {
    /// One line of the log.
    pub fn parse(line: &str) -> Result<Self> {
        serde_json::from_str(line).with_context(|| format!("not an event: {line}"))
    }

    /// Whether a daemon served it.
    #[must_use]
    pub fn in_daemon(&self) -> bool {
        self.daemon_start > 0
    }

    /// Microseconds in Apache before the application's part.
    #[must_use]
    pub fn server_us(&self) -> f64 {
        let end = if self.in_daemon() {
            self.queue_start
        } else {
            self.application_start
        };
        between(self.request_start, end)
    }

    /// Microseconds until a daemon had accepted; nothing in embedded mode.
    #[must_use]
    pub fn queue_us(&self) -> Option<f64> {
        self.in_daemon()
            .then(|| between(self.queue_start, self.daemon_start))
    }

    /// Microseconds from there to the application's start; nothing in embedded mode.
    #[must_use]
    pub fn daemon_us(&self) -> Option<f64> {
        self.in_daemon()
            .then(|| between(self.daemon_start, self.application_start))
    }

    /// Microseconds in the application.
    #[must_use]
    pub fn application_us(&self) -> f64 {
        between(self.application_start, self.application_finish)
    }

    /// Microseconds from Apache's reading to the application's end.
    #[must_use]
    pub fn whole_us(&self) -> f64 {
        between(self.request_start, self.application_finish)
    }
}

/// A wall clock may be set back.
fn between(from: u64, to: u64) -> f64 {
    to as f64 - from as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAEMON: &str = r#"{"path":"/hello/0/1","request_start":1000,"queue_start":1100,
        "daemon_start":1130,"application_start":1300,"application_finish":1420,
        "application_time":0.00012,"cpu_user_time":0.0,"cpu_system_time":null,
        "gil_wait_time":null,"callbacks_ns":9000}"#;

    #[test]
    fn takes_the_times_apart() {
        let event = Event::parse(DAEMON).expect("an event");
        assert_eq!(event.server_us() as i64, 100);
        assert_eq!(event.queue_us(), Some(30.0));
        assert_eq!(event.daemon_us(), Some(170.0));
        assert_eq!(event.application_us() as i64, 120);
        assert_eq!(event.whole_us() as i64, 420);
    }

    #[test]
    fn there_is_no_queue_when_embedded() {
        let text = DAEMON
            .replace("1100", "0")
            .replace(r#""daemon_start":1130"#, r#""daemon_start":0"#);
        let event = Event::parse(&text).expect("an event");
        assert_eq!((event.queue_us(), event.daemon_us()), (None, None));
        assert_eq!(event.server_us() as i64, 300);
    }
}
