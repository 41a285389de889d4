//! The ways to hook reads and writes, and which one works on this kernel.
//!
//! Whether a back end is usable is found out by loading and attaching it, never
//! from version numbers: hardened kernels refuse what their version has.

use aya::{Btf, Ebpf};

use super::btf::{Named, Types};
use super::hook::{Hook, load_together};
use super::{Error, preemption, tasks, tracefs};

/// A way to hook socket reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackEnd {
    /// `tp_btf/sock_{send,recv}_length`, kernel 6.3 and later.
    Sock,
    /// `fexit` on the functions behind a socket's reads and writes.
    Fentry,
    /// System call tracepoints, everywhere.
    Syscall,
}

/// Attached with any back end.
const COMMON: [Hook; 4] = [
    Hook::Typed("sched_switch", "sched_switch"),
    Hook::Typed("process_fork", "sched_process_fork"),
    Hook::Typed("process_exit", "sched_process_exit"),
    Hook::Typed("process_exec", "sched_process_exec"),
];

const TCP: [Hook; 2] = [
    Hook::Typed("tcp_state", "inet_sock_set_state"),
    Hook::Typed("tcp_destroy", "tcp_destroy_sock"),
];

/// Once more, where the kernel preempts programs and leaves out runs meanwhile.
const COMMON_AGAIN: [Hook; 3] = [
    Hook::Typed("process_fork_again", "sched_process_fork"),
    Hook::Typed("process_exit_again", "sched_process_exit"),
    Hook::Typed("process_exec_again", "sched_process_exec"),
];

const TCP_AGAIN: [Hook; 2] = [
    Hook::Typed("tcp_state_again", "inet_sock_set_state"),
    Hook::Typed("tcp_destroy_again", "tcp_destroy_sock"),
];

const SOCK: [Hook; 2] = [
    Hook::Typed("sock_recv", "sock_recv_length"),
    Hook::Typed("sock_send", "sock_send_length"),
];

/// With the tracepoint's record a program is not preempted.
const SOCK_RECORDS: [Hook; 2] = [
    Hook::Record("sock_recv_record", "sock", "sock_recv_length"),
    Hook::Record("sock_send_record", "sock", "sock_send_length"),
];

const FENTRY: [Hook; 7] = [
    Hook::End("inet_recv", "inet_recvmsg"),
    Hook::End("inet_send", "inet_sendmsg"),
    Hook::End("unix_recv", "unix_stream_recvmsg"),
    Hook::End("unix_send", "unix_stream_sendmsg"),
    // Not where IPv6 is left out or a module.
    Hook::EndIfThere("inet6_recv", "inet6_recvmsg"),
    Hook::EndIfThere("inet6_send", "inet6_sendmsg"),
    // Until 6.4: how files are sent. Later they are ordinary writes.
    Hook::EndIfThere("inet_sendpage", "inet_sendpage"),
];

/// The ends first: what is then seen to begin is also seen to end.
const SYSCALL: [Hook; 4] = [
    Hook::Calls("syscall_recv", "sys_exit_", &READS),
    Hook::Calls("syscall_send", "sys_exit_", &WRITES),
    Hook::Calls("syscall_enter", "sys_enter_", &READS),
    Hook::Calls("syscall_enter", "sys_enter_", &WRITES),
];

/// As `SOCK_RECORDS`, at a price: these see every call on the machine.
const SYSCALL_RECORDS: [Hook; 3] = [
    Hook::Record("syscall_recv", "raw_syscalls", "sys_exit"),
    Hook::Record("syscall_send", "raw_syscalls", "sys_exit"),
    Hook::Record("syscall_enter", "raw_syscalls", "sys_enter"),
];

/// System calls that read from a socket.
const READS: [&str; 4] = ["read", "readv", "recvfrom", "recvmsg"];
/// System calls that write to one.
const WRITES: [&str; 6] = [
    "write",
    "writev",
    "sendto",
    "sendmsg",
    "sendfile64",
    "splice",
];

impl BackEnd {
    /// In the order in which they are preferred.
    pub const ALL: [Self; 3] = [Self::Sock, Self::Fentry, Self::Syscall];

    /// Its name on the command line and in the summary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sock => "sock",
            Self::Fentry => "fentry",
            Self::Syscall => "syscall",
        }
    }

    /// What it would not see on this kernel.
    #[must_use]
    pub fn missing(self, types: &Types) -> Vec<&'static str> {
        // Since 6.5 a file is sent by ordinary writes (`splice_to_socket`, fs/splice.c).
        let file_is_written = types.has_function("splice_to_socket");
        let sees_files = match self {
            Self::Sock => file_is_written,
            Self::Fentry => file_is_written || types.has_function("inet_sendpage"),
            Self::Syscall => true,
        };
        let sees_v6 = self != Self::Fentry || types.has_function("inet6_recvmsg");
        let knows_queueing = types.offset("sched_info", "run_delay").is_ok();
        [
            (
                sees_files,
                "the bytes of files that leave by sendfile or splice",
            ),
            (sees_v6, "connections over IPv6"),
            (
                knows_queueing,
                "the wait for a CPU, which counts with the wait before it",
            ),
        ]
        .into_iter()
        .filter_map(|(there, what)| (!there).then_some(what))
        .collect()
    }

    /// What speaks for it.
    const fn merit(self) -> &'static str {
        match self {
            Self::Sock | Self::Fentry => "calls that touch no socket cost nothing more",
            Self::Syscall => "works on every kernel, at a few nanoseconds on every system call",
        }
    }

    fn hooks(self) -> Vec<Hook> {
        let preempted = preemption::of_tracepoints();
        match self {
            Self::Sock if preempted => SOCK_RECORDS.to_vec(),
            Self::Sock => SOCK.to_vec(),
            Self::Fentry => FENTRY.to_vec(),
            Self::Syscall if preempted => SYSCALL_RECORDS.to_vec(),
            Self::Syscall => SYSCALL.to_vec(),
        }
    }

    fn attach(self, programs: &mut Ebpf, btf: &Btf) -> Result<(), String> {
        let hooks = self.hooks();
        let is_in_tracefs = |hook: &Hook| matches!(hook, Hook::Record(..) | Hook::Calls(..));
        if hooks.iter().any(is_in_tracefs) {
            tracefs::ensure_mounted()?;
        }
        load_together(programs, &hooks, btf);
        hooks.iter().try_for_each(|hook| hook.attach(programs, btf))
    }

    /// Takes out its hooks, or what a failed attempt left of them.
    fn detach(self, programs: &mut Ebpf) {
        self.hooks().iter().for_each(|hook| hook.detach(programs));
    }
}

/// Attached with any back end.
fn common() -> Vec<Hook> {
    let mut hooks = [&COMMON[..], &TCP].concat();
    if preemption::of_tracepoints() {
        hooks.extend_from_slice(&COMMON_AGAIN);
        hooks.extend_from_slice(&TCP_AGAIN);
    }
    hooks
}

/// All that programs are loaded with.
pub fn named() -> Vec<Named> {
    let own = BackEnd::ALL.into_iter().flat_map(BackEnd::hooks);
    let all = own.chain(common()).chain(tasks::HOOKS);
    all.filter_map(Hook::named).collect()
}

/// Loads what every back end needs together with the back end that is tried first, and
/// attaches the former.
pub fn attach_common(programs: &mut Ebpf, btf: &Btf, wanted: Option<BackEnd>) -> Result<(), Error> {
    let first = wanted.unwrap_or(BackEnd::ALL[0]);
    let common = common();
    // The back end's own are the largest.
    load_together(
        programs,
        &[&first.hooks()[..], &common, &tasks::HOOKS].concat(),
        btf,
    );
    for hook in common {
        hook.attach(programs, btf).map_err(|why| {
            Error::Refused(format!("cannot follow connections and processes: {why}"))
        })?;
    }
    Ok(())
}

/// Attaches the wanted back end, or the first that works; says why for each that was
/// considered.
pub fn attach(
    programs: &mut Ebpf,
    btf: &Btf,
    wanted: Option<BackEnd>,
) -> Result<(BackEnd, Vec<String>), Error> {
    if let Some(wanted) = wanted {
        let name = wanted.name();
        return match wanted.attach(programs, btf) {
            Ok(()) => Ok((wanted, vec![format!("{name}: taken, as asked")])),
            Err(why) => Err(Error::BackEnd { name, why }),
        };
    }
    let mut reasons = Vec::new();
    for candidate in BackEnd::ALL {
        let name = candidate.name();
        match candidate.attach(programs, btf) {
            Ok(()) => {
                reasons.push(format!("{name}: taken, {}", candidate.merit()));
                return Ok((candidate, reasons));
            }
            Err(why) => {
                candidate.detach(programs);
                reasons.push(format!("{name}: {why}"));
            }
        }
    }
    Err(Error::Refused(format!(
        "no hook back end works on this kernel\n  {}",
        reasons.join("\n  ")
    )))
}

/// Takes the hooks out in an order in which a request that is under way stays so: no
/// end may be seen whose beginning went by without a hook.
pub fn detach(programs: &mut Ebpf, back_end: BackEnd) {
    for hook in TCP.iter().chain(&TCP_AGAIN) {
        hook.detach(programs);
    }
    back_end.detach(programs);
}
