//! What is kept with each watched thread: the kernel's own storage for tasks.
//!
//! A look at it costs no hashing, for a thread that is not watched next to nothing,
//! and it goes with the thread.

use aya_ebpf::bindings::task_struct;
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use profiler_common::account::{Moment, Thread};
use profiler_common::stats::Counter;
use profiler_common::watched::Watched;

use crate::arch::Syscall;
use crate::config::setting;
use crate::environ::Hints;
use crate::kernel::{self, member};
use crate::maps::{Place, count};
use crate::storage;

/// What is kept with a thread.
#[repr(C)]
pub struct Task {
    /// Its account.
    pub thread: Thread,
    /// The system call on a socket that it is in (back end `syscall`).
    pub started: Started,
    /// Where it found mod_wsgi's names last.
    pub hints: Hints,
}

/// A system call under way (back end `syscall`).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Started {
    /// Address of the `struct sock` that the file descriptor named at entry; 0
    /// outside of such a call.
    pub sock: u64,
    /// Not 0 for a UNIX socket.
    pub is_unix: u64,
    /// Bytes that a `sendfile` is to send; 0 for other calls, which are repeated
    /// when they fall short.
    pub wanted: u64,
    /// Its arguments.
    pub call: Syscall,
}

/// The current thread: a pointer that the verifier knows the type of. Getting it is a
/// call, so it is got once.
#[derive(Clone, Copy)]
pub struct Current(*mut task_struct);

impl Current {
    /// Whoever runs now.
    #[inline(always)]
    pub fn any() -> Self {
        Self(kernel::current())
    }

    /// Its `struct task_struct`.
    #[inline(always)]
    pub fn pointer(self) -> *mut task_struct {
        self.0
    }
}

/// The current thread, if it is watched, and what is kept with it.
#[inline(always)]
pub fn current() -> Option<(Current, &'static mut Task)> {
    let current = Current::any();
    of(current.0).map(|task| (current, task))
}

/// That thread, if it is watched.
#[inline(always)]
pub fn of(task: *mut task_struct) -> Option<&'static mut Task> {
    storage::find(task).filter(|task| task.thread.id != 0)
}

/// Thread group and thread, as `bpf_get_current_pid_tgid` gives them for the current one.
#[inline(always)]
pub fn id(task: *mut task_struct) -> Option<u64> {
    let group: u32 = member(task as u64, setting!(task_tgid))?;
    let thread: u32 = member(task as u64, setting!(task_pid))?;
    Some(u64::from(group) << 32 | u64::from(thread))
}

/// Watches that thread, which `id` names.
#[inline(always)]
pub fn add(place: Place, task: *mut task_struct, id: u64, whose: Watched) {
    let Some(kept) = storage::find_or_add(task) else {
        count(place, Counter::ThreadUnknown);
        return;
    };
    // A thread that executes a program becomes its process's first one, and may turn
    // into another kind of server.
    if kept.thread.id != 0 {
        kept.thread.id = id;
        kept.thread.server = whose.server;
        return;
    }
    let address = task as u64;
    let run_delay = match setting!(task_run_delay) {
        0 => 0,
        offset => member(address, offset).unwrap_or(0),
    };
    let at = Moment {
        // SAFETY: the helper takes nothing.
        now: unsafe { bpf_ktime_get_ns() },
        cpu: member(address, setting!(task_cpu)).unwrap_or(0),
        run_delay,
    };
    kept.thread.set_up(id, whose, at);
}

/// The current thread ends.
#[inline(always)]
pub fn forget() {
    storage::remove_current();
}
