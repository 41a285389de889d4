//! The system calls that a run needs after the attach; all others fail with `EPERM`.
//!
//! Found by tracing runs on both back ends with every output, and by reading what the
//! C library does in their stead on other versions. Nothing here makes or becomes
//! another process, listens, or mounts; nor writes a file that was not open before,
//! unless an output rotates; nor accepts clients, unless an output serves them.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::Needs;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// With any arguments.
const PLAIN: &[c_long] = &[
    // Data, on what is open.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_ioctl,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    // Looking at files.
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_getcwd,
    // Waiting.
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_pipe2,
    libc::SYS_futex,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    // Time, and who one is.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_getrusage,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_capget,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrandom,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    // Threads and signals of one's own.
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Being a client.
    libc::SYS_connect,
    // Of the resolver's netlink socket.
    libc::SYS_bind,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_shutdown,
];

/// Those that newer machines do without.
#[cfg(target_arch = "x86_64")]
const LEGACY: &[c_long] = &[
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_readlink,
    libc::SYS_access,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_wait,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const LEGACY: &[c_long] = &[];

/// `bpf` commands on maps and programs that are open (`enum bpf_cmd`,
/// include/uapi/linux/bpf.h): look up, update, delete, next key; detach; what about
/// it; look up by batch; run an iterator that is loaded, which takes a link.
const ON_WHAT_IS_OPEN: &[u64] = &[1, 2, 3, 4, 9, 15, 24, 28, 33];
/// Loading a program and its types.
const TO_LOAD: &[u64] = &[5, 18];

/// The programs for [`seccompiler::apply_filter_all_threads`], in that order.
pub(super) fn programs(needs: Needs) -> Result<Vec<BpfProgram>, String> {
    Ok(vec![
        // Its flags are out of a filter's reach; the C library then uses `clone`.
        compile(
            [(libc::SYS_clone3, Vec::new())].into(),
            SeccompAction::Allow,
            SeccompAction::Errno(libc::ENOSYS as u32),
        )?,
        compile(
            allowed(needs).map_err(|error| error.to_string())?,
            SeccompAction::Errno(libc::EPERM as u32),
            SeccompAction::Allow,
        )?,
    ])
}

fn compile(
    rules: Rules,
    otherwise: SeccompAction,
    action: SeccompAction,
) -> Result<BpfProgram, String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH);
    let arch = arch.map_err(|error| error.to_string())?;
    SeccompFilter::new(rules, otherwise, action, arch)
        .and_then(TryInto::try_into)
        .map_err(|error| error.to_string())
}

fn allowed(needs: Needs) -> Result<Rules, seccompiler::BackendError> {
    let plain = PLAIN.iter().chain(LEGACY);
    let mut rules: Rules = plain.map(|call| (*call, Vec::new())).collect();
    // The first filter answers it.
    rules.insert(libc::SYS_clone3, Vec::new());
    let commands = [
        ON_WHAT_IS_OPEN,
        if needs.later_modules { TO_LOAD } else { &[] },
    ]
    .concat();
    rules.insert(libc::SYS_bpf, one_of(0, &commands)?);
    if needs.outputs.serves {
        rules.insert(libc::SYS_accept4, Vec::new());
    }
    if needs.later_modules {
        rules.insert(libc::SYS_perf_event_open, Vec::new());
    }
    files(&mut rules, needs)?;
    // Only threads.
    let thread = libc::CLONE_THREAD as u64;
    rules.insert(libc::SYS_clone, masked(0, thread, thread)?);
    let domains = [
        libc::AF_UNIX,
        libc::AF_INET,
        libc::AF_INET6,
        libc::AF_NETLINK,
    ];
    let domains = domains.map(|domain| domain as u64);
    rules.insert(libc::SYS_socket, one_of(0, &domains)?);
    rules.insert(libc::SYS_socketpair, one_of(0, &domains)?);
    // A panic's end.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, one_of(0, &[own])?);
    // Only to look.
    rules.insert(libc::SYS_prlimit64, one_of(2, &[0])?);
    let names = [
        libc::PR_SET_NAME,
        libc::PR_GET_NAME,
        PR_SET_VMA,
        PR_GET_AUXV,
    ];
    let names = names.map(|name| name as u64);
    rules.insert(libc::SYS_prctl, one_of(0, &names)?);
    Ok(rules)
}

fn files(rules: &mut Rules, needs: Needs) -> Result<(), seccompiler::BackendError> {
    if needs.outputs.spool {
        let calls = [libc::SYS_pwrite64, libc::SYS_ftruncate];
        rules.extend(calls.map(|call| (call, Vec::new())));
    }
    if needs.outputs.new_files {
        let calls = [libc::SYS_openat, libc::SYS_renameat, libc::SYS_renameat2];
        rules.extend(calls.map(|call| (call, Vec::new())));
        #[cfg(target_arch = "x86_64")]
        rules.extend([libc::SYS_open, libc::SYS_rename].map(|call| (call, Vec::new())));
        return Ok(());
    }
    // Only to read.
    let writing = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u64;
    rules.insert(libc::SYS_openat, masked(2, writing, 0)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, masked(1, writing, 0)?);
    Ok(())
}

/// `PR_SET_VMA` (include/uapi/linux/prctl.h): the C library names its memory.
const PR_SET_VMA: i32 = 0x5356_4d41;
/// `PR_GET_AUXV` (likewise): what the CPU can do.
const PR_GET_AUXV: i32 = 0x4155_5856;

/// The argument is one of these.
fn one_of(index: u8, values: &[u64]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    values
        .iter()
        .map(|value| rule(index, SeccompCmpOp::Eq, *value))
        .collect()
}

/// The argument's bits of the mask are those.
fn masked(index: u8, mask: u64, bits: u64) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    Ok(vec![rule(index, SeccompCmpOp::MaskedEq(mask), bits)?])
}

fn rule(
    index: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    let length = if value > u64::from(u32::MAX) {
        SeccompCmpArgLen::Qword
    } else {
        SeccompCmpArgLen::Dword
    };
    let condition = SeccompCondition::new(index, length, operator, value)?;
    SeccompRule::new(vec![condition])
}

#[cfg(test)]
mod tests {
    use super::super::OutputNeeds;
    use super::*;

    #[test]
    fn compiles_for_this_machine() {
        for all in [false, true] {
            let needs = Needs {
                later_modules: all,
                maps: true,
                outputs: OutputNeeds {
                    new_files: all,
                    spool: all,
                    serves: all,
                },
            };
            let programs = programs(needs).unwrap();
            // The kernel's own limit (BPF_MAXINSNS).
            assert!(
                programs
                    .iter()
                    .all(|program| (1..4096).contains(&program.len()))
            );
        }
    }
}
