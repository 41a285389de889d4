//! What user space set before the load.

use profiler_common::config::Config;

/// Overwritten by the loader; the verifier then treats its values as constants.
#[unsafe(no_mangle)]
static CONFIG: Config = Config {
    task_tgid: 0,
    task_pid: 0,
    task_files: 0,
    files_fdt: 0,
    fdtable_fd: 0,
    fdtable_max_fds: 0,
    file_inode: 0,
    file_private_data: 0,
    inode_mode: 0,
    socket_sk: 0,
    sock_protocol: 0,
    sock_v6_daddr: 0,
    sock_v6_rcv_saddr: 0,
    task_cpu: 0,
    task_exec_start: 0,
    task_run_delay: 0,
    task_storage: 0,
    unix_peer: 0,
    unix_addr: 0,
    unix_address_len: 0,
    unix_address_name: 0,
    task_state: 0,
    task_stack: 0,
    stack_regs: 0,
    wake_bytes: 0,
    tell_execs: 0,
};

/// One setting, read so that the compiler cannot fold the placeholder in.
macro_rules! setting {
    ($field:ident) => {
        $crate::config::read(|config| &raw const config.$field)
    };
}
pub(crate) use setting;

#[inline(always)]
pub fn read(field: impl Fn(&'static Config) -> *const u32) -> u32 {
    // SAFETY: the pointer is to a field of a static.
    unsafe { core::ptr::read_volatile(field(&CONFIG)) }
}
