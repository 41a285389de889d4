//! Reading the kernel's own structures, at offsets that user space resolved.

use core::arch::asm;

use aya_ebpf::bindings::task_struct;
use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated;

use crate::config::setting;

/// `S_IFMT` and `S_IFSOCK` (include/uapi/linux/stat.h).
const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;

/// The current thread, typed for the verifier where the kernel can (5.11).
#[inline(always)]
pub fn current() -> *mut task_struct {
    // SAFETY: the helpers take nothing.
    unsafe {
        #[cfg(not(feature = "old-kernels"))]
        return generated::bpf_get_current_task_btf();
        #[cfg(feature = "old-kernels")]
        return generated::bpf_get_current_task() as *mut task_struct;
    }
}

/// A member of a structure; `None` where it cannot be read.
#[inline(always)]
pub fn member<T>(structure: u64, offset: u32) -> Option<T> {
    if structure == 0 {
        return None;
    }
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel((structure + u64::from(offset)) as *const T) }.ok()
}

/// What this CPU has written is there for all before it reads on: a store and a later
/// load of something else may change places otherwise, on x86 too. By a locked
/// instruction, since `core` has no atomic operations for this target; an exchange orders
/// on every architecture (Documentation/bpf/standardization/instruction-set.rst), but old
/// kernels (before 5.12) only add, which is enough on x86.
#[inline(always)]
pub fn full_barrier(word: &mut u64) {
    // SAFETY: an aligned value that nobody else uses.
    unsafe {
        #[cfg(not(feature = "old-kernels"))]
        asm!("{0} = xchg_64({1} + 0, {0})", inout(reg) 0_u64 => _, in(reg) word);
        #[cfg(feature = "old-kernels")]
        asm!("lock *(u64 *)({1} + 0) += {0}", in(reg) 1_u64, in(reg) word);
    }
}

/// The `struct sock` behind a descriptor of the current process, if it is one.
#[inline(always)]
pub fn socket_of(descriptor: u32) -> Option<u64> {
    // SAFETY: the helper takes nothing.
    let task = unsafe { generated::bpf_get_current_task() };
    let files: u64 = member(task, setting!(task_files))?;
    let table: u64 = member(files, setting!(files_fdt))?;
    if descriptor >= member::<u32>(table, setting!(fdtable_max_fds))? {
        return None;
    }
    let array: u64 = member(table, setting!(fdtable_fd))?;
    let file: u64 = member(array + u64::from(descriptor) * 8, 0)?;
    let inode: u64 = member(file, setting!(file_inode))?;
    if member::<u16>(inode, setting!(inode_mode))? & S_IFMT != S_IFSOCK {
        return None;
    }
    let socket: u64 = member(file, setting!(file_private_data))?;
    member(socket, setting!(socket_sk))
}

/// The other end of a connected UNIX socket (`unix_peer`, include/net/af_unix.h).
#[inline(always)]
pub fn unix_peer(sock: u64) -> Option<u64> {
    member(sock, setting!(unix_peer)).filter(|peer| *peer != 0)
}
