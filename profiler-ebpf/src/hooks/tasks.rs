//! Threads that are there already: iterators over all of them, for user space to run.

use aya_ebpf::bindings::{seq_file, task_struct};
use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_seq_write};
use profiler_common::account::{SERVING_SIZE, Serving};

use super::watched;
use crate::maps::Place;
use crate::{storage, tasks};

/// `struct bpf_iter__task` (kernel/bpf/task_iter.c).
#[repr(C)]
pub struct Visit {
    meta: *const Meta,
    /// Null after the last one.
    task: *mut task_struct,
}

/// `struct bpf_iter_meta` (include/linux/bpf.h), as far as it is used.
#[repr(C)]
struct Meta {
    seq: *mut seq_file,
}

/// Takes up the threads of processes that are watched.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
pub extern "C" fn take_up(visit: *const Visit) -> i32 {
    try_take_up(visit);
    0
}

#[inline(always)]
fn try_take_up(visit: *const Visit) -> Option<()> {
    // SAFETY: the context of such a program, which the verifier knows.
    let task = unsafe { (*visit).task };
    if task.is_null() {
        return None;
    }
    let id = tasks::id(task)?;
    let whose = watched((id >> 32) as u32)?;
    tasks::add(Place::TakeUp, task, id, whose);
    None
}

/// Tells, with a byte, that something can be kept with the thread that asks.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
pub extern "C" fn try_storage(visit: *const Visit) -> i32 {
    // SAFETY: as above.
    let (meta, task) = unsafe { ((*visit).meta, (*visit).task) };
    // SAFETY: the helper takes nothing.
    if task.is_null() || task as u64 != unsafe { bpf_get_current_task() } {
        return 0;
    }
    if storage::works(task) {
        let yes = 1_u64;
        // SAFETY: a pointer of the context, and a value on the stack.
        unsafe { bpf_seq_write((*meta).seq, (&raw const yes).cast(), 1) };
    }
    0
}

/// Tells of the threads that have served requests, and of each process's first one, that
/// user space need not ask for each process: a [`Serving`] each.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
pub extern "C" fn tell_serving(visit: *const Visit) -> i32 {
    try_tell(visit);
    0
}

#[inline(always)]
fn try_tell(visit: *const Visit) -> Option<()> {
    // SAFETY: as above.
    let (meta, task) = unsafe { ((*visit).meta, (*visit).task) };
    if task.is_null() {
        return None;
    }
    let thread = &tasks::of(task)?.thread;
    let has_served = thread.taken_ns != 0;
    let is_first = (thread.id >> 32) as u32 == thread.id as u32;
    if !has_served && !is_first {
        return None;
    }
    let serving = Serving {
        id: thread.id,
        since_ns: match thread.serving {
            0 => 0,
            _ => thread.taken_ns,
        },
        origin: thread.origin,
        has_served: has_served.into(),
    };
    // SAFETY: a pointer of the context, and a value on the stack.
    unsafe {
        let to = (*meta).seq;
        bpf_seq_write(to, (&raw const serving).cast(), SERVING_SIZE as u32);
    }
    None
}
