//! From an error to the exit status that scripts rely on.

use crate::output::clean;
use crate::{discovery, privileges, probe};

/// It failed while running.
pub const FAILED: u8 = 1;
/// Wrong usage, or no such target.
pub const USAGE: u8 = 2;
/// The kernel or the privileges do not allow it.
pub const REFUSED: u8 = 3;

/// The exit status for `error`.
#[must_use]
pub fn exit_status(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<privileges::Missing>() || cause.is::<privileges::Foreign>() {
            return REFUSED;
        }
        match cause.downcast_ref() {
            Some(probe::Error::Refused(_) | probe::Error::BackEnd { .. }) => return REFUSED,
            Some(probe::Error::Failed(_)) => return FAILED,
            None => {}
        }
        match cause.downcast_ref() {
            Some(discovery::Error::Proc(_)) => return FAILED,
            Some(_) => return USAGE,
            None => {}
        }
    }
    FAILED
}

/// What failed, then why, for stderr.
#[must_use]
pub fn report(error: &anyhow::Error) -> String {
    let causes = error.chain().map(|cause| {
        let text = cause.to_string();
        let lines: Vec<_> = text.split('\n').map(clean).collect();
        lines.join("\n")
    });
    format!(
        "error: {}",
        causes.collect::<Vec<_>>().join("\n  because: ")
    )
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn each_kind_has_its_status() {
        let refused = anyhow::Error::from(probe::Error::Refused("no BTF".into()));
        assert_eq!(exit_status(&refused), REFUSED);
        assert_eq!(exit_status(&privileges::Foreign.into()), REFUSED);
        let failed = anyhow::Error::from(probe::Error::Failed("EIO".into()));
        assert_eq!(exit_status(&failed), FAILED);
        let none = Err::<(), _>(discovery::Error::NoApache).context("looking around");
        assert_eq!(exit_status(&none.unwrap_err()), USAGE);
        assert_eq!(exit_status(&anyhow::anyhow!("anything")), FAILED);
    }

    #[test]
    fn a_name_steers_no_terminal() {
        let error = anyhow::anyhow!("process \x1b[2J serves nothing\n  as it is");
        assert_eq!(
            report(&error),
            "error: process \\x1b[2J serves nothing\n  as it is"
        );
    }

    #[test]
    fn says_what_and_why() {
        let error = anyhow::anyhow!("disk full").context("cannot write out.jsonl");
        assert_eq!(
            report(&error),
            "error: cannot write out.jsonl\n  because: disk full"
        );
    }
}
