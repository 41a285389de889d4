//! What the operator is told: each trouble once.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::answer;
use super::settings::{Settings, Target};
use crate::sinks::Notices;

/// A server that comes and goes (over its rate, say) is told of no more often.
const AWAY_AGAIN: Duration = Duration::from_mins(1);

/// Tells, and remembers what it told.
#[derive(Debug)]
pub(super) struct Teller {
    notices: Notices,
    /// `influxdb at http://127.0.0.1:8086`
    server: String,
    version: Version,
    refusals: HashSet<u16>,
    partly_refused: bool,
    presence: Presence,
    told_away: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    There,
    Away { told: bool },
}

#[derive(Clone, Copy, Debug)]
enum Version {
    V1,
    V2,
}

impl Teller {
    pub(super) fn new(settings: &Settings, url: &str, notices: Notices) -> Self {
        Self {
            notices,
            server: format!("influxdb at {}", url.trim_end_matches('/')),
            version: match settings.target {
                Target::V1 { .. } => Version::V1,
                Target::V2 { .. } => Version::V2,
            },
            refusals: HashSet::new(),
            partly_refused: false,
            presence: Presence::There,
            told_away: None,
        }
    }

    /// The server cannot take points now; once per absence.
    pub(super) fn away(&mut self, words: &str) {
        if self.presence != Presence::There {
            return;
        }
        let told = self.told_away.is_none_or(|at| at.elapsed() >= AWAY_AGAIN);
        self.presence = Presence::Away { told };
        if told {
            self.told_away = Some(Instant::now());
            self.tell(&format!("{words}; points are kept and sent later"));
        }
    }

    /// The server has answered; said only after it was said to be away.
    pub(super) fn back(&mut self) {
        let before = std::mem::replace(&mut self.presence, Presence::There);
        if before == (Presence::Away { told: true }) {
            self.tell("is there again");
        }
    }

    /// Points were refused for good; once per status.
    pub(super) fn refused(&mut self, status: u16, words: &str) {
        if self.refusals.insert(status) {
            let hint = self.hint(status);
            let status = answer::named(status);
            self.tell(&format!("refuses points: {status}: {words}{hint}"));
        }
    }

    /// Part of a write was refused for good; once.
    pub(super) fn partly_refused(&mut self, words: &str) {
        if !std::mem::replace(&mut self.partly_refused, true) {
            self.tell(&format!("refuses some points: {words}"));
        }
    }

    fn hint(&self, status: u16) -> &'static str {
        match (status, self.version) {
            (401 | 403, Version::V1) => "; set INFLUX_USER and INFLUX_PASSWORD",
            (401 | 403, Version::V2) => "; check INFLUX_TOKEN or --influx-token-file",
            (404, Version::V1) => "; create the database or name another with --influx-db",
            (404, Version::V2) => "; check --influx-org and --influx-bucket",
            _ => "",
        }
    }

    fn tell(&self, what: &str) {
        // Nobody listens any more: then there is nobody to tell.
        let _ = self.notices.send(format!("{}: {what}", self.server));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn a_server_that_comes_and_goes_does_not_fill_the_terminal() {
        let (notices, mut told) = mpsc::unbounded_channel();
        let mut teller = Teller {
            notices,
            server: "influxdb at x".into(),
            version: Version::V1,
            refusals: HashSet::new(),
            partly_refused: false,
            presence: Presence::There,
            told_away: None,
        };
        for _ in 0..5 {
            teller.away("busy");
            teller.away("busy");
            teller.back();
        }
        drop(teller);
        let told: Vec<_> = std::iter::from_fn(|| told.try_recv().ok()).collect();
        assert_eq!(
            told,
            [
                "influxdb at x: busy; points are kept and sent later",
                "influxdb at x: is there again"
            ]
        );
    }
}
