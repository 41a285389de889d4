//! The ways to hook reads and writes, and which one works on this kernel.
//!
//! Whether a back end is usable is found out by loading and attaching it, never
//! from version numbers: hardened kernels refuse what their version has.

use aya::programs::{BtfTracePoint, ProgramError, TracePoint};
use aya::{Btf, Ebpf};

use super::{Error, tracefs};

/// A way to hook socket reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackEnd {
    /// `tp_btf/sock_{send,recv}_length`, kernel 6.3 and later.
    Sock,
    /// System call tracepoints, everywhere.
    Syscall,
}

/// Attached with either back end: program and tracepoint.
const COMMON: [(&str, &str); 5] = [
    ("sched_switch", "sched_switch"),
    ("process_fork", "sched_process_fork"),
    ("process_exit", "sched_process_exit"),
    ("tcp_state", "inet_sock_set_state"),
    ("tcp_destroy", "tcp_destroy_sock"),
];

const SOCK: [(&str, &str); 2] = [
    ("sock_recv", "sock_recv_length"),
    ("sock_send", "sock_send_length"),
];

const SYSCALL: [&str; 2] = ["syscall_exit", "syscall_enter"];

/// System calls that move bytes over a socket.
const CALLS: [&str; 10] = [
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "write",
    "writev",
    "sendto",
    "sendmsg",
    "sendfile64",
    "splice",
];

impl BackEnd {
    /// In the order in which they are preferred.
    pub const ALL: [Self; 2] = [Self::Sock, Self::Syscall];

    /// Its name on the command line and in the summary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sock => "sock",
            Self::Syscall => "syscall",
        }
    }

    /// What speaks for it.
    const fn merit(self) -> &'static str {
        match self {
            Self::Sock => "calls that touch no socket cost nothing more",
            Self::Syscall => "works on every kernel, at a few nanoseconds on every system call",
        }
    }

    fn attach(self, programs: &mut Ebpf, btf: &Btf) -> Result<(), String> {
        match self {
            Self::Sock => SOCK
                .iter()
                .try_for_each(|&(program, tracepoint)| typed(programs, btf, program, tracepoint)),
            Self::Syscall => {
                tracefs::ensure_mounted()?;
                system_calls(programs, SYSCALL[0], "sys_exit_")?;
                system_calls(programs, SYSCALL[1], "sys_enter_")
            }
        }
    }

    /// Takes out what a failed attempt left attached. A program that was never
    /// loaded answers that it is not, which is as good.
    fn detach(self, programs: &mut Ebpf) {
        match self {
            Self::Sock => SOCK.iter().for_each(|&(name, _)| {
                let _ = find::<BtfTracePoint>(programs, name).map(BtfTracePoint::unload);
            }),
            Self::Syscall => SYSCALL.iter().for_each(|name| {
                let _ = find::<TracePoint>(programs, name).map(TracePoint::unload);
            }),
        }
    }
}

/// Attaches the common hooks and the wanted back end, or the first that works;
/// says why for each that was considered.
pub fn attach(
    programs: &mut Ebpf,
    btf: &Btf,
    wanted: Option<BackEnd>,
) -> Result<(BackEnd, Vec<String>), Error> {
    for (program, tracepoint) in COMMON {
        typed(programs, btf, program, tracepoint).map_err(|why| {
            Error::Refused(format!("cannot follow connections and processes: {why}"))
        })?;
    }
    let candidates = BackEnd::ALL
        .into_iter()
        .filter(|candidate| wanted.is_none_or(|wanted| wanted == *candidate));
    let mut reasons = Vec::new();
    for candidate in candidates {
        match candidate.attach(programs, btf) {
            Ok(()) => {
                let why = if wanted.is_some() {
                    "as asked"
                } else {
                    candidate.merit()
                };
                reasons.push(format!("{}: taken, {why}", candidate.name()));
                return Ok((candidate, reasons));
            }
            Err(why) => {
                candidate.detach(programs);
                reasons.push(format!("{}: {why}", candidate.name()));
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
    for name in ["tcp_state", "tcp_destroy"] {
        let _ = find::<BtfTracePoint>(programs, name).map(BtfTracePoint::unload);
    }
    back_end.detach(programs);
}

fn typed(programs: &mut Ebpf, btf: &Btf, name: &str, tracepoint: &str) -> Result<(), String> {
    let program: &mut BtfTracePoint = find(programs, name)?;
    program
        .load(tracepoint, btf)
        .and_then(|()| program.attach().map(|_| ()))
        .map_err(|error| format!("tp_btf/{tracepoint}: {}", explain(&error)))
}

fn system_calls(programs: &mut Ebpf, name: &str, prefix: &str) -> Result<(), String> {
    let program: &mut TracePoint = find(programs, name)?;
    program
        .load()
        .map_err(|error| format!("{name}: {}", explain(&error)))?;
    for call in CALLS {
        let tracepoint = format!("{prefix}{call}");
        program
            .attach("syscalls", &tracepoint)
            .map_err(|error| format!("syscalls/{tracepoint}: {}", explain(&error)))?;
    }
    Ok(())
}

pub(super) fn find<'a, P>(programs: &'a mut Ebpf, name: &str) -> Result<&'a mut P, String>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
{
    programs
        .program_mut(name)
        .ok_or_else(|| format!("{name} is not in the object"))?
        .try_into()
        .map_err(|error: ProgramError| format!("{name}: {error}"))
}

/// The kernel's answer, with the end of the verifier's log where there is one.
pub(super) fn explain(error: &ProgramError) -> String {
    if let ProgramError::LoadError {
        io_error,
        verifier_log,
    } = error
    {
        let log = verifier_log.to_string();
        let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
        let tail = &lines[lines.len().saturating_sub(12)..];
        return format!(
            "refused by the kernel: {io_error}\n    {}",
            tail.join("\n    ")
        );
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
