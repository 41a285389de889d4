//! The words that outputs use for the model's enumerations.

use crate::model::{Mode, Outcome};

/// How a request ended.
pub(crate) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::ClientClosed => "client_closed",
        Outcome::ServerClosed => "server_closed",
        Outcome::Timeout => "timeout",
        Outcome::Upgraded => "upgraded",
    }
}

/// Who served it.
pub(crate) const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Embedded => "embedded",
        Mode::Daemon => "daemon",
        Mode::Static => "static",
        Mode::Http => "http",
    }
}
