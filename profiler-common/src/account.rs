//! What a thread did with its time: on a CPU, or waiting and for what.
//!
//! A [`Thread`] is kept for each thread that serves requests. The scheduler hook
//! tells it when it leaves a CPU and why; the socket hooks book what has gathered
//! since the last of them on the request at hand.
//!
//! - Waiting counts only while a request is served; an idle thread waits for nobody.
//! - CPU counts always: what a thread does between two requests (waking up,
//!   accepting, closing) goes to the next one, so that nothing is left over.

use core::mem::size_of;

use crate::watched::Watched;

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

/// What the kernel itself has kept of a thread by some moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// `CLOCK_MONOTONIC`, ns.
    pub now: u64,
    /// All its time on a CPU, ns.
    pub cpu: u64,
    /// All its time in run queues, ns; 0 where the kernel does not say.
    pub run_delay: u64,
}

/// A thread of a watched process. Times are `CLOCK_MONOTONIC`, ns.
///
/// From one look at it to the next it was on a CPU, in a run queue, or asleep. The
/// kernel's own account tells the first two, and the rest is the sleep: so all three
/// add up, and nothing is lost if a switch goes unseen.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Thread {
    /// Since the last booking.
    spent: Spent,
    /// The last look: its time.
    seen_ns: u64,
    /// Its CPU then.
    seen_cpu: u64,
    /// Its `run_delay` then.
    seen_delay: u64,
    /// When it last left a CPU.
    left_ns: u64,
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
    /// A handover that it began to serve and that nobody has claimed.
    pub loose: u64,
    /// The peer that it spoke to or waited for last: hash of an interned one, 0 where
    /// that was not looked up.
    pub peer: u64,
    /// The socket to that peer.
    pub peer_sock: u64,
    /// The peer that it slept for longest at a time in this request.
    pub upstream: u64,
    /// How long that was.
    longest: u64,
    /// Thread group and thread, as `bpf_get_current_pid_tgid` gives them; 0 before it
    /// is set up.
    pub id: u64,
    /// What kind of server it belongs to: of the `SERVER_` constants.
    pub server: u32,
    /// What it last left a CPU for: a [`Wait`].
    why: u32,
    /// Not 0 once it went to sleep without a request; when it did is not kept.
    dozed: u32,
    /// Not 0 once mod_wsgi has begun to run the application for this request.
    pub wsgi: u32,
    /// Descriptor of `serving`, as last used.
    pub serving_fd: u32,
    /// Descriptor of `own_end`.
    pub own_fd: u32,
    /// Number of the request on its connection.
    seq: u32,
    /// Not 0 if `own_end` was the last socket that it read or wrote.
    pub at_daemon: u32,
    /// Which of `spent.wait` are not 0, a bit each.
    waited: u32,
    /// The root that its process descends from ([`Watched::origin`]).
    pub origin: u32,
}

impl Thread {
    /// A thread that was not known before. Its `id` comes last: until then nobody
    /// takes it for one that is set up.
    #[inline(always)]
    pub fn set_up(&mut self, id: u64, whose: Watched, at: Moment) {
        self.seen_ns = at.now;
        self.seen_cpu = at.cpu;
        self.seen_delay = at.run_delay;
        self.left_ns = at.now;
        self.woke_ns = at.now;
        self.why = Wait::Other as u32;
        self.serving_fd = u32::MAX;
        self.own_fd = u32::MAX;
        self.server = whose.server;
        self.origin = whose.origin;
        // SAFETY: a valid, aligned word of this struct.
        unsafe { core::ptr::write_volatile(&raw mut self.id, id) };
    }

    /// Its thread group.
    #[inline(always)]
    #[must_use]
    pub const fn pid(&self) -> u32 {
        (self.id >> 32) as u32
    }

    /// It.
    #[inline(always)]
    #[must_use]
    pub const fn tid(&self) -> u32 {
        self.id as u32
    }

    /// It goes to sleep, serving nobody; `cpu` is all its time on a CPU, ns. As
    /// [`Thread::leaves_cpu`], for less: most sleeps are of this kind.
    #[inline(always)]
    pub fn dozes(&mut self, cpu: u64) {
        self.spent.cpu += cpu.saturating_sub(self.seen_cpu);
        self.seen_cpu = self.seen_cpu.max(cpu);
        self.dozed = 1;
    }

    /// It leaves its CPU: to wait for `why`, or for another turn
    /// ([`Wait::Runqueue`]).
    #[inline(always)]
    pub fn leaves_cpu(&mut self, at: Moment, why: Wait) {
        self.look(at);
        self.left_ns = at.now;
        self.why = why as u32;
    }

    /// Whether it serves the request `seq` of `sock`.
    #[inline(always)]
    #[must_use]
    pub const fn serves(&self, sock: u64, seq: u32) -> bool {
        self.serving == sock && self.seq == seq
    }

    /// Turns to the request `seq` of `sock`, unless it serves that already.
    #[inline(always)]
    pub fn take(&mut self, at: Moment, sock: u64, seq: u32) {
        if self.serves(sock, seq) {
            return;
        }
        // The wait that ended before it turned to the request was an idle one.
        self.look(at);
        if self.serving != 0 {
            // It ended the other one just now, or was never seen to.
            self.release(at.now);
        }
        self.serving = sock;
        self.seq = seq;
        self.serving_fd = u32::MAX;
        self.taken_ns = self.woke_ns.max(self.free_ns);
        self.peer = 0;
        self.peer_sock = 0;
        self.upstream = 0;
        self.longest = 0;
        self.wsgi = 0;
        self.forget_daemon();
    }

    /// Books what has gathered since the last booking, and says until when the
    /// thread was at work: now, or if the connection was `idle`, the begin of its
    /// last wait for the client, which was one for the next request.
    #[inline(always)]
    pub fn book(&mut self, at: Moment, idle: bool, on: &mut Spent) -> u64 {
        let mut until = at.now;
        let before = self.spent.wait[Wait::Client as usize];
        let waited_for_client = self.why == Wait::Client as u32;
        self.look(at);
        if idle && waited_for_client && self.spent.wait[Wait::Client as usize] != before {
            until = self.left_ns;
            self.spent.wait[Wait::Client as usize] = before;
        }
        on.cpu += self.spent.cpu;
        self.spent.cpu = 0;
        // Mostly there is none, or next to none: what two clocks differ by.
        if self.waited & !USUAL != 0 {
            for (on, wait) in on.wait.iter_mut().zip(self.spent.wait) {
                *on += wait;
            }
            self.spent.wait = [0; WAITS];
        } else if self.waited != 0 {
            for wait in [Wait::Runqueue as usize, Wait::Other as usize] {
                on.wait[wait] += self.spent.wait[wait];
                self.spent.wait[wait] = 0;
            }
        }
        self.waited = 0;
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
        self.forget_waits();
        self.forget_daemon();
    }

    #[inline(always)]
    fn forget_waits(&mut self) {
        if self.waited != 0 {
            self.spent.wait = [0; WAITS];
            self.waited = 0;
        }
    }

    /// Is done with its socket to a daemon.
    #[inline(always)]
    pub fn forget_daemon(&mut self) {
        self.at_daemon = 0;
        self.own_end = 0;
        self.far_end = 0;
        self.own_fd = u32::MAX;
    }

    /// Accounts for the time since the last look.
    #[inline(always)]
    fn look(&mut self, at: Moment) {
        let cpu = at.cpu.saturating_sub(self.seen_cpu);
        let away = at.now.saturating_sub(self.seen_ns).saturating_sub(cpu);
        let queued = at.run_delay.saturating_sub(self.seen_delay).min(away);
        let slept = away - queued;
        self.seen_ns = at.now;
        self.seen_cpu = self.seen_cpu.max(at.cpu);
        self.seen_delay = at.run_delay;
        let why = self.why;
        self.why = Wait::Other as u32;
        self.spent.cpu += cpu;
        let dozed = self.dozed != 0;
        self.dozed = 0;
        if dozed || self.serving == 0 && why != Wait::Runqueue as u32 && slept > NOISE_NS {
            // It waited for work, which began when it woke.
            self.woke_ns = at.now.saturating_sub(cpu);
            self.forget_waits();
            return;
        }
        if queued != 0 {
            self.spent.wait[Wait::Runqueue as usize] += queued;
            self.waited |= 1 << Wait::Runqueue as u32;
        }
        if slept != 0 {
            let why = why & (WAITS as u32 - 1);
            self.spent.wait[why as usize] += slept;
            self.waited |= 1 << why;
        }
        if why == Wait::Upstream as u32 && slept > self.longest {
            self.longest = slept;
            self.upstream = self.peer;
        }
    }
}

/// A thread that has served a request, or the first one of a process, as user space reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Serving {
    /// Thread group and thread.
    pub id: u64,
    /// Since when it has been at its present request: `CLOCK_MONOTONIC`, ns; 0 while
    /// idle.
    pub since_ns: u64,
    /// The root that its process descends from ([`Watched::origin`]).
    pub origin: u32,
    /// Whether it has served a request: 1, or 0.
    pub has_served: u32,
}

/// Bytes of a [`Serving`].
pub const SERVING_SIZE: usize = size_of::<Serving>();

/// The waits that most bookings have, a bit each.
const USUAL: u32 = 1 << Wait::Runqueue as u32 | 1 << Wait::Other as u32;

/// What the two clocks may differ by over a stretch on a CPU, ns: no sleep is shorter.
const NOISE_NS: u64 = 1_000;

const _: () = {
    assert!(size_of::<Spent>() == 8 * (WAITS + 1));
    assert!(size_of::<Thread>().is_multiple_of(8));
    assert!(Wait::Daemon as usize == WAITS - 1);
};

#[cfg(test)]
mod tests;
