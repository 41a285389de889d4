//! A request's time without overlap: what it was spent on, once.
//!
//! The parts of a request say who had it, the accounts of its threads what these
//! did meanwhile. Both in one:
//!
//! | share | daemon mode | embedded, and other servers | Apache itself, or unknown |
//! |---|---|---|---|
//! | `queue` | `accept_wait` + `queue_time` | `accept_wait` | `accept_wait` |
//! | `apache` | `server_time` + `send_time`, but for its thread's waits | none | `duration`, but for its thread's waits |
//! | `app cpu` | CPU of the daemon's thread | CPU of the thread | none |
//! | a wait | the daemon's thread, and Apache's in its part | the thread | the thread |
//! | `other` | that wait, and what no account explains | likewise | that wait |
//!
//! Apache's waits count for no more than its part: the rest of them was while the
//! daemon worked (an upload, a slow reader). Embedded, mod_wsgi and the application
//! share a thread, so `app cpu` has Apache's few microseconds in it.

use crate::model::{Mode, Request, Spent, Wait};

/// What time is spent on, in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Nobody had it yet.
    Queue,
    /// Apache worked on it.
    Apache,
    /// The application was on a CPU.
    AppCpu,
    /// [`Wait::Lock`].
    Lock,
    /// [`Wait::Upstream`].
    Upstream,
    /// [`Wait::Client`].
    Client,
    /// [`Wait::Disk`].
    Disk,
    /// [`Wait::Sleep`].
    Sleep,
    /// [`Wait::Runqueue`].
    Runqueue,
    /// [`Wait::Other`], and what is not explained.
    Other,
}

/// Kinds of [`Share`].
pub const SHARES: usize = 10;

impl Share {
    /// All, in order.
    pub const ALL: [Self; SHARES] = [
        Self::Queue,
        Self::Apache,
        Self::AppCpu,
        Self::Lock,
        Self::Upstream,
        Self::Client,
        Self::Disk,
        Self::Sleep,
        Self::Runqueue,
        Self::Other,
    ];

    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Apache => "apache",
            Self::AppCpu => "app cpu",
            Self::Lock => "lock",
            Self::Upstream => "upstream",
            Self::Client => "client",
            Self::Disk => "disk",
            Self::Sleep => "sleep",
            Self::Runqueue => "runqueue",
            Self::Other => "other",
        }
    }
}

/// Where each wait belongs; Apache's for the daemon is the daemon's to tell.
const WAITS: [(Wait, Share); 7] = [
    (Wait::Lock, Share::Lock),
    (Wait::Upstream, Share::Upstream),
    (Wait::Client, Share::Client),
    (Wait::Disk, Share::Disk),
    (Wait::Sleep, Share::Sleep),
    (Wait::Runqueue, Share::Runqueue),
    (Wait::Other, Share::Other),
];

/// Nanoseconds by [`Share`]: of a request, or of a set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares([u64; SHARES]);

impl Shares {
    /// Of a request; `None` where a thread's account is missing.
    #[must_use]
    pub fn of(request: &Request) -> Option<Self> {
        let times = &request.times;
        let spent = request.spent?;
        let known = |parts: [Option<u64>; 2]| parts.into_iter().flatten().sum();
        let mut shares = Self::default();
        let queue = known([times.accept_wait, times.queue_time]);
        shares.add(Share::Queue, queue);
        match request.mode {
            Some(Mode::Daemon) => {
                shares.apache(known([times.server_time, times.send_time]), &spent);
                let wall = known([times.daemon_time, times.application_time]);
                shares.application(wall, &request.daemon_spent?);
            }
            Some(Mode::Embedded | Mode::Http) => {
                shares.application(times.duration.unwrap_or(0), &spent);
            }
            Some(Mode::Static) | None => shares.apache(times.duration.unwrap_or(0), &spent),
        }
        Some(shares)
    }

    /// Those of one kind.
    #[must_use]
    pub const fn get(&self, share: Share) -> u64 {
        self.0[share as usize]
    }

    /// All, in the order of [`Share::ALL`].
    #[must_use]
    pub const fn all(&self) -> [u64; SHARES] {
        self.0
    }

    /// Their sum.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.into_iter().fold(0, u64::saturating_add)
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (share, ns) in Share::ALL.into_iter().zip(other.0) {
            self.add(share, ns);
        }
    }

    fn add(&mut self, share: Share, ns: u64) {
        let sum = &mut self.0[share as usize];
        *sum = sum.saturating_add(ns);
    }

    /// Apache's part, `wall` long.
    fn apache(&mut self, wall: u64, spent: &Spent) {
        let waited: u64 = WAITS.iter().map(|(wait, _)| spent.waited(*wait)).sum();
        let within = waited.min(wall);
        let mut working = wall;
        for (wait, share) in WAITS {
            let ns = u128::from(spent.waited(wait)) * u128::from(within);
            // No more than the wait itself, so it fits again.
            let ns = ns.checked_div(waited.into()).unwrap_or(0) as u64;
            self.add(share, ns);
            working -= ns;
        }
        self.add(Share::Apache, working);
    }

    /// The part of the thread that ran the application, `wall` long.
    fn application(&mut self, wall: u64, spent: &Spent) {
        self.add(Share::AppCpu, spent.cpu);
        let mut explained = spent.cpu;
        for (wait, share) in WAITS {
            self.add(share, spent.waited(wait));
            explained = explained.saturating_add(spent.waited(wait));
        }
        self.add(Share::Other, wall.saturating_sub(explained));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::sample;

    fn of(request: &Request) -> Vec<(&'static str, u64)> {
        let shares = Shares::of(request).unwrap();
        let named = Share::ALL.map(|share| (share.name(), shares.get(share)));
        named.into_iter().filter(|(_, ns)| *ns > 0).collect()
    }

    #[test]
    fn of_a_request_to_a_daemon() {
        let mut request = sample::request("/");
        request.times.accept_wait = Some(40_000);
        assert_eq!(
            of(&request),
            [
                ("queue", 240_000),
                ("apache", 180_000),
                ("app cpu", 600_000),
                ("lock", 150_000),
                ("upstream", 250_000),
                ("client", 20_000),
                ("runqueue", 50_000),
                ("other", 50_000),
            ]
        );
        let whole = Some(Shares::of(&request).unwrap().total() - 40_000);
        assert_eq!(whole, request.times.duration);
        request.daemon_spent = None;
        assert_eq!(Shares::of(&request), None);
    }

    #[test]
    fn apaches_waits_count_for_no_more_than_its_part() {
        let mut request = sample::request("/");
        let spent = request.spent.as_mut().unwrap();
        spent.wait[Wait::Client as usize] = 900_000_000;
        spent.wait[Wait::Disk as usize] = 300_000_000;
        let shares = Shares::of(&request).unwrap();
        assert_eq!(shares.get(Share::Apache), 0);
        assert_eq!(shares.get(Share::Client), 150_000);
        assert_eq!(shares.get(Share::Disk), 50_000);
        assert_eq!(Some(shares.total()), request.times.duration);
    }

    #[test]
    fn who_ran_it_has_its_cpu() {
        let mut request = sample::request("/");
        request.times.queue_time = None;
        request.daemon_spent = None;
        for mode in [Some(Mode::Embedded), Some(Mode::Http)] {
            request.mode = mode;
            let expected = [
                ("app cpu", 150_000),
                ("client", 20_000),
                ("other", 1_330_000),
            ];
            assert_eq!(of(&request), expected);
        }
        for mode in [Some(Mode::Static), None] {
            request.mode = mode;
            assert_eq!(of(&request), [("apache", 1_480_000), ("client", 20_000)]);
        }
        request.spent = None;
        assert_eq!(Shares::of(&request), None);
    }
}
