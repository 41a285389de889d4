//! Threads that serve requests: what the kernel keeps of them, and booking on requests.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use profiler_common::account::{Moment, Thread};
use profiler_common::event::FLAG_WSGI;
use profiler_common::pairing::conn::Conn;

use crate::config::setting;
use crate::maps::CLOCKS;
use crate::op::Op;
use crate::tasks::Current;

/// What the current thread has used up to now.
#[inline(always)]
pub fn moment(op: &Op, current: Current) -> Moment {
    Kernel::of(current.pointer().cast()).running(op.now)
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
    /// Of a thread that is on this CPU.
    #[inline(always)]
    pub fn of(task: *const u8) -> Self {
        let exec_start = setting!(task_exec_start);
        let before = word(task, exec_start);
        let mut kernel = Self {
            cpu: Self::cpu(task),
            exec_start: word(task, exec_start),
            run_delay: Self::run_delay(task),
        };
        if kernel.exec_start != before {
            // A tick brought it up to date in between; the next is far away.
            kernel.cpu = Self::cpu(task);
        }
        kernel
    }

    /// All the thread's CPU time up to the last time that it was brought up to date.
    #[inline(always)]
    pub fn cpu(task: *const u8) -> u64 {
        word(task, setting!(task_cpu))
    }

    /// While it runs.
    #[inline(always)]
    pub fn running(&self, now: u64) -> Moment {
        let offset = CLOCKS.get(0).map_or(0, |offset| offset.ns);
        let since = now.wrapping_sub(offset).wrapping_sub(self.exec_start) as i64;
        // No offset yet, or one that is a hair too large: the rest shows at the switch.
        let known = offset != 0 && since > 0;
        Moment {
            now,
            cpu: self.cpu + if known { since as u64 } else { 0 },
            run_delay: self.run_delay,
        }
    }

    /// Of a thread that is being switched out, when the kernel has just brought it up to
    /// date: so its own clock tells the time, and the other need not be asked.
    #[inline(always)]
    pub fn leaving(task: *const u8, offset: &Offset) -> Moment {
        Moment {
            now: word(task, setting!(task_exec_start)).wrapping_add(offset.ns),
            cpu: Self::cpu(task),
            run_delay: Self::run_delay(task),
        }
    }

    #[inline(always)]
    fn run_delay(task: *const u8) -> u64 {
        match setting!(task_run_delay) {
            0 => 0,
            offset => word(task, offset),
        }
    }
}

/// `CLOCK_MONOTONIC` less this CPU's scheduler clock. The CPUs' clocks may be far apart
/// (seen in a virtual machine: 212 ms), and one stands still while an interrupt or the
/// hypervisor has the CPU.
#[repr(C)]
pub struct Offset {
    ns: u64,
    /// When that was found out, on the scheduler's clock.
    at: u64,
}

impl Offset {
    /// How old it may become, ns: of what the clocks part in that time, a tenth of a
    /// microsecond is usual.
    const AGE: u64 = 200_000;

    /// Finds it out anew, if it is old: `task` is being switched out, and the kernel has
    /// just brought it up to date. The idle thread it never does.
    #[inline(always)]
    pub fn refresh(task: *const u8) -> Option<&'static Self> {
        let offset = CLOCKS.get_ptr_mut(0)?;
        let at = word(task, setting!(task_exec_start));
        // SAFETY: this CPU's own value, written with interrupts off.
        let offset = unsafe { &mut *offset };
        // SAFETY: the helper takes nothing; as in `word`.
        if at.wrapping_sub(offset.at) > Self::AGE && half(task, setting!(task_pid)) != 0 {
            offset.ns = unsafe { bpf_ktime_get_ns() }.wrapping_sub(at);
            offset.at = at;
        }
        Some(offset)
    }
}

/// Eight bytes of a `struct task_struct`.
#[inline(always)]
pub fn word(task: *const u8, offset: u32) -> u64 {
    load(task, offset).unwrap_or(0)
}

/// Four bytes of it.
#[inline(always)]
fn half(task: *const u8, offset: u32) -> u32 {
    load(task, offset).unwrap_or(0)
}

#[inline(always)]
fn load<T>(task: *const u8, offset: u32) -> Option<T> {
    #[cfg(not(feature = "old-kernels"))]
    // SAFETY: a typed pointer to a task; the verifier knows the offset, which is
    // constant, and checks the load against the kernel's own type. The kernel may
    // write at any time.
    return Some(unsafe { task.add(offset as usize).cast::<T>().read_volatile() });
    #[cfg(feature = "old-kernels")]
    return crate::kernel::member(task as u64, offset);
}

/// Books what the current thread did up to `at` on the request in front, if it serves
/// this connection. `idle` says that the connection owes the server nothing: a wait for
/// the client was one for the next request.
#[inline(always)]
pub fn book(op: &Op, thread: &mut Thread, at: Moment, conn: &mut Conn, idle: bool) {
    if thread.serving != op.sock || !conn.is_served() {
        return;
    }
    let header = &mut conn.cur.header;
    header.released_ns = thread.book(at, idle, &mut header.spent);
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
pub fn assign(op: &Op, thread: &mut Thread, at: Moment, conn: &Conn) {
    if conn.untracked {
        return;
    }
    if conn.is_served() {
        if conn.cur.header.first_byte_ns == op.now && thread.serves(op.sock, conn.cur.seq) {
            // The request has only just begun: that was one of a connection that had
            // this address before, and whose end another thread saw.
            thread.release(op.now);
        }
        // Most operations go on with what the thread is at.
        if !thread.serves(op.sock, conn.cur.seq) {
            thread.take(at, op.sock, conn.cur.seq);
        }
        if op.descriptor != u32::MAX {
            thread.serving_fd = op.descriptor;
        }
    } else if thread.serving == op.sock {
        thread.release(op.now);
    }
}
