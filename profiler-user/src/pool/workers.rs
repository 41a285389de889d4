//! Which threads of a process wait to serve requests.
//!
//! A thread that has served is certain. But most of a pool may never have: mod_wsgi
//! hands each request to the thread that was last free. The others are told by two
//! traits, both seen with Apache 2.4's prefork, worker and event MPM and mod_wsgi
//! 4.9 and 6.1 (its source: `wsgi_daemon_main` in `wsgi_daemon.c`):
//!
//! 1. **They are created in one loop**, so they stand next to each other in the
//!    order of creation. In a daemon what comes before are the monitors (deadlock,
//!    timeouts, signals), then the workers. In an Apache child the workers come
//!    first, then the listener. Threads of the application are created before that
//!    loop or, later, by a request.
//! 2. **What an idle one waits in** (`/proc/PID/task/TID/syscall`): a futex without
//!    a timeout. In an Apache child that is the one condition variable of the queue;
//!    in a daemon each has its own, and one of them listens (`epoll_wait`, `accept`,
//!    or the lock that lets it: `fcntl`, `flock`, `semop`). Monitors sleep or poll.
//!
//! So: from those that have served, on to both sides, as long as threads look like
//! idle workers and were started with them. What lies between two workers is one. A
//! thread that the application starts at once, with the first request, looks the
//! same in a daemon but for one thing: what it waits for lies elsewhere in memory.
//!
//! | process | main thread | monitors | workers | listener |
//! |---|---|---|---|---|
//! | daemon, 4.9 | `poll` | two in `pselect6` | `futex`, one of them `epoll_wait` or `fcntl` | |
//! | daemon, 6.1 | `poll` | two in `pselect6`, one in `poll` | the same | |
//! | event | `read` (a pipe) | | `futex`; `poll` for a client | `epoll_wait` |
//! | worker | `read` (a pipe) | | `futex`; `poll` for a client | `accept4` |
//! | prefork | serves | | | |

use super::Kind;

/// Ticks (10 ms) between the starts of two neighbours in one pool. Seen: 0 or 1,
/// with two Apaches starting on two busy cores.
const TOGETHER: u64 = 5;

/// Bytes of a condition variable (`pthread_cond_t` of glibc and musl): waiters use
/// one of several words within.
const CONDITION: u64 = 48;

/// Most bytes between the condition variables of two neighbours in a daemon, which
/// come from one pool of memory. Seen: 216, with 4.9 and 6.1.
const APART: u64 = 1024;

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It waits for a futex at that address, without a timeout.
    Futex(u64),
    /// It waits for a connection, or for its turn to.
    Listening,
    /// It runs, or is about to.
    Running,
    /// Any other call.
    Other,
}

/// A thread of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    pub tid: u32,
    /// When it was started: ticks since boot.
    pub start: u64,
    /// It has served a request.
    pub serving: bool,
    pub state: State,
}

/// How many threads serve requests, as far as this look can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// `None` where that cannot be told.
    pub workers: Option<u32>,
    /// Another look would tell the same: no thread beside the pool was at anything
    /// that a worker could be at in passing.
    pub settled: bool,
}

/// Counts them among the threads of process `pid`.
pub(super) fn count(pid: u32, kind: Kind, threads: &[Thread]) -> Count {
    let settled = |workers| Count {
        workers,
        settled: true,
    };
    let main_serves = threads.iter().any(|t| t.tid == pid && t.serving);
    let mut threads: Vec<Thread> = threads.iter().filter(|t| t.tid != pid).copied().collect();
    threads.sort_unstable_by_key(|thread| (thread.start, thread.tid));
    let first = threads.iter().position(|thread| thread.serving);
    let last = threads.iter().rposition(|thread| thread.serving);
    let (Some(first), Some(last)) = (first, last) else {
        // Prefork, and servers that do everything in one thread.
        return settled(main_serves.then_some(1));
    };
    if main_serves || kind == Kind::Other {
        return settled(None);
    }
    let queue = shared_futex(&threads);
    let looks_idle = |thread: &Thread| match (kind, thread.state) {
        (Kind::Daemon, state) => matches!(state, State::Futex(_) | State::Listening),
        (_, State::Futex(address)) => queue.is_some_and(|queue| is_same(queue, address)),
        _ => false,
    };
    let is_worker = |thread: &Thread| thread.serving || looks_idle(thread);
    // Apache's workers also wait for clients; only a monitor ends a daemon's pool.
    let may_lie_between =
        |thread: &Thread| kind == Kind::Apache && !matches!(thread.state, State::Listening);
    let mut settled = true;
    let mut extend = |order: &mut dyn Iterator<Item = &Thread>, from: &Thread| {
        let (mut added, mut unsure, mut previous) = (0_usize, 0, from.start);
        for thread in order {
            if thread.start.abs_diff(previous) > TOGETHER {
                break;
            }
            previous = thread.start;
            if is_worker(thread) {
                added += unsure + 1;
                unsure = 0;
            } else {
                let is_passing = may_lie_between(thread);
                settled &= !is_passing && thread.state != State::Running;
                if !is_passing {
                    break;
                }
                unsure += 1;
            }
        }
        added
    };
    let after = extend(&mut threads[last + 1..].iter(), &threads[last]);
    let before = extend(&mut threads[..first].iter().rev(), &threads[first]);
    let pool = &threads[first - before..last + 1 + after];
    let workers = match kind {
        Kind::Daemon => pool.len() - strangers(pool),
        _ => pool.len(),
    };
    Count {
        workers: Some(workers as u32),
        settled,
    }
}

/// Threads of a daemon's pool that have not served and wait far from those that
/// belong to it: those that have served, or have another one near.
fn strangers(pool: &[Thread]) -> usize {
    let waiting = |(place, thread): (u64, &Thread)| match thread.state {
        State::Futex(address) => Some((place, address, thread.serving)),
        _ => None,
    };
    let waiting: Vec<_> = (0..).zip(pool).filter_map(waiting).collect();
    let belongs = |(place, address, serving): &(u64, u64, bool)| {
        *serving
            || waiting.iter().any(|(other, elsewhere, _)| {
                let between = other.abs_diff(*place);
                between > 0 && elsewhere.abs_diff(*address) <= APART * between
            })
    };
    let belonging = waiting.iter().filter(|one| belongs(one)).count();
    // Where none does, it cannot be told who is the stranger.
    if belonging == 0 {
        0
    } else {
        waiting.len() - belonging
    }
}

/// Where the idle workers of an Apache child wait: where one that has served does,
/// or else where most do.
fn shared_futex(threads: &[Thread]) -> Option<u64> {
    let address = |thread: &Thread| match thread.state {
        State::Futex(address) => Some(address),
        _ => None,
    };
    let certain = threads
        .iter()
        .filter(|thread| thread.serving)
        .find_map(address);
    certain.or_else(|| {
        let all = || threads.iter().filter_map(address);
        all().max_by_key(|one| all().filter(|other| is_same(*one, *other)).count())
    })
}

fn is_same(one: u64, other: u64) -> bool {
    one.abs_diff(other) < CONDITION
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In order of creation, from the main thread on.
    fn threads(rows: &[(u64, bool, State)]) -> Vec<Thread> {
        let row = |(tid, &(start, serving, state)): (u32, &(u64, bool, State))| Thread {
            tid,
            start,
            serving,
            state,
        };
        (100..).zip(rows).map(row).collect()
    }

    fn workers(kind: Kind, rows: &[(u64, bool, State)]) -> Option<u32> {
        count(100, kind, &threads(rows)).workers
    }

    use State::{Futex, Listening, Other, Running};

    // As seen: mod_wsgi 4.9 with threads=5, a thread of the application before its
    // own; the last worker has served.
    const DAEMON: [(u64, bool, State); 10] = [
        (10, false, Other),
        (11, false, Futex(0x7fba_7c00_0ba0)),
        (11, false, Other),
        (11, false, Other),
        (11, false, Other),
        (12, false, Listening),
        (12, false, Futex(0x7fba_823d_1a58)),
        (12, false, Futex(0x7fba_823d_1b30)),
        (12, false, Futex(0x7fba_823d_1c08)),
        (12, true, Futex(0x7fba_823d_1ce4)),
    ];

    // As seen: the event MPM with ThreadsPerChild 8.
    const EVENT: [(u64, bool, State); 10] = [
        (10, false, Other),
        (12, false, Futex(0x160)),
        (12, false, Futex(0x164)),
        (12, true, Other),
        (12, false, Other),
        (12, false, Futex(0x164)),
        (12, false, Running),
        (12, false, Futex(0x160)),
        (12, false, Futex(0x160)),
        (12, false, Listening),
    ];

    #[test]
    fn a_daemons_workers_lie_between_monitors_and_what_comes_later() {
        assert_eq!(workers(Kind::Daemon, &DAEMON), Some(5));
        let mut later = DAEMON.to_vec();
        later.push((130, false, Futex(0x7fba_7c00_0cc0)));
        assert_eq!(workers(Kind::Daemon, &later), Some(5));
        later[10].0 = 13;
        assert_eq!(workers(Kind::Daemon, &later), Some(5), "started at once");
        let mut amidst = DAEMON.to_vec();
        amidst.insert(8, (12, false, Futex(0x7fba_7c00_0cc0)));
        assert_eq!(workers(Kind::Daemon, &amidst), Some(5), "even sooner");
        let mut before = DAEMON.to_vec();
        before.drain(2..5);
        assert_eq!(workers(Kind::Daemon, &before), Some(5), "no monitors");
        before.truncate(3);
        before[2].1 = true;
        assert_eq!(workers(Kind::Daemon, &before), Some(2), "cannot be told");
    }

    #[test]
    fn apaches_workers_share_a_queue() {
        assert_eq!(workers(Kind::Apache, &EVENT), Some(8));
        let mut with_python = EVENT.to_vec();
        with_python.push((12, false, Futex(0x7fba_5000_0ba0)));
        with_python.insert(1, (11, false, Futex(0x7fba_7c00_0ba0)));
        assert_eq!(workers(Kind::Apache, &with_python), Some(8));
    }

    #[test]
    fn a_thread_at_work_at_the_edge_is_worth_another_look() {
        let mut edge = EVENT.to_vec();
        for state in [Running, Other] {
            edge[8].2 = state;
            let count = count(100, Kind::Apache, &threads(&edge));
            assert_eq!((count.workers, count.settled), (Some(7), false));
        }
        let count = count(100, Kind::Daemon, &threads(&DAEMON));
        assert!(count.settled);
    }

    #[test]
    fn a_process_that_serves_in_its_main_thread_has_one() {
        let mut prefork = vec![(10, true, Listening), (120, false, Futex(0x10))];
        assert_eq!(workers(Kind::Apache, &prefork), Some(1));
        assert_eq!(workers(Kind::Other, &prefork), Some(1));
        prefork[1].1 = true;
        assert_eq!(workers(Kind::Apache, &prefork), None);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        assert_eq!(workers(Kind::Other, &DAEMON), None);
        let mut unserved = DAEMON.to_vec();
        unserved[9].1 = false;
        assert_eq!(workers(Kind::Daemon, &unserved), None);
        assert_eq!(workers(Kind::Apache, &[]), None);
    }
}
