//! Servers that come: a process that executes a program of a name that is waited for, or
//! that listens on a port that is, is watched before it goes on. User space is told, and
//! finds out the rest.
//!
//! Attached twice where the kernel preempts programs, as in `hooks::tcp`.

use aya_ebpf::bindings::{BPF_ANY, BPF_RB_FORCE_WAKEUP};
use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid};
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use profiler_common::config::Hung;
use profiler_common::event::SERVER_OTHER;
use profiler_common::stats::Counter;
use profiler_common::watched::{
    NOTICE_EXEC, NOTICE_LISTEN, Notice, PORT_SERVED, PORT_WANTED, Watched,
};

use super::{undisturbed, watched};
use crate::config::setting;
use crate::conns;
use crate::maps::{EVENTS, NAMES, PORTS, Place, WATCHED, count};
use crate::tasks::{self, Current};

// TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)
//                                                  include/trace/events/sched.h
#[btf_tracepoint(function = "sched_process_exec")]
pub fn process_exec(_ctx: BtfTracePointContext) -> i32 {
    undisturbed(Hung::Tracepoint, || executes(Place::Exec));
    0
}

#[btf_tracepoint(function = "sched_process_exec")]
pub fn process_exec_again(_ctx: BtfTracePointContext) -> i32 {
    undisturbed(Hung::Tracepoint, || executes(Place::ExecAgain));
    0
}

#[inline(always)]
fn executes(place: Place) -> Option<()> {
    let id = bpf_get_current_pid_tgid();
    let process = (id >> 32) as u32;
    let known = watched(process);
    let named = named();
    if let Some(server) = named {
        // What was started by a watched script belongs to it; what Apache itself starts
        // stays what it was.
        let whose = match known {
            Some(whose) if whose.server == u32::from(SERVER_OTHER) => Watched { server, ..whose },
            Some(whose) => whose,
            None => Watched {
                server,
                origin: process,
            },
        };
        watch(place, id, whose)?;
    }
    if named.is_some() || (known.is_none() && setting!(tell_execs) != 0) {
        tell(NOTICE_EXEC, process);
    }
    None
}

/// The current process has come to listen: where, it can be told whose connections those
/// are.
#[inline(always)]
pub fn listens(place: Place, sock: u64) -> Option<()> {
    let port = u32::from(conns::local_port(sock));
    let id = bpf_get_current_pid_tgid();
    let process = (id >> 32) as u32;
    if watched(process).is_some() {
        if PORTS.get_ptr(port).is_none()
            && PORTS.insert(port, PORT_SERVED, u64::from(BPF_ANY)).is_err()
        {
            count(place, Counter::PortFull);
        }
        tell(NOTICE_LISTEN, process);
        return None;
    }
    let wanted = PORTS.get_ptr(port)?;
    // SAFETY: a valid map value.
    if unsafe { *wanted } != PORT_WANTED {
        return None;
    }
    let whose = Watched {
        server: named().unwrap_or(u32::from(SERVER_OTHER)),
        origin: process,
    };
    watch(place, id, whose)?;
    tell(NOTICE_LISTEN, process);
    None
}

/// Which kind of server the current process is by its name, if that is waited for.
#[inline(always)]
fn named() -> Option<u32> {
    let name = bpf_get_current_comm().ok()?;
    let server = NAMES.get_ptr(name)?;
    // SAFETY: a valid map value.
    Some(unsafe { *server })
}

/// Watches the current process, which `id` names with its thread.
#[inline(always)]
fn watch(place: Place, id: u64, whose: Watched) -> Option<()> {
    let process = (id >> 32) as u32;
    if WATCHED.insert(process, whose, u64::from(BPF_ANY)).is_err() {
        count(place, Counter::ProcessFull);
        return None;
    }
    tasks::add(place, Current::any().pointer(), id, whose);
    Some(())
}

/// Wakes user space. A notice that finds no room is made up for: user space looks by
/// itself now and then.
#[inline(always)]
fn tell(what: u32, process: u32) {
    let bytes = Notice { what, process }.to_bytes();
    let _ = EVENTS.output::<[u8]>(&bytes[..], u64::from(BPF_RB_FORCE_WAKEUP));
}
