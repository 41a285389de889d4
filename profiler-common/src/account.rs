//! What a thread did with its time: on a CPU, or waiting and for what.
//!
//! A [`Thread`] is kept for each thread that serves requests. The scheduler hook
//! tells it when it leaves a CPU and when it is back; the socket hooks book what
//! has gathered since the last of them on the request at hand.
//!
//! - Waiting counts only while a request is served; an idle thread waits for nobody.
//! - CPU counts always: what a thread does between two requests (waking up,
//!   accepting, closing) goes to the next one, so that nothing is left over.

use core::mem::size_of;

/// What a thread waits for. The numbers are the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Wait {
    /// Could run, but other threads had the CPU.
    Runqueue = 0,
    /// A futex: in Python mostly the GIL.
    Lock,
    /// A socket other than the client's.
    Upstream,
    /// The client: its bytes, or room for the answer's.
    Client,
    /// A file, or anything else that is waited for without interruption.
    Disk,
    /// Time to pass.
    Sleep,
    /// Anything else: pipes, child processes.
    Other,
    /// Apache's thread, for the mod_wsgi daemon: what happens meanwhile is the
    /// daemon's to tell.
    Daemon,
}

/// Kinds of [`Wait`]; all ones plus one, to serve as a mask.
pub const WAITS: usize = 8;

/// How a stretch of a thread's time was spent, nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Spent {
    /// On a CPU.
    pub cpu: u64,
    /// By [`Wait`].
    pub wait: [u64; WAITS],
}

impl Spent {
    /// Nothing. `Default` is no `const fn`.
    pub const EMPTY: Self = Self {
        cpu: 0,
        wait: [0; WAITS],
    };

    /// The wait of that kind.
    #[must_use]
    pub const fn waited(&self, wait: Wait) -> u64 {
        self.wait[wait as usize]
    }
}

/// A thread that serves requests. Times are `CLOCK_MONOTONIC`, ns.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Thread {
    /// Since the last booking.
    spent: Spent,
    /// On a CPU and not yet counted since; 0 while off.
    on_since: u64,
    /// Off the CPU since; 0 while on.
    off_since: u64,
    /// Waited last, and not yet split into sleeping and queueing.
    off_ns: u64,
    /// The thread's own `sched_info.run_delay` when that was last looked at.
    run_delay: u64,
    /// When it last woke from a sleep.
    woke_ns: u64,
    /// When it last had done with a request.
    free_ns: u64,
    /// When it turned to the request that it serves.
    pub taken_ns: u64,
    /// The socket whose request it serves: address of the kernel's `struct sock`; 0
    /// while idle.
    pub serving: u64,
    /// Its socket to a mod_wsgi daemon; 0 for none.
    pub own_end: u64,
    /// The daemon's end of that.
    pub far_end: u64,
    /// The peer that it spoke to or waited for last: hash of an interned one, 0 where
    /// that was not looked up.
    pub peer: u64,
    /// The socket to that peer.
    pub peer_sock: u64,
    /// The peer that it slept for longest at a time in this request.
    pub upstream: u64,
    /// How long that was.
    longest: u64,
    /// Its thread group.
    pub pid: u32,
    /// The [`Wait`] of the sleep under way.
    off_why: u32,
    /// Not 0 once mod_wsgi has begun to run the application for this request.
    pub wsgi: u32,
    /// Descriptor of `serving`, as last used.
    pub serving_fd: u32,
    /// Descriptor of `own_end`.
    pub own_fd: u32,
    /// Number of the request on its connection.
    seq: u32,
}

impl Thread {
    /// A thread that is on a CPU and was not known before.
    #[must_use]
    pub const fn new(pid: u32, now: u64, run_delay: u64) -> Self {
        Self {
            spent: Spent::EMPTY,
            on_since: now,
            off_since: 0,
            off_ns: 0,
            run_delay,
            woke_ns: now,
            free_ns: 0,
            taken_ns: 0,
            serving: 0,
            own_end: 0,
            far_end: 0,
            peer: 0,
            peer_sock: 0,
            upstream: 0,
            longest: 0,
            pid,
            off_why: 0,
            wsgi: 0,
            serving_fd: u32::MAX,
            own_fd: u32::MAX,
            seq: 0,
        }
    }

    /// It leaves its CPU: to wait for `why`, or for another turn
    /// ([`Wait::Runqueue`]). `run_delay` is all that it ever waited in run queues.
    #[inline(always)]
    pub fn leaves_cpu(&mut self, now: u64, run_delay: u64, why: Wait) {
        self.split(run_delay);
        self.count_cpu(now);
        self.on_since = 0;
        self.off_since = now;
        self.off_why = why as u32;
    }

    /// It is on a CPU again. The kernel adds to its `run_delay` a moment later.
    #[inline(always)]
    pub fn is_back(&mut self, now: u64) {
        if self.off_since != 0 {
            self.off_ns = now.saturating_sub(self.off_since);
        }
        self.off_since = 0;
        self.on_since = now;
        if self.off_why != Wait::Runqueue as u32 {
            self.woke_ns = now;
        }
    }

    /// Turns to the request `seq` of `sock`, unless it serves that already.
    #[inline(always)]
    pub fn take(&mut self, now: u64, run_delay: u64, sock: u64, seq: u32) {
        if self.serving == sock && self.seq == seq {
            return;
        }
        if self.serving != 0 {
            // It ended the other one just now, or was never seen to.
            self.release(now);
        }
        // The wait that ended before it turned to the request was an idle one.
        self.split(run_delay);
        self.serving = sock;
        self.seq = seq;
        self.taken_ns = self.woke_ns.max(self.free_ns);
        self.spent.wait = [0; WAITS];
        self.peer = 0;
        self.peer_sock = 0;
        self.upstream = 0;
        self.longest = 0;
        self.wsgi = 0;
        self.forget_daemon();
    }

    /// Books what has gathered since the last booking, and says until when the
    /// thread was at work: `now`, or if the connection was `idle`, the begin of its
    /// last wait for the client, which was one for the next request.
    #[inline(always)]
    pub fn book(&mut self, now: u64, run_delay: u64, idle: bool, on: &mut Spent) -> u64 {
        let mut until = now;
        if idle && self.off_ns != 0 && self.off_why == Wait::Client as u32 {
            until = self.on_since - self.off_ns;
            self.off_ns = 0;
        }
        self.split(run_delay);
        self.count_cpu(now);
        on.cpu += self.spent.cpu;
        for (on, wait) in on.wait.iter_mut().zip(self.spent.wait) {
            *on += wait;
        }
        self.spent = Spent::EMPTY;
        until
    }

    /// Speaks to a socket that is neither the client's nor a daemon's.
    #[inline(always)]
    pub fn speaks_to(&mut self, sock: u64) {
        if self.peer_sock != sock {
            self.peer_sock = sock;
            self.peer = 0;
        }
    }

    /// Is done with its request.
    #[inline(always)]
    pub fn release(&mut self, now: u64) {
        self.serving = 0;
        self.free_ns = now;
        self.forget_daemon();
    }

    /// Is done with its socket to a daemon.
    #[inline(always)]
    pub fn forget_daemon(&mut self) {
        self.own_end = 0;
        self.far_end = 0;
        self.own_fd = u32::MAX;
    }

    /// Splits the last wait into the sleep and the queueing for a CPU after it.
    #[inline(always)]
    fn split(&mut self, run_delay: u64) {
        let mut queued = run_delay.wrapping_sub(self.run_delay);
        self.run_delay = run_delay;
        if self.serving == 0 {
            self.off_ns = 0;
            return;
        }
        if queued > self.off_ns {
            queued = self.off_ns;
        }
        let slept = self.off_ns - queued;
        self.off_ns = 0;
        self.spent.wait[Wait::Runqueue as usize] += queued;
        self.spent.wait[self.off_why as usize & (WAITS - 1)] += slept;
        if self.off_why == Wait::Upstream as u32 && slept > self.longest {
            self.longest = slept;
            self.upstream = self.peer;
        }
    }

    #[inline(always)]
    fn count_cpu(&mut self, now: u64) {
        if self.on_since != 0 {
            self.spent.cpu += now.saturating_sub(self.on_since);
            self.on_since = now;
        }
    }
}

const _: () = {
    assert!(size_of::<Spent>() == 8 * (WAITS + 1));
    assert!(size_of::<Thread>().is_multiple_of(8));
    assert!(Wait::Daemon as usize == WAITS - 1);
};

#[cfg(test)]
mod tests {
    use super::*;

    const SOCK: u64 = 7;

    fn total(spent: &Spent) -> u64 {
        spent.cpu + spent.wait.iter().sum::<u64>()
    }

    #[test]
    fn cpu_and_waits_add_up_to_the_wall_time() {
        let mut thread = Thread::new(1, 1_000, 50);
        let mut spent = Spent::EMPTY;
        thread.take(1_000, 50, SOCK, 0);
        thread.leaves_cpu(1_300, 50, Wait::Lock);
        thread.is_back(2_000);
        // 100 of the 700 were queueing.
        thread.leaves_cpu(2_100, 150, Wait::Upstream);
        thread.is_back(5_000);
        thread.book(5_050, 150, false, &mut spent);
        thread.leaves_cpu(5_100, 150, Wait::Runqueue);
        thread.is_back(5_400);
        thread.book(5_500, 450, false, &mut spent);
        assert_eq!(spent.cpu, 300 + 100 + 50 + 50 + 100);
        assert_eq!(spent.waited(Wait::Lock), 600);
        assert_eq!(spent.waited(Wait::Upstream), 2_900);
        assert_eq!(spent.waited(Wait::Runqueue), 100 + 300);
        assert_eq!(total(&spent), 4_500);
    }

    #[test]
    fn idle_waits_count_for_nobody_and_idle_cpu_for_the_next() {
        let mut thread = Thread::new(1, 1_000, 0);
        let mut first = Spent::EMPTY;
        thread.take(1_000, 0, SOCK, 0);
        thread.book(1_100, 0, false, &mut first);
        thread.release(1_100);
        // Goes to sleep 20 later, wakes, and 30 later reads the next request.
        thread.leaves_cpu(1_120, 0, Wait::Lock);
        thread.is_back(9_000);
        thread.take(9_030, 0, SOCK + 1, 0);
        assert_eq!(thread.taken_ns, 9_000);
        let mut second = Spent::EMPTY;
        thread.book(9_100, 0, false, &mut second);
        assert_eq!(total(&first), 100);
        assert_eq!(second.cpu, 20 + 100);
        assert_eq!(total(&second), 120);
    }

    #[test]
    fn a_request_read_without_a_sleep_begins_where_the_last_one_ended() {
        let mut thread = Thread::new(1, 1_000, 0);
        thread.take(1_000, 0, SOCK, 0);
        thread.release(1_500);
        thread.take(1_510, 0, SOCK, 0);
        assert_eq!(thread.taken_ns, 1_500);
    }

    #[test]
    fn the_next_request_of_a_connection_is_another_one() {
        let mut thread = Thread::new(1, 1_000, 0);
        thread.take(1_000, 0, SOCK, 0);
        thread.wsgi = 1;
        thread.own_end = 9;
        thread.take(1_200, 0, SOCK, 0);
        assert_eq!(
            (thread.taken_ns, thread.wsgi, thread.own_end),
            (1_000, 1, 9)
        );
        thread.take(1_500, 0, SOCK, 1);
        assert_eq!(
            (thread.taken_ns, thread.wsgi, thread.own_end),
            (1_500, 0, 0)
        );
    }

    #[test]
    fn a_turn_lost_to_others_is_no_waking_up() {
        let mut thread = Thread::new(1, 1_000, 0);
        thread.leaves_cpu(1_010, 0, Wait::Other);
        thread.is_back(2_000);
        thread.leaves_cpu(2_010, 0, Wait::Runqueue);
        thread.is_back(2_500);
        thread.take(2_510, 490, SOCK, 0);
        assert_eq!(thread.taken_ns, 2_000);
    }

    #[test]
    fn a_change_of_sockets_without_an_end_carries_no_wait_over() {
        let mut thread = Thread::new(1, 1_000, 0);
        thread.take(1_000, 0, SOCK, 0);
        thread.leaves_cpu(1_100, 0, Wait::Lock);
        thread.is_back(3_000);
        thread.take(3_010, 0, SOCK + 1, 0);
        let mut spent = Spent::EMPTY;
        thread.book(3_020, 0, false, &mut spent);
        assert_eq!(spent.wait, [0; WAITS]);
        assert_eq!(spent.cpu, 100 + 20);
    }

    #[test]
    fn an_idle_connection_s_wait_is_for_the_next_request() {
        let mut thread = Thread::new(1, 1_000, 0);
        let mut spent = Spent::EMPTY;
        thread.take(1_000, 0, SOCK, 0);
        thread.leaves_cpu(1_200, 0, Wait::Client);
        thread.is_back(9_000);
        assert_eq!(thread.book(9_010, 0, true, &mut spent), 1_200);
        assert_eq!(spent.wait, [0; WAITS]);
        thread.release(9_010);
        thread.take(9_010, 0, SOCK, 0);
        thread.leaves_cpu(9_100, 0, Wait::Client);
        thread.is_back(9_300);
        assert_eq!(thread.book(9_310, 0, false, &mut spent), 9_310);
        assert_eq!(spent.waited(Wait::Client), 200);
    }

    #[test]
    fn remembers_the_peer_it_waited_for_longest() {
        let mut thread = Thread::new(1, 0, 0);
        thread.take(1, 0, SOCK, 0);
        for (peer, slept) in [(11, 300), (12, 900), (13, 500)] {
            thread.peer = peer;
            thread.leaves_cpu(1_000, 0, Wait::Upstream);
            thread.is_back(1_000 + slept);
            thread.book(2_000, 0, false, &mut Spent::EMPTY.clone());
        }
        assert_eq!(thread.upstream, 12);
    }
}
