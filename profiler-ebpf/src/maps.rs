//! All maps: who writes, who reads, what bounds it.
//!
//! Capacities are in `profiler_common::limits`; those that an option can change
//! are set by the loader.

use aya_ebpf::helpers::generated::{bpf_get_smp_processor_id, bpf_probe_read_kernel};
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, PerCpuArray, RingBuf};
use profiler_common::event::RequestHeader;
use profiler_common::handover::Handover;
use profiler_common::intern::Blob;
use profiler_common::limits::{
    BLOB_ENTRIES, HANDOVER_ENTRIES, LONG_PATH_ENTRIES, NAME_ENTRIES, PARKED_ENTRIES, PATH_MAX,
    PATH_PIECE, PIPELINE_ENTRIES, PORT_ENTRIES, PROCESS_ENTRIES, STAND_IN_PLACES,
};
use profiler_common::pairing::conn::{Conn, Slot};
use profiler_common::stats::{Counter, Counters, PLACES, SETS_A_CPU};
use profiler_common::watched::{Name, Watched};

use crate::op::Op;
use crate::threads::Offset;

/// Memory is taken as entries are made. Before 6.1 that is not safe in every place that
/// a tracepoint can be in, so there it is taken beforehand.
pub const BY_NEED: u32 = if cfg!(feature = "old-kernels") {
    0
} else {
    aya_ebpf::bindings::BPF_F_NO_PREALLOC
};

/// Names a request of a connection.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RequestKey {
    /// Address of the kernel's `struct sock`.
    pub sock: u64,
    /// Place in the queue, or number of the request.
    pub number: u32,
    /// Zero: keys are compared as bytes.
    pub zero: u32,
}

/// A record whose path outgrew its slot.
#[repr(C)]
pub struct LongRecord {
    /// Filled in when the request is finished.
    pub header: RequestHeader,
    /// The path, with slack so that the verifier can bound the last piece.
    pub path: [u8; PATH_MAX + PATH_PIECE + 2],
}

/// Connections by address of their `struct sock`. Written by the socket hooks;
/// removed when the kernel destroys the socket. Bound: `--max-connections`.
#[map]
pub static CONNS: HashMap<u64, Conn> = HashMap::with_max_entries(16384, BY_NEED);

/// Pipelined requests that wait beyond the second of their connection.
#[map]
pub static QUEUE: HashMap<RequestKey, Slot> = HashMap::with_max_entries(PIPELINE_ENTRIES, BY_NEED);

/// Records with long paths, by connection and request number.
#[map]
pub static LONG_PATHS: HashMap<RequestKey, LongRecord> =
    HashMap::with_max_entries(LONG_PATH_ENTRIES, BY_NEED);

/// How far the clocks are apart. Written and read by the scheduler's and socket hooks.
#[map]
pub static CLOCKS: PerCpuArray<Offset> = PerCpuArray::with_max_entries(1, 0);

/// Requests in the hands of mod_wsgi daemons, by the daemon's socket. Added when
/// Apache sends them, removed when either side is through. Allocated beforehand: one is
/// added and removed with every request, and what the kernel allocates by need it frees
/// by an interrupt to itself.
#[map]
pub static HANDOVERS: HashMap<u64, Handover> = HashMap::with_max_entries(HANDOVER_ENTRIES, 0);

/// Requests that Apache was done with before the daemon was, by the daemon's socket.
#[map]
pub static PARKED: HashMap<u64, Slot> = HashMap::with_max_entries(PARKED_ENTRIES, BY_NEED);

/// Names and peers by their hash. Read by user space.
#[map]
pub static INTERNED: HashMap<u64, Blob> = HashMap::with_max_entries(BLOB_ENTRIES, BY_NEED);

/// A name or peer in the making, by `Place`, with slack so that the verifier can
/// bound the last piece.
#[map]
pub static SCRATCH: PerCpuArray<[Blob; 2]> = PerCpuArray::with_max_entries(PLACES, 0);

/// A request taken out of `PARKED`, by `Place`.
#[map]
pub static TAKEN: PerCpuArray<Slot> = PerCpuArray::with_max_entries(PLACES, 0);

/// Watched thread groups. Roots by user space and `hooks::exec`, descendants by
/// `hooks::sched`.
#[map]
pub static WATCHED: HashMap<u32, Watched> = HashMap::with_max_entries(PROCESS_ENTRIES, 0);

/// Names of programs that are watched wherever they are executed: which kind of server
/// (`SERVER_` constants). Written by user space.
#[map]
pub static NAMES: HashMap<Name, u32> = HashMap::with_max_entries(NAME_ENTRIES, 0);

/// Local ports on which watched processes listen, or may come to: of the `PORT_`
/// constants. Written by user space and `hooks::exec`.
#[map]
pub static PORTS: HashMap<u32, u32> = HashMap::with_max_entries(PORT_ENTRIES, 0);

/// By CPU and `Place`; the loader makes room for all CPUs. User space has it in its own
/// memory: while a look into a map by system call is preempted, Linux 7 leaves out programs
/// on that CPU (`bpf_disable_instrumentation`).
#[map]
pub static COUNTERS: Array<Counters> =
    Array::with_max_entries(SETS_A_CPU, aya_ebpf::bindings::BPF_F_MMAPABLE);

/// The operation under way on this CPU, by `Place`.
#[map]
pub static OPS: PerCpuArray<Op> = PerCpuArray::with_max_entries(PLACES, 0);

/// Which program is at work. It may be interrupted by another one, and on kernels that
/// preempt programs be put off for one, on the same CPU; but no program is for itself
/// (`bpf_prog_enter_recur`, kernel/bpf/trampoline.c). So each has what it works on to
/// itself. Of several back ends only one is attached.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Place {
    /// Reads, of all kinds or over IPv4.
    Received = 0,
    /// Over IPv6, where that has a program of its own.
    Received6,
    /// On UNIX sockets, likewise.
    ReceivedUnix,
    /// Writes, of all kinds or over IPv4.
    Sent,
    /// Over IPv6, where that has a program of its own.
    Sent6,
    /// On UNIX sockets, likewise.
    SentUnix,
    /// Of files, likewise.
    SentFile,
    /// `hooks::tcp`.
    State,
    /// `hooks::tcp`.
    Destroy,
    /// `hooks::switch`.
    Switch,
    /// `hooks::sched`.
    Fork,
    /// `hooks::sched`.
    Exit,
    /// `hooks::tasks`.
    TakeUp,
    /// The second program of a hook that has two.
    StateAgain,
    DestroyAgain,
    ForkAgain,
    ExitAgain,
    /// `hooks::exec`.
    Exec,
    ExecAgain,
}

const _: () = assert!(Place::ExecAgain as u32 + 1 == PLACES);
const _: () = assert!(Place::SentFile as u32 + 1 == STAND_IN_PLACES);

/// By `Full`: not 0 once something found no room.
#[map]
pub static FULL: Array<u32> = Array::with_max_entries(2, 0);

/// What found no room.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Full {
    /// A connection, in `CONNS`.
    Conns = 0,
    /// A handover, in `HANDOVERS`: from now on a daemon may serve what nobody claims.
    Handovers,
}

/// Notes that something found no room.
#[inline(always)]
pub fn set_full(what: Full) {
    if let Some(full) = FULL.get_ptr_mut(what as u32) {
        // SAFETY: a valid map value; every writer writes the same.
        unsafe { *full = 1 };
    }
}

/// Whether that ever found no room.
#[inline(always)]
pub fn was_full(what: Full) -> bool {
    FULL.get(what as u32).is_some_and(|full| *full != 0)
}

/// All zero, what new entries are made from: too large for the stack.
#[map]
pub static CONN_ZERO: Array<Conn> = Array::with_max_entries(1, 0);

/// All zero, likewise.
#[map]
pub static LONG_ZERO: Array<LongRecord> = Array::with_max_entries(1, 0);

/// Finished requests. Read by user space. Bound: `--ring-size`.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(4 << 20, 0);

/// Adds one to a counter of this CPU.
#[inline(always)]
pub fn count(place: Place, counter: Counter) {
    // SAFETY: the helper takes nothing.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    if let Some(counters) = COUNTERS.get_ptr_mut(cpu * SETS_A_CPU + place as u32) {
        // SAFETY: this CPU's own value, and no other program has this place of it.
        unsafe { (*counters)[counter as usize] += 1 };
    }
}

/// Copies a slot by helper: as plain code it would be hundreds of instructions.
#[inline(always)]
pub fn copy_slot(from: *const Slot, to: *mut Slot) {
    // SAFETY: both are valid map values of that size.
    unsafe { bpf_probe_read_kernel(to.cast(), size_of::<Slot>() as u32, from.cast()) };
}
