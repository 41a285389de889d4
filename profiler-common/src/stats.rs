//! The counters that make every loss visible.
//!
//! The kernel keeps sets of them, indexed by [`Counter`], for each CPU; user space
//! adds the sets and the CPUs up. Completeness is the equation
//! `seen = reported + in flight + sum(lost)`, where `lost` are the counters for
//! which [`Counter::is_loss`] holds.

/// Sets of counters on each CPU: programs that an interrupt can bring while another
/// is at work count apart, or the equation would miss one now and then.
pub const PLACES: u32 = 19;

/// Sets that each CPU has room for: all of them end with a line of the processor's cache, which
/// no two CPUs are to write.
pub const SETS_A_CPU: u32 = 32;

const _: () = assert!(PLACES <= SETS_A_CPU);
const _: () = assert!((size_of::<Counters>() * SETS_A_CPU as usize).is_multiple_of(64));

/// A set, by [`Counter`].
pub type Counters = [u64; Counter::ALL.len()];

macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $kind:ident;)*) => {
        /// A counter of the kernel side.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Counter { $($(#[$doc])* $variant,)* }

        impl Counter {
            /// Every counter, in wire order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in the summary and in metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }
        }
    };
}

#[derive(PartialEq)]
enum Kind {
    Total,
    Loss,
    Note,
}

counters! {
    /// Requests whose request line was complete, or that were answered without one.
    Seen = "seen", Total;
    /// Requests handed to user space.
    Emitted = "emitted", Total;
    /// The ring buffer had no room: user space is too slow or `--ring-size` too small.
    RingFull = "ring_full", Loss;
    /// No room in the connection map: raise `--max-connections`.
    MapFull = "map_full", Loss;
    /// No room in the map of pipelined requests.
    PipelineFull = "pipeline_full", Loss;
    /// The bytes could not be read or followed (`io_uring`, an unreadable buffer,
    /// a body whose framing was lost).
    Unparsed = "unparsed", Loss;
    /// Only the tail of the response was seen: it had begun before the attach.
    StartedBeforeAttach = "started_before_attach", Loss;
    /// Connections of watched processes that do not speak HTTP/1.
    NonHttp = "non_http", Note;
    /// Connections that ended inside a request line, unanswered.
    PartialLine = "partial_line", Note;
    /// Paths cut because they are over the limit or the long-path map was full.
    PathTruncated = "path_truncated", Note;
    /// Those of them that were cut because the long-path map was full.
    LongPathFull = "long_path_full", Note;
    /// Processes that could not be followed: the process map was full.
    ProcessFull = "process_full", Note;
    /// Operations on a watched connection whose bytes were out of reach.
    OpaqueIo = "opaque_io", Note;
    /// Threads that could not be followed: the kernel had no memory for them. What they
    /// do is not seen.
    ThreadUnknown = "thread_unknown", Note;
    /// Requests without a daemon's part: the map of handovers was full.
    HandoverFull = "handover_full", Note;
    /// Requests without the end of the daemon's part: the map of those left to their
    /// daemons was full.
    ParkedFull = "parked_full", Note;
    /// Names or peers that a request lacks: the map of interned ones was full.
    NameFull = "name_full", Note;
    /// Ports that found no place: what is sent to them is taken up at the first read.
    PortFull = "port_full", Note;
}

impl Counter {
    /// Whether it counts requests that were seen and will not be reported.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        matches!(self.kind(), Kind::Loss)
    }

    /// Whether it only informs: no request is missing because of it.
    #[must_use]
    pub const fn is_note(self) -> bool {
        matches!(self.kind(), Kind::Note)
    }
}
