//! The options that bound a run.

use clap::{Args, value_parser};
use profiler_common::limits::{
    BLOB_ENTRIES, CONNECTION_ENTRIES, HANDOVER_ENTRIES, MAX_ENTRIES, PORT_ENTRIES, PROCESS_ENTRIES,
};

use super::values;
use crate::limits::{Limits, ROUTES};

const LIMITS: &str = "How much to keep (what finds no room is counted, and told)";

/// Kernel memory is taken as it is needed, but for a part that is there from the start.
#[derive(Debug, Args)]
pub(super) struct Bounds {
    /// Buffer between kernel and user space: a power of two from 4KiB to 1GiB
    #[arg(long, value_name = "BYTES", default_value = "4MiB", value_parser = values::ring_bytes,
          help_heading = LIMITS)]
    pub ring_size: u32,

    /// Connections tracked at a time; for every 4 of them one further pipelined request, for
    /// every 64 one path over 192 bytes, for every 16 one request that its client gave up
    #[arg(long, value_name = "N", default_value_t = CONNECTION_ENTRIES,
          value_parser = value_parser!(u32).range(16..=i64::from(MAX_ENTRIES)), help_heading = LIMITS)]
    pub max_connections: u32,

    /// Requests in the hands of mod_wsgi daemons at a time
    #[arg(long, value_name = "N", default_value_t = HANDOVER_ENTRIES,
          value_parser = value_parser!(u32).range(16..=i64::from(MAX_ENTRIES)), help_heading = LIMITS)]
    pub max_handovers: u32,

    /// Processes watched at a time
    #[arg(long, value_name = "N", default_value_t = PROCESS_ENTRIES,
          value_parser = value_parser!(u32).range(1..=i64::from(MAX_ENTRIES)), help_heading = LIMITS)]
    pub max_processes: u32,

    /// Different upstream peers, and sets of mod_wsgi's names, that are told apart
    #[arg(long, value_name = "N", default_value_t = BLOB_ENTRIES,
          value_parser = value_parser!(u32).range(1..=i64::from(MAX_ENTRIES)), help_heading = LIMITS)]
    pub max_names: u32,

    /// Ports of the watched servers
    #[arg(long, value_name = "N", default_value_t = PORT_ENTRIES,
          value_parser = value_parser!(u32).range(1..=65_536), help_heading = LIMITS)]
    pub max_ports: u32,

    /// Distinct routes kept apart; the rest is counted as `_other`
    #[arg(long, value_name = "N", default_value_t = ROUTES,
          value_parser = value_parser!(u32).range(1..=100_000), help_heading = LIMITS)]
    pub max_routes: u32,
}

impl Bounds {
    /// As the stages take them.
    pub(super) const fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            handovers: self.max_handovers,
            processes: self.max_processes,
            names: self.max_names,
            ports: self.max_ports,
            routes: self.max_routes,
            ring_bytes: self.ring_size,
        }
    }
}
