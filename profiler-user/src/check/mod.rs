//! `wsgiprobe check`: can this host run it, how, and what will be missing.
//!
//! Each back end is loaded and attached, watching nothing, and taken out again:
//! what the kernel says then is the answer, whatever its version.
//!
//! - `host`: what can be told without trying.
//! - `text`: the table for people; scripts get the report itself as JSON.

mod host;
mod text;

use serde::Serialize;

use crate::limits::Limits;
use crate::privileges;
use crate::probe::{self, BackEnd, Probe, Types};
use host::Host;

/// What was found out. The keys of its JSON are read by scripts.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether any back end works.
    usable: bool,
    /// The one that `--hooks auto` takes.
    auto: Option<&'static str>,
    #[serde(flatten)]
    host: Host,
    back_ends: Vec<Trial>,
}

/// One back end, tried.
#[derive(Debug, Serialize)]
struct Trial {
    name: &'static str,
    usable: bool,
    /// Why it is not: the kernel's own words.
    reason: Option<String>,
    /// How long load and attach took, milliseconds.
    attach_ms: Option<f64>,
    /// Why its programs are those for kernels before 5.18, if they are.
    old_because: Option<String>,
    /// Every program that was loaded for it.
    programs: Vec<Program>,
    /// Whether mod_wsgi's requests can be told from others.
    uprobe: Option<Answer>,
    /// What it would not see on this kernel.
    missing: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Program {
    name: String,
    /// What the verifier went through; `None` where the kernel does not say (before 5.16).
    instructions_processed: Option<u32>,
}

/// Yes, or why not.
#[derive(Debug, Serialize)]
struct Answer {
    usable: bool,
    reason: Option<String>,
}

impl<E: ToString> From<Result<(), E>> for Answer {
    fn from(result: Result<(), E>) -> Self {
        Self {
            usable: result.is_ok(),
            reason: result.err().map(|why| why.to_string()),
        }
    }
}

impl Report {
    /// Tries everything.
    #[must_use]
    pub fn of_this_host() -> Self {
        let types = Types::of_kernel();
        let host = Host::look(types.as_ref().map(|_| ()));
        let back_ends: Vec<Trial> = BackEnd::ALL
            .into_iter()
            .map(|back_end| Trial::of(back_end, types.as_ref().ok()))
            .collect();
        let auto = back_ends.iter().find(|trial| trial.usable);
        Self {
            usable: auto.is_some(),
            auto: auto.map(|trial| trial.name),
            host,
            back_ends,
        }
    }

    /// Whether any back end works.
    #[must_use]
    pub fn usable(&self) -> bool {
        self.usable
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        text::of(self)
    }

    /// For scripts, on one line.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|line| line + "\n")
    }
}

impl Trial {
    fn of(back_end: BackEnd, types: Option<&Types>) -> Self {
        let mut trial = Self {
            name: back_end.name(),
            usable: false,
            reason: None,
            attach_ms: None,
            old_because: None,
            programs: Vec::new(),
            uprobe: None,
            missing: types.map_or_else(Vec::new, |types| back_end.missing(types)),
        };
        match attach(back_end) {
            Ok(mut probe) => {
                trial.usable = true;
                trial.attach_ms = Some(probe.attach_time().as_micros() as f64 / 1e3);
                trial.old_because = probe.not_new().map(str::to_owned);
                trial.uprobe = Some(probe.try_uprobe().into());
                let programs = probe.programs().into_iter();
                trial.programs = programs
                    .map(|(name, instructions_processed)| Program {
                        name,
                        instructions_processed,
                    })
                    .collect();
            }
            Err(why) => trial.reason = Some(why),
        }
        trial
    }
}

fn attach(back_end: BackEnd) -> Result<Probe, String> {
    privileges::check().map_err(|missing| missing.to_string())?;
    let settings = probe::Settings {
        hooks: Some(back_end),
        limits: Limits::SMALLEST,
        uprobe: true,
        follow: probe::Follow::default(),
    };
    Probe::attach(&settings).map_err(|error| match error {
        // The name is beside it already.
        probe::Error::BackEnd { why, .. } => why,
        other => other.to_string(),
    })
}
