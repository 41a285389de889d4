//! What the operator is told: each trouble once.

use std::collections::HashSet;

use super::answer;
use super::settings::{Settings, Target};
use crate::sinks::Notices;

/// Tells, and remembers what it told.
#[derive(Debug)]
pub(super) struct Teller {
    notices: Notices,
    /// `influxdb at http://127.0.0.1:8086`
    server: String,
    version: Version,
    refusals: HashSet<u16>,
    away: bool,
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
            away: false,
        }
    }

    /// The server cannot take points now; once per absence.
    pub(super) fn away(&mut self, words: &str) {
        if !std::mem::replace(&mut self.away, true) {
            self.tell(&format!("{words}; points are kept and sent later"));
        }
    }

    /// The server has answered; said only after it was away.
    pub(super) fn back(&mut self) {
        if std::mem::take(&mut self.away) {
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
        if self.refusals.insert(0) {
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
