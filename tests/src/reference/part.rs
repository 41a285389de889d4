//! The parts that both mod_wsgi and wsgiprobe know.

use super::Event;
use crate::report::Request;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `server_time`.
    Server,
    /// `queue_time`.
    Queue,
    /// `daemon_time`.
    Daemon,
    /// `application_time`.
    Application,
    /// `daemon_time + application_time` (embedded: `server_time + ...`): both sides
    /// draw the line between the two at different places, see `anatomy.rs`.
    ToTheEnd,
}

impl Part {
    pub(super) const ALL: [Self; 5] = [
        Self::Server,
        Self::Queue,
        Self::Daemon,
        Self::Application,
        Self::ToTheEnd,
    ];

    /// What mod_wsgi says of it, microseconds.
    pub(super) fn theirs(self, event: &Event) -> Option<f64> {
        match self {
            Self::Server => Some(event.server_us()),
            Self::Queue => event.queue_us(),
            Self::Daemon => event.daemon_us(),
            Self::Application => Some(event.application_us()),
            Self::ToTheEnd => {
                Some(event.daemon_us().unwrap_or(event.server_us()) + event.application_us())
            }
        }
    }

    /// What wsgiprobe says of it, microseconds.
    pub(super) fn ours(self, request: &Request, in_daemon: bool) -> Option<f64> {
        let time = match self {
            Self::Server => request.server_time,
            Self::Queue => request.queue_time,
            Self::Daemon => request.daemon_time,
            Self::Application => request.application_time,
            Self::ToTheEnd => {
                let before = if in_daemon {
                    request.daemon_time
                } else {
                    request.server_time
                };
                before
                    .zip(request.application_time)
                    .map(|(before, application)| before + application)
            }
        };
        time.map(|nanoseconds| nanoseconds as f64 / 1000.0)
    }
}
