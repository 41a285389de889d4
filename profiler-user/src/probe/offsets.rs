//! The configuration that the programs are loaded with.

use profiler_common::config::Config;

use super::btf::{Error, Types};

/// Size of a thread's stack in the kernel (`THREAD_SIZE`): x86-64, and aarch64 with pages
/// of 4 KiB.
const THREAD_SIZE: u32 = 16 << 10;

/// Resolves every member that the programs touch.
pub fn resolve(types: &Types) -> Result<Config, Error> {
    let at = |structure, member| types.offset(structure, member);
    Ok(Config {
        task_tgid: at("task_struct", "tgid")?,
        task_pid: at("task_struct", "pid")?,
        task_files: at("task_struct", "files")?,
        files_fdt: at("files_struct", "fdt")?,
        fdtable_fd: at("fdtable", "fd")?,
        fdtable_max_fds: at("fdtable", "max_fds")?,
        file_inode: at("file", "f_inode")?,
        file_private_data: at("file", "private_data")?,
        inode_mode: at("inode", "i_mode")?,
        socket_sk: at("socket", "sk")?,
        sock_protocol: at("sock", "sk_protocol")?,
        sock_v6_daddr: at("sock_common", "skc_v6_daddr")?,
        sock_v6_rcv_saddr: at("sock_common", "skc_v6_rcv_saddr")?,
        task_cpu: at("task_struct", "se")? + at("sched_entity", "sum_exec_runtime")?,
        task_exec_start: at("task_struct", "se")? + at("sched_entity", "exec_start")?,
        // Without it, queueing for a CPU counts with the wait before it.
        task_run_delay: match (
            at("task_struct", "sched_info"),
            at("sched_info", "run_delay"),
        ) {
            (Ok(info), Ok(delay)) => info + delay,
            _ => 0,
        },
        task_storage: at("task_struct", "bpf_storage").unwrap_or(0),
        unix_peer: at("unix_sock", "peer")?,
        unix_addr: at("unix_sock", "addr")?,
        unix_address_len: at("unix_address", "len")?,
        unix_address_name: at("unix_address", "name")?,
        task_state: at("task_struct", "__state").or_else(|_| at("task_struct", "state"))?,
        task_stack: at("task_struct", "stack")?,
        // At its end (`task_pt_regs`).
        stack_regs: THREAD_SIZE - types.size("pt_regs")?,
        // A setting, not the kernel's.
        wake_bytes: 0,
        tell_execs: 0,
    })
}
