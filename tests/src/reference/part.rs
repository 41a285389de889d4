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
    /// `server_time + queue_time`: until a daemon has read the request. Both sides
    /// draw the line between the two at different places, see `anatomy.rs`.
    UntilDaemon,
    /// `daemon_time`.
    Daemon,
    /// `application_time`.
    Application,
    /// `daemon_time + application_time` (embedded: `server_time + ...`): the
    /// line between these two is another of the same kind.
    ToTheEnd,
}

impl Part {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::Server,
        Self::Queue,
        Self::UntilDaemon,
        Self::Daemon,
        Self::Application,
        Self::ToTheEnd,
    ];

    /// What mod_wsgi says of it, microseconds.
    pub(super) fn theirs(self, event: &Event) -> Option<f64> {
        match self {
            Self::Server => Some(event.server_us()),
            Self::Queue => event.queue_us(),
            Self::UntilDaemon => event.queue_us().map(|queue| event.server_us() + queue),
            Self::Daemon => event.daemon_us(),
            Self::Application => Some(event.application_us()),
            Self::ToTheEnd => {
                Some(event.daemon_us().unwrap_or(event.server_us()) + event.application_us())
            }
        }
    }

    /// What wsgiprobe says of it, microseconds.
    pub(super) fn ours(self, request: &Request, in_daemon: bool) -> Option<f64> {
        let both = |one: Option<u64>, other: Option<u64>| Some(one? + other?);
        let first = if in_daemon {
            request.daemon_time
        } else {
            request.server_time
        };
        let time = match self {
            Self::Server => request.server_time,
            Self::Queue => request.queue_time,
            Self::UntilDaemon if in_daemon => both(request.server_time, request.queue_time),
            Self::UntilDaemon => None,
            Self::Daemon => request.daemon_time,
            Self::Application => request.application_time,
            Self::ToTheEnd => both(first, request.application_time),
        };
        time.map(|nanoseconds| nanoseconds as f64 / 1000.0)
    }
}
