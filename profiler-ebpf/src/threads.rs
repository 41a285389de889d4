//! Threads that serve requests: finding their accounts, and booking on requests.

use aya_ebpf::bindings::BPF_ANY;
use aya_ebpf::helpers::generated::bpf_get_current_task_btf;
use profiler_common::account::{Moment, Thread};
use profiler_common::event::{FLAG_NO_ACCOUNT, FLAG_WSGI};
use profiler_common::pairing::conn::Conn;

use crate::config::setting;
use crate::maps::{CLOCKS, Full, THREADS, set_full};
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
    let at = Kernel::current().running(op.now);
    let thread = Thread::new((op.task >> 32) as u32, at);
    if THREADS.insert(tid, thread, u64::from(BPF_ANY)).is_err() {
        // Whoever asks marks the request, which is counted once, at its end.
        set_full(Full::Handovers);
        return None;
    }
    find(tid)
}

/// What the current thread has used up to now.
#[inline(always)]
pub fn moment(op: &Op) -> Moment {
    Kernel::current().running(op.now)
}

/// The kernel's account of the current thread (`struct sched_entity` and `struct
/// sched_info`, include/linux/sched.h).
pub struct Kernel {
    /// CPU time up to `exec_start`, ns.
    cpu: u64,
    /// The last time that it was brought up to date (at each switch and tick), on the
    /// scheduler's clock of this CPU.
    exec_start: u64,
    /// Time in run queues, ns.
    run_delay: u64,
}

impl Kernel {
    /// Of the current thread.
    #[inline(always)]
    pub fn current() -> Self {
        let run_delay = match setting!(task_run_delay) {
            0 => 0,
            offset => of_current(offset),
        };
        let (cpu, exec_start) = (setting!(task_cpu), setting!(task_exec_start));
        let before = of_current(exec_start);
        let mut kernel = Self {
            cpu: of_current(cpu),
            exec_start: of_current(exec_start),
            run_delay,
        };
        if kernel.exec_start != before {
            // A tick brought it up to date in between; the next is far away.
            kernel.cpu = of_current(cpu);
        }
        kernel
    }

    /// While it runs.
    #[inline(always)]
    pub fn running(&self, now: u64) -> Moment {
        let offset = CLOCKS.get(0).copied().unwrap_or(0);
        let since = now.wrapping_sub(offset).wrapping_sub(self.exec_start) as i64;
        // No offset yet, or one that is a hair too large: the rest shows at the switch.
        let known = offset != 0 && since > 0;
        Moment {
            now,
            cpu: self.cpu + if known { since as u64 } else { 0 },
            run_delay: self.run_delay,
        }
    }

    /// As it is switched out: the kernel has just brought it up to date, which tells
    /// how far apart the clocks are.
    #[inline(always)]
    pub fn leaving(&self, now: u64) -> Moment {
        if let Some(offset) = CLOCKS.get_ptr_mut(0) {
            // SAFETY: this CPU's own value, written with interrupts off.
            unsafe { *offset = now.wrapping_sub(self.exec_start) };
        }
        Moment {
            now,
            cpu: self.cpu,
            run_delay: self.run_delay,
        }
    }
}

#[inline(always)]
fn of_current(offset: u32) -> u64 {
    // SAFETY: a typed pointer to the current task; the verifier knows the offset,
    // which is constant, and checks the load against the kernel's own type. The
    // kernel may write at any time.
    unsafe {
        let task = bpf_get_current_task_btf() as *const u8;
        task.add(offset as usize).cast::<u64>().read_volatile()
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
    header.released_ns = thread.book(moment(op), idle, &mut header.spent);
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
pub fn assign(op: &Op, conn: &mut Conn) {
    if conn.untracked {
        return;
    }
    if conn.is_served() {
        let Some(thread) = find_or_add(op) else {
            conn.cur.header.flags |= FLAG_NO_ACCOUNT;
            return;
        };
        if conn.cur.header.first_byte_ns == op.now && thread.serves(op.sock, conn.cur.seq) {
            // The request has only just begun: that was one of a connection that had
            // this address before, and whose end another thread saw.
            thread.release(op.now);
        }
        // Most operations go on with what the thread is at.
        if !thread.serves(op.sock, conn.cur.seq) {
            thread.take(moment(op), op.sock, conn.cur.seq);
        }
        thread.serving_fd = op.descriptor;
    } else if let Some(thread) = find(op.task as u32)
        && thread.serving == op.sock
    {
        thread.release(op.now);
    }
}
