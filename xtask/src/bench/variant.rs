//! What is compared: nothing, wsgiprobe's back ends, instruments in the process.

use clap::ValueEnum;
use serde::Serialize;

/// What is done to the server while it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// Nothing.
    Bare,
    /// Nothing, once more: what the method makes of no difference.
    BareAgain,
    /// wsgiprobe through socket tracepoints.
    Sock,
    /// wsgiprobe through fexit programs.
    Fentry,
    /// wsgiprobe through syscall tracepoints.
    Syscall,
    /// mod_wsgi's events, reported in batches.
    Events,
    /// A WSGI middleware that reports each request at its end.
    Middleware,
    /// A decorator that reports each request.
    Decorator,
}

impl Variant {
    /// As the tables and the command line call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::BareAgain => "bare-again",
            Self::Sock => "sock",
            Self::Fentry => "fentry",
            Self::Syscall => "syscall",
            Self::Events => "events",
            Self::Middleware => "middleware",
            Self::Decorator => "decorator",
        }
    }

    /// wsgiprobe's `--hooks`, if this is wsgiprobe.
    pub fn hooks(self) -> Option<&'static str> {
        match self {
            Self::Sock | Self::Fentry | Self::Syscall => Some(self.name()),
            _ => None,
        }
    }

    /// Whether it reports from inside the process, to an InfluxDB.
    pub fn is_inside(self) -> bool {
        matches!(self, Self::Events | Self::Middleware | Self::Decorator)
    }

    /// Its script in `deploy/compare`: all others leave the application as it is.
    pub fn script(self) -> &'static str {
        if self.is_inside() {
            self.name()
        } else {
            "bare"
        }
    }
}

/// Where the application runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In Apache's child, whose threads are the pool.
    Embedded,
    /// In a daemon process, whose threads are the pool.
    Daemon,
}

impl Mode {
    /// As the tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Daemon => "daemon",
        }
    }

    /// What the configuration asks for it by.
    pub fn define(self) -> &'static str {
        match self {
            Self::Embedded => "EMBEDDED",
            Self::Daemon => "DAEMON",
        }
    }
}

/// Apache's way to spread connections over threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mpm {
    /// A thread for each request; idle connections wait in the listener.
    #[default]
    Event,
    /// A thread for each connection.
    Worker,
}

impl Mpm {
    /// As its module is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Worker => "worker",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn names_are_those_of_the_command_line_and_of_the_json() {
        for variant in Variant::value_variants() {
            let value = variant.to_possible_value().unwrap();
            assert_eq!(value.get_name(), variant.name());
            assert_eq!(serde_json::json!(variant), variant.name());
        }
    }

    #[test]
    fn every_script_is_there() {
        for variant in Variant::value_variants() {
            let file = workspace::root()
                .join("deploy/compare")
                .join(format!("{}.wsgi", variant.script()));
            assert!(file.is_file(), "{}", file.display());
        }
    }
}
