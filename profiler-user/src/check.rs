//! `wsgiprobe check`: can this host run it, and how.
//!
//! Each back end is loaded and attached, watching nothing, and taken out again:
//! what the kernel says then is the answer, whatever its version.

use std::fmt::Write as _;

use rustix::system::uname;

use crate::limits::Limits;
use crate::privileges;
use crate::probe::{self, BackEnd, Probe};

/// What was found out.
#[derive(Debug)]
pub struct Report {
    lines: Vec<(&'static str, String)>,
    usable: bool,
}

impl Report {
    /// Tries everything.
    #[must_use]
    pub fn of_this_host() -> Self {
        let mut lines = vec![("kernel", uname().release().to_string_lossy().into_owned())];
        let btf = match std::fs::metadata(probe::BTF_PATH) {
            Ok(_) => format!("{} is there", probe::BTF_PATH),
            Err(error) => format!("{}: {error}", probe::BTF_PATH),
        };
        lines.push(("types", btf));
        if let Err(missing) = privileges::check() {
            lines.push(("rights", missing.to_string()));
            return Self {
                lines,
                usable: false,
            };
        }
        lines.push(("rights", "enough".into()));
        let mut usable = false;
        for back_end in BackEnd::ALL {
            let verdict = match attach(back_end) {
                Ok(probe) => {
                    usable = true;
                    format!("usable, attached in {} ms", probe.attach_time().as_millis())
                }
                Err(error) => format!("not usable: {error}"),
            };
            lines.push((back_end.name(), verdict));
        }
        Self { lines, usable }
    }

    /// Whether any back end works.
    #[must_use]
    pub fn usable(&self) -> bool {
        self.usable
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (subject, verdict) in &self.lines {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{subject:<8}  {verdict}");
        }
        text
    }
}

fn attach(back_end: BackEnd) -> Result<Probe, probe::Error> {
    Probe::attach(&probe::Settings {
        hooks: Some(back_end),
        limits: Limits::SMALLEST,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_found() {
        let report = Report {
            lines: vec![("kernel", "6.1".into()), ("sock", "usable".into())],
            usable: true,
        };
        assert_eq!(report.text(), "kernel    6.1\nsock      usable\n");
    }
}
