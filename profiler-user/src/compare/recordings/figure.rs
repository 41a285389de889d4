//! What is compared of a route: means over its requests.

use crate::model::{Request, Wait};

/// The requests that a figure is the mean of: those of which it can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// All.
    All,
    /// Those that were answered.
    Timed,
    /// Those whose duration is divided into parts; a part that one of them has not (the
    /// queue, embedded) is zero.
    Divided,
    /// The first of each connection.
    Accepted,
    /// Those whose head was seen to arrive.
    Read,
    /// Those whose threads were watched.
    Accounted,
}

/// Kinds of [`Base`].
pub const BASES: usize = 6;

impl Base {
    const ALL: [Self; BASES] = [
        Self::All,
        Self::Timed,
        Self::Divided,
        Self::Accepted,
        Self::Read,
        Self::Accounted,
    ];

    fn has(self, request: &Request) -> bool {
        let times = &request.times;
        match self {
            Self::All => true,
            Self::Timed => times.duration.is_some(),
            Self::Divided => {
                let mut parts = PARTS.map(|part| part.of(request)).into_iter();
                times.duration.is_some() && parts.any(|part| part.is_some())
            }
            Self::Accepted => times.accept_wait.is_some(),
            Self::Read => times.read_time.is_some(),
            Self::Accounted => request.spent.is_some(),
        }
    }
}

/// A figure of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Request line complete to last write.
    Duration,
    /// A part of it.
    Server,
    /// A part of it.
    Queue,
    /// A part of it.
    Daemon,
    /// A part of it.
    Application,
    /// A part of it.
    Send,
    /// CPU time of all its threads.
    Cpu,
    /// What they waited for: on the run queue.
    Runqueue,
    /// For a lock.
    Lock,
    /// For another server.
    Upstream,
    /// For the client.
    Client,
    /// For a disk.
    Disk,
    /// For time to pass.
    Sleep,
    /// For something else.
    Other,
    /// Before the request: the connection waited to be taken.
    AcceptWait,
    /// Before the duration: first byte to head complete.
    ReadTime,
    /// Status 500 or above.
    Errors,
    /// Nothing was written.
    Unanswered,
}

/// Kinds of [`Figure`].
pub const FIGURES: usize = 18;

/// The parts of the duration: they add up to it, but for what goes on after the last write.
pub const PARTS: [Figure; 5] = [
    Figure::Server,
    Figure::Queue,
    Figure::Daemon,
    Figure::Application,
    Figure::Send,
];

/// What the threads did, whoever had the request: of all threads together, so that it
/// may come to more than the duration.
pub const THREADS: [Figure; 8] = [
    Figure::Cpu,
    Figure::Runqueue,
    Figure::Lock,
    Figure::Upstream,
    Figure::Client,
    Figure::Disk,
    Figure::Sleep,
    Figure::Other,
];

/// What a change of a route can be: none of these is in another.
pub const HEADS: [Figure; 5] = [
    Figure::Duration,
    Figure::AcceptWait,
    Figure::ReadTime,
    Figure::Errors,
    Figure::Unanswered,
];

impl Figure {
    /// All.
    pub const ALL: [Self; FIGURES] = [
        Self::Duration,
        Self::Server,
        Self::Queue,
        Self::Daemon,
        Self::Application,
        Self::Send,
        Self::Cpu,
        Self::Runqueue,
        Self::Lock,
        Self::Upstream,
        Self::Client,
        Self::Disk,
        Self::Sleep,
        Self::Other,
        Self::AcceptWait,
        Self::ReadTime,
        Self::Errors,
        Self::Unanswered,
    ];

    /// As the other outputs call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::Server => "server_time",
            Self::Queue => "queue_time",
            Self::Daemon => "daemon_time",
            Self::Application => "application_time",
            Self::Send => "send_time",
            Self::Cpu => "cpu",
            Self::Runqueue => "wait_runqueue",
            Self::Lock => "wait_lock",
            Self::Upstream => "wait_upstream",
            Self::Client => "wait_client",
            Self::Disk => "wait_disk",
            Self::Sleep => "wait_sleep",
            Self::Other => "wait_other",
            Self::AcceptWait => "accept_wait",
            Self::ReadTime => "read_time",
            Self::Errors => "errors",
            Self::Unanswered => "unanswered",
        }
    }

    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        let name = self.name();
        let word = name.strip_suffix("_time").unwrap_or(name);
        word.strip_prefix("wait_").unwrap_or(word)
    }

    /// What it is the mean of.
    #[must_use]
    pub const fn base(self) -> Base {
        match self {
            Self::Duration => Base::Timed,
            Self::Server | Self::Queue | Self::Daemon | Self::Application | Self::Send => {
                Base::Divided
            }
            Self::AcceptWait => Base::Accepted,
            Self::ReadTime => Base::Read,
            Self::Errors | Self::Unanswered => Base::All,
            _ => Base::Accounted,
        }
    }

    /// Whether it is a time, and not a share of the requests.
    #[must_use]
    pub const fn is_time(self) -> bool {
        !matches!(self, Self::Errors | Self::Unanswered)
    }

    /// What a unit of [`of`](Self::of) is: seconds, or one.
    #[must_use]
    pub const fn unit(self) -> f64 {
        if self.is_time() { 1e-9 } else { 1.0 }
    }

    /// Nanoseconds, or 1 for yes; `None` where it is not known.
    #[must_use]
    pub fn of(self, request: &Request) -> Option<u64> {
        let times = &request.times;
        match self {
            Self::Duration => times.duration,
            Self::Server => times.server_time,
            Self::Queue => times.queue_time,
            Self::Daemon => times.daemon_time,
            Self::Application => times.application_time,
            Self::Send => times.send_time,
            Self::Cpu => request.cpu(),
            Self::Runqueue => request.waited(Wait::Runqueue),
            Self::Lock => request.waited(Wait::Lock),
            Self::Upstream => request.waited(Wait::Upstream),
            Self::Client => request.waited(Wait::Client),
            Self::Disk => request.waited(Wait::Disk),
            Self::Sleep => request.waited(Wait::Sleep),
            Self::Other => request.waited(Wait::Other),
            Self::AcceptWait => times.accept_wait,
            Self::ReadTime => times.read_time,
            Self::Errors => Some(request.status.is_some_and(|status| status >= 500).into()),
            Self::Unanswered => Some(times.duration.is_none().into()),
        }
    }
}

/// The sums of a set of requests.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    sums: [u64; FIGURES],
    counts: [u64; BASES],
}

impl Sums {
    /// Adds a request.
    pub fn record(&mut self, request: &Request) {
        let has = Base::ALL.map(|base| base.has(request));
        for (count, has) in self.counts.iter_mut().zip(has) {
            *count += u64::from(has);
        }
        for figure in Figure::ALL {
            if has[figure.base() as usize] {
                let sum = &mut self.sums[figure as usize];
                *sum = sum.saturating_add(figure.of(request).unwrap_or(0));
            }
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.sums.iter_mut().zip(other.sums) {
            *mine = mine.saturating_add(theirs);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
    }

    /// The sum of a figure (nanoseconds, or requests), and how many requests it is of.
    #[must_use]
    pub const fn get(&self, figure: Figure) -> (u64, u64) {
        let count = self.counts[figure.base() as usize];
        (self.sums[figure as usize], count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::sample;

    #[test]
    fn each_stands_in_its_own_place() {
        for (place, figure) in Figure::ALL.into_iter().enumerate() {
            assert_eq!(figure as usize, place);
        }
        for (place, base) in Base::ALL.into_iter().enumerate() {
            assert_eq!(base as usize, place);
        }
        let groups = [&HEADS[..], &PARTS, &THREADS].concat();
        for figure in Figure::ALL {
            let found = groups.iter().filter(|known| **known == figure).count();
            assert_eq!(found, 1, "{}", figure.name());
        }
    }

    #[test]
    fn the_parts_add_up_to_the_duration() {
        let mut sums = Sums::default();
        let mut embedded = sample::request("/");
        embedded.times.application_time = Some(1_300_000);
        (embedded.times.queue_time, embedded.times.daemon_time) = (None, None);
        for request in [sample::request("/"), embedded] {
            sums.record(&request);
        }
        let (whole, count) = sums.get(Figure::Duration);
        let parts = PARTS.map(|part| sums.get(part));
        assert_eq!(parts.iter().map(|(ns, _)| ns).sum::<u64>(), whole);
        assert!(parts.iter().all(|(_, of)| *of == count));
        assert_eq!(sums.get(Figure::Queue), (200_000, 2));
    }

    #[test]
    fn what_is_not_known_is_not_zero() {
        let mut sums = Sums::default();
        let mut unknown = sample::request("/");
        (unknown.spent, unknown.times.duration) = (None, None);
        unknown.status = Some(500);
        for request in [sample::request("/"), unknown] {
            sums.record(&request);
        }
        assert_eq!(sums.get(Figure::Cpu), (750_000, 1));
        assert_eq!(sums.get(Figure::Duration), (1_500_000, 1));
        assert_eq!(sums.get(Figure::AcceptWait), (0, 0));
        assert_eq!(sums.get(Figure::Errors), (1, 2));
        assert_eq!(sums.get(Figure::Unanswered), (1, 2));
    }
}
