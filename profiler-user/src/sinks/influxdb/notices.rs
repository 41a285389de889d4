//! What the operator is told: each trouble once.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::{Duration, Instant};

use super::answer::{self, Answer};
use super::settings::{Settings, SpoolSettings, Target};
use crate::sinks::{Condition, Notices};

/// A server that comes and goes (over its rate, say) is told of no more often.
const AWAY_AGAIN: Duration = Duration::from_mins(1);

/// Tells, and remembers what it told.
#[derive(Debug)]
pub(super) struct Teller {
    notices: Notices,
    /// `influxdb at http://127.0.0.1:8086`
    server: String,
    version: Version,
    /// Where points wait on disk.
    spool: Option<SpoolSettings>,
    spool_trouble: bool,
    spool_was_full: bool,
    /// Statuses of which it was told that points are refused with them.
    refusals: HashSet<u16>,
    presence: Presence,
    /// With what it was away, in this absence.
    away_with: HashSet<Option<u16>>,
    /// When that was last told.
    told_away: HashMap<Option<u16>, Instant>,
    condition: Condition,
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
    V3,
}

impl Teller {
    pub(super) fn new(
        settings: &Settings,
        url: &str,
        notices: Notices,
        condition: Condition,
    ) -> Self {
        Self {
            notices,
            server: format!("influxdb at {}", url.trim_end_matches('/')),
            version: match settings.target {
                Target::V1 { .. } => Version::V1,
                Target::V2 { .. } => Version::V2,
                Target::V3 { .. } => Version::V3,
            },
            spool: settings.spool.clone(),
            spool_trouble: false,
            spool_was_full: false,
            refusals: HashSet::new(),
            presence: Presence::There,
            away_with: HashSet::new(),
            told_away: HashMap::new(),
            condition,
        }
    }

    /// The server does not take points now; once per absence and status.
    pub(super) fn away(&mut self, status: Option<u16>, words: &str) {
        // Not with the server's own words: others may read that.
        self.condition.fails(match status {
            Some(status) => format!("refused: {}", answer::named(status)),
            None => format!("away: {words}"),
        });
        if !self.away_with.insert(status) {
            return;
        }
        let last = self.told_away.get(&status);
        let tell = last.is_none_or(|at| at.elapsed() >= AWAY_AGAIN);
        let told = tell || self.presence == Presence::Away { told: true };
        self.presence = Presence::Away { told };
        if tell {
            self.told_away.insert(status, Instant::now());
            let hint = status.map_or("", |status| self.hint(status));
            let kept = match &self.spool {
                Some(spool) => format!("are kept in {}", spool.dir.display()),
                None => "are kept".into(),
            };
            self.tell(&format!("{words}{hint}; points {kept} and sent later"));
        }
    }

    /// The server has answered; said only after it was said to be away.
    pub(super) fn back(&mut self) {
        self.condition.works();
        let before = std::mem::replace(&mut self.presence, Presence::There);
        self.away_with.clear();
        if before == (Presence::Away { told: true }) {
            self.tell("is there again");
        }
    }

    /// Points were refused for good; once per status.
    pub(super) fn refused(&mut self, answer: &Answer, lines: &str) {
        let (status, words) = match answer {
            Answer::Partial { words, .. } => (400, words),
            Answer::Refused { status, words } => (*status, words),
            Answer::TooLarge { words } => (413, words),
            Answer::Written | Answer::Later { .. } => return,
        };
        if !self.refusals.insert(status) {
            return;
        }
        let named = answer::named(status);
        // One alone is known to be at fault.
        let line = match lines.trim_end() {
            line if line.contains('\n') || words.contains(line) => String::new(),
            line => format!("; the point: {}", answer::shorten(line)),
        };
        self.tell(&format!(
            "refuses points, which are left out: {named}: {words}{line}"
        ));
    }

    /// The spool cannot be written to; once, until it can.
    pub(super) fn spool_fails(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.spool_trouble, true) {
            self.of_spool(&format!("{error}; points wait in memory"));
        }
    }

    /// The spool is written to; said only after it was said not to be.
    pub(super) fn spool_works(&mut self) {
        if std::mem::replace(&mut self.spool_trouble, false) {
            self.of_spool("can be written to again");
        }
    }

    /// Points were dropped from the spool; once.
    pub(super) fn spool_full(&mut self) {
        if !std::mem::replace(&mut self.spool_was_full, true) {
            self.of_spool("is full, the oldest points are dropped; --influx-spool-size makes room");
        }
    }

    /// What an earlier run left was found.
    pub(super) fn found(&self, points: u64, damaged: u64) {
        let damaged = match damaged {
            0 => String::new(),
            1 => "a write that was cut off was skipped".into(),
            n => format!("{n} damaged writes were skipped"),
        };
        let points = match points {
            0 => String::new(),
            n => format!("{n} points of an earlier run wait, and are sent first"),
        };
        let said: Vec<_> = [points, damaged]
            .into_iter()
            .filter(|s| !s.is_empty())
            .collect();
        if !said.is_empty() {
            self.of_spool(&said.join("; "));
        }
    }

    fn of_spool(&self, what: &str) {
        if let Some(spool) = &self.spool {
            let dir = spool.dir.display();
            let _ = self.notices.send(format!("influxdb: spool {dir}: {what}"));
        }
    }

    fn hint(&self, status: u16) -> &'static str {
        match (status, self.version) {
            (401 | 403, Version::V1) => {
                " (set INFLUX_USER and INFLUX_PASSWORD; InfluxDB 3 needs --influx-api 3)"
            }
            (401 | 403, _) => " (check INFLUX_TOKEN or --influx-token-file)",
            (404, Version::V1) => " (create the database or name another with --influx-db)",
            (404, Version::V2) => " (check --influx-org and --influx-bucket)",
            (404, Version::V3) => " (check --influx-url: it has no /api/v3/write_lp)",
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
            spool: None,
            spool_trouble: false,
            spool_was_full: false,
            refusals: HashSet::new(),
            presence: Presence::There,
            away_with: HashSet::new(),
            told_away: HashMap::new(),
            condition: Condition::new("influxdb"),
        };
        let condition = teller.condition.clone();
        for _ in 0..5 {
            teller.away(Some(503), "busy");
            teller.away(Some(503), "busy");
            assert_eq!(
                condition.trouble().as_deref(),
                Some("refused: 503 Service Unavailable")
            );
            teller.back();
            assert_eq!(condition.trouble(), None);
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
