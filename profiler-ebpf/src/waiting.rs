//! What a thread that leaves its CPU waits for, from the system call it is in.

use profiler_common::account::{Thread, Wait};
use profiler_common::event::{AF_INET, AF_INET6, AF_UNIX};

use crate::arch::{self, Call};
use crate::kernel::socket_of;
use crate::maps::Place;
use crate::tasks::Current;
use crate::{blobs, conns, user};

/// `TASK_UNINTERRUPTIBLE` (include/linux/sched.h).
const TASK_UNINTERRUPTIBLE: u32 = 2;

/// Why the current thread sleeps; for an upstream, `thread.peer` says which.
#[inline(always)]
pub fn reason(thread: &mut Thread, state: u32) -> Wait {
    if state & TASK_UNINTERRUPTIBLE != 0 {
        return Wait::Disk;
    }
    let arguments = arch::current_arguments(Current::any());
    match arch::call(arguments.number) {
        Call::Lock => Wait::Lock,
        Call::Sleep => Wait::Sleep,
        Call::Descriptor => on_descriptor(thread, arguments.first as u32),
        Call::Poll if arguments.second == 0 => Wait::Sleep,
        // What it is at is what it polls: the caller's memory need not be asked.
        Call::Poll if arguments.second == 1 && thread.at_daemon != 0 => Wait::Daemon,
        // Of several, the first one stands for all.
        Call::Poll => match user::read(arguments.first) {
            Some(descriptor) => on_descriptor(thread, descriptor),
            None => Wait::Other,
        },
        // How the event loop and time.sleep() of some languages sleep.
        Call::Select if arguments.first == 0 => Wait::Sleep,
        // Which sockets cannot be told cheaply: the one spoken to last.
        Call::Select | Call::Epoll if thread.peer_sock != 0 => {
            let sock = thread.peer_sock;
            upstream(thread, sock)
        }
        Call::Select | Call::Epoll | Call::Other => Wait::Other,
    }
}

/// The two descriptors that every request knows are told without a look at the
/// kernel's tables; neither is closed before the thread has done with it.
#[inline(always)]
fn on_descriptor(thread: &mut Thread, descriptor: u32) -> Wait {
    if descriptor == thread.serving_fd {
        return Wait::Client;
    }
    if descriptor == thread.own_fd {
        return Wait::Daemon;
    }
    match socket_of(descriptor) {
        Some(sock) if sock == thread.serving => {
            thread.serving_fd = descriptor;
            Wait::Client
        }
        Some(sock) => upstream(thread, sock),
        None => Wait::Other,
    }
}

#[inline(always)]
fn upstream(thread: &mut Thread, sock: u64) -> Wait {
    if !matches!(conns::family(sock), AF_INET | AF_INET6 | AF_UNIX) {
        return Wait::Other;
    }
    if thread.peer == 0 || thread.peer_sock != sock {
        thread.peer_sock = sock;
        thread.peer = blobs::peer(Place::Switch, sock);
    }
    Wait::Upstream
}
