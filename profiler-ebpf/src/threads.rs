//! Threads that serve requests: finding their accounts, and booking on requests.

use aya_ebpf::bindings::BPF_ANY;
use aya_ebpf::helpers::generated::bpf_get_current_task_btf;
use profiler_common::account::Thread;
use profiler_common::event::FLAG_WSGI;
use profiler_common::pairing::conn::Conn;
use profiler_common::stats::Counter;

use crate::config::setting;
use crate::maps::{THREADS, count};
use crate::op::Op;

/// The account of a thread, if it has ever served a request.
#[inline(always)]
pub fn find(tid: u32) -> Option<&'static mut Thread> {
    let thread = THREADS.get_ptr_mut(tid)?;
    // SAFETY: a valid map value; the scheduler's hook and the thread's own hooks
    // are the only ones to use it, and neither interrupts the other.
    Some(unsafe { &mut *thread })
}

/// The account of the thread at work, made if need be.
#[inline(always)]
pub fn find_or_add(op: &Op) -> Option<&'static mut Thread> {
    let tid = op.task as u32;
    if let Some(thread) = find(tid) {
        return Some(thread);
    }
    let thread = Thread::new((op.task >> 32) as u32, op.now, run_delay());
    if THREADS.insert(tid, thread, u64::from(BPF_ANY)).is_err() {
        count(op.place, Counter::ThreadFull);
        return None;
    }
    find(tid)
}

/// How long the current thread has ever waited in run queues, ns
/// (`sched_info.run_delay`, include/linux/sched.h); 0 where the kernel does not say.
#[inline(always)]
pub fn run_delay() -> u64 {
    let offset = setting!(task_run_delay);
    if offset == 0 {
        return 0;
    }
    // SAFETY: a typed pointer to the current task; the verifier knows the offset,
    // which is constant, and checks the load against the kernel's own type.
    unsafe {
        let task = bpf_get_current_task_btf() as *const u8;
        *task.add(offset as usize).cast()
    }
}

/// Books what the current thread did since it was last seen on the request in
/// front, if it serves this connection. `idle` says that the connection owes the
/// server nothing: a wait for the client was one for the next request.
#[inline(always)]
pub fn book(op: &Op, conn: &mut Conn, idle: bool) {
    let Some(thread) = find(op.task as u32) else {
        return;
    };
    if thread.serving != op.sock || !conn.is_served() {
        return;
    }
    let header = &mut conn.cur.header;
    header.released_ns = thread.book(op.now, run_delay(), idle, &mut header.spent);
    header.taken_ns = match header.taken_ns {
        0 => thread.taken_ns,
        earlier => earlier,
    };
    if thread.upstream != 0 {
        header.upstream = thread.upstream;
    }
    if thread.wsgi != 0 {
        header.flags |= FLAG_WSGI;
    }
}

/// After an operation: the current thread serves this connection's request, or is
/// done with it.
#[inline(always)]
pub fn assign(op: &Op, conn: &Conn) {
    if conn.untracked {
        return;
    }
    if conn.is_served() {
        if let Some(thread) = find_or_add(op) {
            thread.take(op.now, run_delay(), op.sock, conn.cur.seq);
            thread.serving_fd = op.descriptor;
        }
    } else if let Some(thread) = find(op.task as u32)
        && thread.serving == op.sock
    {
        thread.release(op.now);
    }
}
