//! What differs between processors: registers at system call entry, and numbers.

use crate::tasks::Current;
use crate::user::Buffers;

/// A system call on a socket.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Syscall {
    /// Where the caller's bytes are.
    pub buffers: Buffers,
    /// The socket's file descriptor.
    pub descriptor: u32,
    /// Zero.
    pub reserved: u32,
}

impl Syscall {
    /// None.
    pub const NONE: Self = Self::new(Buffers::OPAQUE, u32::MAX);

    /// The call of that number on that descriptor.
    #[inline(always)]
    pub fn of(number: u64, descriptor: u32, second: u64, third: u64) -> Self {
        Self::new(buffers(number, second, third), descriptor)
    }

    const fn new(buffers: Buffers, descriptor: u32) -> Self {
        Self {
            buffers,
            descriptor,
            reserved: 0,
        }
    }
}

/// A system call's number and first arguments.
pub struct Arguments {
    pub number: u64,
    pub first: u64,
    pub second: u64,
    pub third: u64,
}

/// What a system call can sleep for.
pub enum Call {
    /// Another thread (futex).
    Lock,
    /// Time to pass.
    Sleep,
    /// What its first argument, a descriptor, refers to.
    Descriptor,
    /// The descriptors in an array of `struct pollfd`: its first argument.
    Poll,
    /// The descriptors in sets, as many as its first argument says.
    Select,
    /// What an epoll descriptor gathers.
    Epoll,
    /// Anything else, or no system call at all.
    Other,
}

/// `struct pt_regs` as an array of words (arch/x86/include/asm/ptrace.h).
#[cfg(bpf_target_arch = "x86_64")]
mod regs {
    pub const NUMBER: usize = 15;
    pub const FIRST: usize = 14;
    pub const SECOND: usize = 13;
    pub const THIRD: usize = 12;
}

/// arch/x86/entry/syscalls/syscall_64.tbl
#[cfg(bpf_target_arch = "x86_64")]
mod nr {
    pub const READ: u64 = 0;
    pub const WRITE: u64 = 1;
    pub const READV: u64 = 19;
    pub const WRITEV: u64 = 20;
    pub const SENDFILE: u64 = 40;
    pub const SENDTO: u64 = 44;
    pub const RECVFROM: u64 = 45;
    pub const SENDMSG: u64 = 46;
    pub const RECVMSG: u64 = 47;
    pub const SPLICE: u64 = 275;
    pub const CONNECT: u64 = 42;
    pub const ACCEPT: u64 = 43;
    pub const ACCEPT4: u64 = 288;
    pub const POLL: u64 = 7;
    pub const PPOLL: u64 = 271;
    pub const SELECT: u64 = 23;
    pub const PSELECT6: u64 = 270;
    pub const EPOLL_WAIT: u64 = 232;
    pub const EPOLL_PWAIT: u64 = 281;
    pub const FUTEX: u64 = 202;
    pub const NANOSLEEP: u64 = 35;
    pub const CLOCK_NANOSLEEP: u64 = 230;
}

/// `struct user_pt_regs` as an array of words, then `orig_x0` and `syscallno`
/// (arch/arm64/include/asm/ptrace.h).
#[cfg(bpf_target_arch = "aarch64")]
mod regs {
    pub const NUMBER: usize = 35;
    // x0 holds the result by the time that a call returns; not while it sleeps.
    pub const FIRST: usize = 0;
    pub const SECOND: usize = 1;
    pub const THIRD: usize = 2;
}

/// include/uapi/asm-generic/unistd.h
#[cfg(bpf_target_arch = "aarch64")]
mod nr {
    pub const READ: u64 = 63;
    pub const WRITE: u64 = 64;
    pub const READV: u64 = 65;
    pub const WRITEV: u64 = 66;
    pub const SENDFILE: u64 = 71;
    pub const SPLICE: u64 = 76;
    pub const SENDTO: u64 = 206;
    pub const RECVFROM: u64 = 207;
    pub const SENDMSG: u64 = 211;
    pub const RECVMSG: u64 = 212;
    pub const CONNECT: u64 = 203;
    pub const ACCEPT: u64 = 202;
    pub const ACCEPT4: u64 = 242;
    pub const PPOLL: u64 = 73;
    pub const PSELECT6: u64 = 72;
    pub const EPOLL_PWAIT: u64 = 22;
    pub const FUTEX: u64 = 98;
    pub const NANOSLEEP: u64 = 101;
    pub const CLOCK_NANOSLEEP: u64 = 115;
    // Calls that this architecture never had.
    pub const POLL: u64 = u64::MAX;
    pub const SELECT: u64 = u64::MAX - 1;
    pub const EPOLL_WAIT: u64 = u64::MAX - 2;
}

/// Numbers that all architectures share, being newer than any of them
/// (include/uapi/asm-generic/unistd.h).
mod shared {
    pub const EPOLL_PWAIT2: u64 = 441;
    pub const FUTEX_WAITV: u64 = 449;
    pub const FUTEX_WAIT: u64 = 455;
}

/// The system call that the current thread makes or sleeps in, from its saved
/// registers. In an interrupt or a page fault the number is one that no call has.
#[inline(always)]
pub fn current_arguments(current: Current) -> Arguments {
    let frame = Frame::of(current);
    Arguments {
        number: frame.number(),
        first: frame.word(regs::FIRST),
        second: frame.word(regs::SECOND),
        third: frame.word(regs::THIRD),
    }
}

/// The saved registers of the current thread.
#[cfg(not(feature = "old-kernels"))]
struct Frame(*const u64);

#[cfg(not(feature = "old-kernels"))]
impl Frame {
    #[inline(always)]
    fn of(current: Current) -> Self {
        // SAFETY: a valid kernel pointer.
        Self(
            unsafe { aya_ebpf::helpers::generated::bpf_task_pt_regs(current.pointer()) }
                as *const u64,
        )
    }

    /// An `int` on arm64, and the verifier allows no more than its own bytes.
    #[inline(always)]
    fn number(&self) -> u64 {
        // SAFETY: as in `word`; the low half comes first on both processors.
        u64::from(unsafe { *self.0.add(regs::NUMBER).cast::<u32>() })
    }

    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        // SAFETY: typed for the verifier, which checks each load against the kernel's own
        // `struct pt_regs`.
        unsafe { *self.0.add(index) }
    }
}

/// The same by hand.
#[cfg(feature = "old-kernels")]
struct Frame(u64);

#[cfg(feature = "old-kernels")]
impl Frame {
    #[inline(always)]
    fn of(current: Current) -> Self {
        use crate::config::setting;
        let stack: Option<u64> =
            crate::kernel::member(current.pointer() as u64, setting!(task_stack));
        Self(stack.map_or(0, |stack| stack + u64::from(setting!(stack_regs))))
    }

    /// In the low half of the word.
    #[inline(always)]
    fn number(&self) -> u64 {
        self.word(regs::NUMBER) & 0xffff_ffff
    }

    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        crate::kernel::member(self.0, index as u32 * 8).unwrap_or(0)
    }
}

/// The system call on a socket that the current thread makes.
#[inline(always)]
pub fn current_syscall(current: Current) -> Syscall {
    let Arguments {
        number,
        first,
        second,
        third,
    } = current_arguments(current);
    Syscall::of(number, descriptor(number, first, third), second, third)
}

/// What it can sleep for.
#[inline(always)]
pub fn call(number: u64) -> Call {
    match number {
        nr::FUTEX | shared::FUTEX_WAIT | shared::FUTEX_WAITV => Call::Lock,
        nr::NANOSLEEP | nr::CLOCK_NANOSLEEP => Call::Sleep,
        nr::READ | nr::READV | nr::RECVFROM | nr::RECVMSG => Call::Descriptor,
        nr::WRITE | nr::WRITEV | nr::SENDTO | nr::SENDMSG | nr::SENDFILE => Call::Descriptor,
        nr::CONNECT | nr::ACCEPT | nr::ACCEPT4 => Call::Descriptor,
        nr::POLL | nr::PPOLL => Call::Poll,
        nr::SELECT | nr::PSELECT6 => Call::Select,
        nr::EPOLL_WAIT | nr::EPOLL_PWAIT | shared::EPOLL_PWAIT2 => Call::Epoll,
        _ => Call::Other,
    }
}

/// Whether a call reads from a socket.
#[inline(always)]
pub fn reads(number: u64) -> bool {
    matches!(number, nr::READ | nr::READV | nr::RECVFROM | nr::RECVMSG)
}

/// Whether a call writes to one.
#[inline(always)]
pub fn writes(number: u64) -> bool {
    matches!(
        number,
        nr::WRITE | nr::WRITEV | nr::SENDTO | nr::SENDMSG | nr::SENDFILE | nr::SPLICE
    )
}

/// The socket's file descriptor, of its first and third arguments.
#[inline(always)]
pub fn descriptor(number: u64, first: u64, third: u64) -> u32 {
    let descriptor = if number == nr::SPLICE { third } else { first };
    descriptor as u32
}

/// Which argument of a call.
pub enum Argument {
    Third,
    Fourth,
}

/// Which of its arguments are flags.
#[inline(always)]
pub fn flags_argument(number: u64) -> Option<Argument> {
    match number {
        nr::RECVFROM => Some(Argument::Fourth),
        nr::RECVMSG => Some(Argument::Third),
        _ => None,
    }
}

/// Whether its fourth argument is the number of bytes.
#[inline(always)]
pub fn has_count(number: u64) -> bool {
    number == nr::SENDFILE
}

#[inline(always)]
fn buffers(number: u64, second: u64, third: u64) -> Buffers {
    match number {
        nr::READ | nr::WRITE | nr::SENDTO | nr::RECVFROM => Buffers::flat(second),
        nr::READV | nr::WRITEV => Buffers::vector(second, third),
        nr::SENDMSG | nr::RECVMSG => Buffers::message(second),
        nr::SENDFILE | nr::SPLICE => Buffers::BODY_ONLY,
        _ => Buffers::OPAQUE,
    }
}
