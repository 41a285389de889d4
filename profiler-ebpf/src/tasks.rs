//! What is kept with each watched thread: the kernel's own storage for tasks.
//!
//! A look at it costs no hashing, for a thread that is not watched next to nothing,
//! and it goes with the thread.

use core::ffi::c_void;
use core::ptr;

use aya_ebpf::bindings::bpf_map_type::BPF_MAP_TYPE_TASK_STORAGE;
use aya_ebpf::bindings::{BPF_F_NO_PREALLOC, BPF_LOCAL_STORAGE_GET_F_CREATE, task_struct};
use aya_ebpf::helpers::generated::{
    bpf_get_current_task_btf, bpf_ktime_get_ns, bpf_task_storage_get,
};
use aya_ebpf::macros::btf_map;
use profiler_common::account::{Moment, Thread};
use profiler_common::stats::Counter;

use crate::arch::Syscall;
use crate::config::setting;
use crate::environ::Hints;
use crate::kernel::member;
use crate::maps::{Place, count};

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
        // SAFETY: the helper takes nothing.
        Self(unsafe { bpf_get_current_task_btf() })
    }

    /// Its `struct task_struct`.
    #[inline(always)]
    pub fn pointer(self) -> *mut task_struct {
        self.0
    }
}

/// A map of type `BPF_MAP_TYPE_TASK_STORAGE`, laid out as loaders read it from the
/// object's BTF (Documentation/bpf/map_sk_storage.rst has the like); aya-ebpf has
/// none.
#[repr(C)]
pub struct TaskStorage<T> {
    r#type: *const [i32; BPF_MAP_TYPE_TASK_STORAGE as usize],
    key: *const i32,
    value: *const T,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; BPF_F_NO_PREALLOC as usize],
}

// SAFETY: the fields only describe the map and are never read here.
unsafe impl<T> Sync for TaskStorage<T> {}

impl<T> TaskStorage<T> {
    const fn new() -> Self {
        Self {
            r#type: ptr::null(),
            key: ptr::null(),
            value: ptr::null(),
            max_entries: ptr::null(),
            map_flags: ptr::null(),
        }
    }

    #[inline(always)]
    fn get(&self, task: *mut task_struct, flags: u64) -> Option<&'static mut T> {
        let map = ptr::from_ref(self).cast_mut().cast::<c_void>();
        // SAFETY: the verifier checks that the pointer is a task's. What it gives is
        // written by the thread's own hooks and the scheduler's, and neither
        // interrupts the other.
        unsafe {
            bpf_task_storage_get(map, task, ptr::null_mut(), flags)
                .cast::<T>()
                .as_mut()
        }
    }
}

/// Threads of watched processes. Added by `hooks::sched` for those to come and by
/// `hooks::tasks` for those that are there; read by user space through the latter.
#[btf_map]
static TASKS: TaskStorage<Task> = TaskStorage::new();

/// The current thread, if it is watched, and what is kept with it.
#[inline(always)]
pub fn current() -> Option<(Current, &'static mut Task)> {
    let current = Current::any();
    of(current.0).map(|task| (current, task))
}

/// That thread, if it is watched.
#[inline(always)]
pub fn of(task: *mut task_struct) -> Option<&'static mut Task> {
    TASKS.get(task, 0).filter(|task| task.thread.id != 0)
}

/// Watches that thread, which `id` names.
#[inline(always)]
pub fn add(place: Place, task: *mut task_struct, id: u64, server: u32) {
    let create = u64::from(BPF_LOCAL_STORAGE_GET_F_CREATE);
    let Some(kept) = TASKS.get(task, create) else {
        count(place, Counter::ThreadUnknown);
        return;
    };
    if kept.thread.id != 0 {
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
    kept.thread.set_up(id, server, at);
}
