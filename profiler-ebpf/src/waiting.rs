//! What a thread that leaves its CPU waits for, from the system call it is in.

use profiler_common::account::{Thread, Wait};
use profiler_common::event::{AF_INET, AF_INET6, AF_UNIX};

use crate::arch::{self, Call};
use crate::kernel::socket_of;
use crate::maps::Place;
use crate::{blobs, conns, user};

/// `TASK_UNINTERRUPTIBLE` (include/linux/sched.h).
const TASK_UNINTERRUPTIBLE: u32 = 2;

/// Why the current thread sleeps; for an upstream, `thread.peer` says which.
#[inline(always)]
pub fn reason(thread: &mut Thread, state: u32) -> Wait {
    if state & TASK_UNINTERRUPTIBLE != 0 {
        return Wait::Disk;
    }
    let arguments = arch::current_arguments();
    match arch::call(arguments.number) {
        Call::Lock => Wait::Lock,
        Call::Sleep => Wait::Sleep,
        Call::Descriptor => match socket_of(arguments.first as u32) {
            Some(sock) => on_socket(thread, sock),
            None => Wait::Other,
        },
        Call::Poll if arguments.second == 0 => Wait::Sleep,
        // Of several, the first one stands for all.
        Call::Poll => match user::read::<u32>(arguments.first).and_then(socket_of) {
            Some(sock) => on_socket(thread, sock),
            None => Wait::Other,
        },
        // How the event loop and time.sleep() of some languages sleep.
        Call::Select if arguments.first == 0 => Wait::Sleep,
        // Which sockets cannot be told cheaply: the one spoken to last.
        Call::Select | Call::Epoll if thread.peer_sock != 0 => on_socket(thread, thread.peer_sock),
        Call::Select | Call::Epoll | Call::Other => Wait::Other,
    }
}

#[inline(always)]
fn on_socket(thread: &mut Thread, sock: u64) -> Wait {
    if sock == thread.serving {
        return Wait::Client;
    }
    if sock == thread.own_end {
        return Wait::Daemon;
    }
    if !matches!(conns::family(sock), AF_INET | AF_INET6 | AF_UNIX) {
        return Wait::Other;
    }
    if thread.peer == 0 || thread.peer_sock != sock {
        thread.peer_sock = sock;
        thread.peer = blobs::peer(Place::Switch, sock);
    }
    Wait::Upstream
}
