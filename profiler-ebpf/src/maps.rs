//! All maps: who writes, who reads, what bounds it.
//!
//! Capacities are in `profiler_common::limits`; those that an option can change
//! are set by the loader.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, PerCpuArray, RingBuf};
use profiler_common::event::RequestHeader;
use profiler_common::handover::Handover;
use profiler_common::intern::Blob;
use profiler_common::limits::{
    BLOB_ENTRIES, HANDOVER_ENTRIES, LONG_PATH_ENTRIES, PARKED_ENTRIES, PATH_MAX, PATH_PIECE,
    PIPELINE_ENTRIES, PORT_ENTRIES, PROCESS_ENTRIES,
};
use profiler_common::pairing::conn::{Conn, Slot};
use profiler_common::stats::{Counter, PLACES};

use crate::arch::Syscall;
use crate::op::Op;
use crate::threads::Offset;

/// Memory is taken as entries are made. Before 6.1 that is not safe in every place that
/// a tracepoint can be in, so there it is taken beforehand.
const BY_NEED: u32 = if cfg!(feature = "old-kernels") {
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

/// A system call under way (back end `syscall`).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Call {
    /// Address of the `struct sock` that the file descriptor named at entry; 0
    /// outside of such a call.
    pub sock: u64,
    /// Not 0 for a UNIX socket.
    pub is_unix: u64,
    /// Bytes that a `sendfile` is to send; 0 for other calls, which are repeated
    /// when they fall short.
    pub wanted: u64,
    /// Its arguments.
    pub call: Syscall,
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

/// A request taken out of `PARKED`.
#[map]
pub static TAKEN: PerCpuArray<Slot> = PerCpuArray::with_max_entries(1, 0);

/// Watched thread groups: which kind of server (`SERVER_` constants). Roots by user
/// space, descendants by `hooks::sched`.
#[map]
pub static WATCHED: HashMap<u32, u32> = HashMap::with_max_entries(PROCESS_ENTRIES, 0);

/// Local ports on which watched processes listen. Written by user space.
#[map]
pub static PORTS: HashMap<u32, u32> = HashMap::with_max_entries(PORT_ENTRIES, 0);

const COUNTERS_LEN: u32 = Counter::ALL.len() as u32;

/// By `Place` and `Counter`; user space adds places and CPUs up.
#[map]
pub static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(COUNTERS_LEN * PLACES, 0);

/// The operation under way on this CPU, by `Place`.
#[map]
pub static OPS: PerCpuArray<Op> = PerCpuArray::with_max_entries(PLACES, 0);

/// Which program's operation: an interrupt may bring a `tcp` hook while another
/// hook is at work on the same CPU. No program interrupts itself.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Place {
    Traffic = 0,
    State,
    Destroy,
    Switch,
}

/// Stands in for a connection that found no room in `CONNS`.
#[map]
pub static UNTRACKED: PerCpuArray<Conn> = PerCpuArray::with_max_entries(1, 0);

/// Not 0 once a connection found no room in `CONNS`.
#[map]
pub static FULL: Array<u32> = Array::with_max_entries(1, 0);

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
    let index = counter as u32 + place as u32 * COUNTERS_LEN;
    if let Some(value) = COUNTERS.get_ptr_mut(index) {
        // SAFETY: this CPU's own value, and no other program has this place of it.
        unsafe { *value += 1 };
    }
}
