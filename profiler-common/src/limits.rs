//! Every capacity of the kernel side, in one place, with the reason for it.

/// Bytes of a method token that are kept. The longest registered one is
/// `UPDATEREDIRECTREF` with 17 (IANA HTTP Method Registry).
pub const METHOD_CAP: usize = 32;

/// Bytes of a path kept inside the connection's own map entry. Longer paths
/// take an entry of the long-path map.
pub const PATH_INLINE: usize = 192;

/// Bytes of a path kept at all: all ones, to serve as a mask. Apache refuses
/// request lines over 8190 bytes (`LimitRequestLine`), so a default server never
/// reaches it.
pub const PATH_MAX: usize = 8191;

/// Bytes copied to a path at a time: all ones, to serve as a mask, and the slack
/// that each path array needs so that the verifier can bound offset plus length.
pub const PATH_PIECE: usize = 63;

const _: () = assert!((PATH_MAX + 1).is_power_of_two() && (PATH_PIECE + 1).is_power_of_two());

/// Steps through the data of one read. A step moves at least a byte except at
/// the handful of turns in each request; reads of this size do not occur with
/// byte-sized chunks but from an attacker, who then loses his own request.
pub const MAX_STEPS: u32 = 1 << 17;

/// Buffers of one `writev` that are looked at (Apache 2.4 passes at most 16 at a
/// time below 2.4.55, `IOV_MAX` later).
pub const MAX_BUFFERS: u32 = 256;

/// Requests that can wait on one connection when it closes: as many as a map of
/// waiting requests can hold at all, and the two in the connection itself.
pub const MAX_WAITING: u32 = MAX_ENTRIES / CONNECTIONS_PER_PIPELINED + 2;

/// What any of the settable capacities can be at most: Linux has no more processes
/// and threads (`PID_MAX_LIMIT`).
pub const MAX_ENTRIES: u32 = 1 << 22;

/// The least that a map is given, however small the option that scales it.
pub const MIN_ENTRIES: u32 = 16;

/// Connections tracked at a time (`--max-connections`): well over what Apache's
/// event MPM holds on a large host, at 1.5 KiB for each that is there.
pub const CONNECTION_ENTRIES: u32 = 16_384;

/// Programs that may need a stand-in for a connection that found no room: those of
/// reads and writes.
pub const STAND_IN_PLACES: u32 = 7;

/// Where such a stand-in is among the connections: no socket's address is that low.
#[must_use]
pub const fn stand_in_key(cpu: u32, place: u32) -> u64 {
    1 + place as u64 + cpu as u64 * STAND_IN_PLACES as u64
}

/// For so many connections there is a place for one pipelined request that waits
/// beyond the second of its connection. Browsers do not pipeline; what does is test
/// tools.
pub const CONNECTIONS_PER_PIPELINED: u32 = 4;

/// For so many connections there is a place for one request under way whose path is
/// longer than [`PATH_INLINE`].
pub const CONNECTIONS_PER_LONG_PATH: u32 = 64;

/// For so many connections there is a place for one request whose client was gone
/// before the daemon was done.
pub const CONNECTIONS_PER_PARKED: u32 = 16;

/// Pipelined requests that wait, by default.
pub const PIPELINE_ENTRIES: u32 = CONNECTION_ENTRIES / CONNECTIONS_PER_PIPELINED;

/// Long paths, by default.
pub const LONG_PATH_ENTRIES: u32 = CONNECTION_ENTRIES / CONNECTIONS_PER_LONG_PATH;

/// Requests left to their daemons, by default.
pub const PARKED_ENTRIES: u32 = CONNECTION_ENTRIES / CONNECTIONS_PER_PARKED;

/// Requests handed to mod_wsgi daemons and not finished (`--max-handovers`): one a daemon
/// thread, and those in the listen queues of the daemons (100 each by default).
pub const HANDOVER_ENTRIES: u32 = 8_192;

/// Threads of watched processes on kernels that keep nothing with a thread themselves. A
/// host with more runs into other walls first.
pub const THREAD_ENTRIES: u32 = 16_384;

/// Processes followed at a time (`--max-processes`). Linux's default `pid_max` is
/// 32768, a large prefork server has some hundreds of children.
pub const PROCESS_ENTRIES: u32 = 8192;

/// Different sets of mod_wsgi's names, and different upstream peers
/// (`--max-names`).
pub const BLOB_ENTRIES: u32 = 4_096;

/// Names of programs that are waited for: Apache's, with each MPM behind them.
pub const NAME_ENTRIES: u32 = 64;

/// Ports on which watched processes listen (`--max-ports`).
pub const PORT_ENTRIES: u32 = 256;

/// Bytes of the ring buffer (`--ring-size`): some 12 000 requests, seconds of a busy
/// server's.
pub const RING_BYTES: u32 = 4 << 20;

/// Bytes of a name of mod_wsgi's that are kept, to be a multiple of 8.
pub const NAME_CAP: usize = 64;

/// Entries of mod_wsgi's environ that are looked at: an environ has some 45, and
/// one for each header that a client adds (Apache takes 100, `LimitRequestFields`).
pub const MAX_ENVIRON: u32 = 256;
