//! What user space tells the programs before they are loaded.
//!
//! Rust emits no CO-RE relocations, so the offsets of kernel fields are resolved
//! from the running kernel's BTF in user space and handed in as read-only data.

/// Byte offsets of kernel structure members, and settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Config {
    /// `task_struct.tgid`
    pub task_tgid: u32,
    /// `task_struct.pid`
    pub task_pid: u32,
    /// `task_struct.files`
    pub task_files: u32,
    /// `files_struct.fdt`
    pub files_fdt: u32,
    /// `fdtable.fd`
    pub fdtable_fd: u32,
    /// `fdtable.max_fds`
    pub fdtable_max_fds: u32,
    /// `file.f_inode`
    pub file_inode: u32,
    /// `file.private_data`
    pub file_private_data: u32,
    /// `inode.i_mode`
    pub inode_mode: u32,
    /// `socket.sk`
    pub socket_sk: u32,
    /// `sock.sk_protocol`
    pub sock_protocol: u32,
    /// `sock_common.skc_v6_daddr`
    pub sock_v6_daddr: u32,
    /// `sock_common.skc_v6_rcv_saddr`
    pub sock_v6_rcv_saddr: u32,
    /// `task_struct.se.sum_exec_runtime`
    pub task_cpu: u32,
    /// `task_struct.se.exec_start`
    pub task_exec_start: u32,
    /// `task_struct.sched_info.run_delay`; 0 where the kernel does not keep it
    /// (`CONFIG_SCHED_INFO`).
    pub task_run_delay: u32,
    /// `task_struct.bpf_storage`; 0 where the kernel has none (before 5.11).
    pub task_storage: u32,
    /// `unix_sock.peer`
    pub unix_peer: u32,
    /// `unix_sock.addr`
    pub unix_addr: u32,
    /// `unix_address.len`
    pub unix_address_len: u32,
    /// `unix_address.name`
    pub unix_address_name: u32,
    /// `task_struct.__state`, `state` before 5.14. Like the next two read on old kernels
    /// only (profiler-ebpf's feature `old-kernels`).
    pub task_state: u32,
    /// `task_struct.stack`
    pub task_stack: u32,
    /// Where the registers of a system call lie on that stack.
    pub stack_regs: u32,
    /// User space is woken once this many bytes wait in the ring buffer.
    pub wake_bytes: u32,
    /// Not 0: every program that is executed is told to user space, which looks for more
    /// than names.
    pub tell_execs: u32,
}

// 26 words, no padding.
const _: () = assert!(size_of::<Config>() == 26 * 4);

/// What a program hangs on, as far as being preempted goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hung {
    /// A tracepoint: preempted since Linux 7.
    Tracepoint,
    /// A function's end: always preempted, where the kernel preempts itself.
    Function,
}

impl Hung {
    /// Stands for a call of the kernel's function `bpf_preempt_disable`: a helper's
    /// number that no kernel has.
    #[must_use]
    pub const fn preemption_off(self) -> usize {
        match self {
            Self::Tracepoint => u32::from_le_bytes(*b"t_-\x03") as usize,
            Self::Function => u32::from_le_bytes(*b"f_-\x03") as usize,
        }
    }

    /// Likewise for `bpf_preempt_enable`.
    #[must_use]
    pub const fn preemption_on(self) -> usize {
        match self {
            Self::Tracepoint => u32::from_le_bytes(*b"t_+\x03") as usize,
            Self::Function => u32::from_le_bytes(*b"f_+\x03") as usize,
        }
    }
}

/// Stable members of `struct sock_common`, which every `struct sock` begins with
/// (include/net/sock.h; unchanged since 3.x, before BPF could see them).
pub mod sock_common {
    /// `skc_daddr`, network byte order.
    pub const DADDR: usize = 0;
    /// `skc_rcv_saddr`, network byte order.
    pub const RCV_SADDR: usize = 4;
    /// `skc_dport`, network byte order.
    pub const DPORT: usize = 12;
    /// `skc_num`, host byte order: the local port.
    pub const NUM: usize = 14;
    /// `skc_family`.
    pub const FAMILY: usize = 16;
}
