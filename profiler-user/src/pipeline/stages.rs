//! What a record passes through: decode, aggregate, outputs.

use super::host;
use super::outputs::Outputs;
use crate::aggregate::{Aggregator, Window};
use crate::ingest::Decoder;
use crate::probe::{Blobs, Probe};
use crate::summary::{Facts, Summary};

/// The stages, and the counts that user space adds to the equation.
pub(super) struct Stages {
    decoder: Decoder,
    aggregator: Aggregator,
    /// The end of the line.
    pub outputs: Outputs,
    reported: u64,
    undecoded: u64,
}

impl Stages {
    /// Stages that keep at most `max_routes` routes apart.
    pub(super) fn new(max_routes: usize, outputs: Outputs) -> Self {
        Self {
            decoder: Decoder::new(max_routes),
            aggregator: Aggregator::new(),
            outputs,
            reported: 0,
            undecoded: 0,
        }
    }

    /// Takes a record of the ring buffer.
    pub(super) fn accept(&mut self, record: &[u8], blobs: &impl Blobs) {
        match self.decoder.decode(record, blobs) {
            Ok(request) => {
                self.reported += 1;
                self.aggregator.record(&request);
                self.outputs.request(&request);
            }
            Err(_) => self.undecoded += 1,
        }
    }

    /// Compares the kernel's clock with the wall's again.
    pub(super) fn refresh_clock(&mut self) {
        self.decoder.refresh_clock();
    }

    /// Ends a window and delivers it; times are nanoseconds since the epoch.
    pub(super) fn close(&mut self, start: u64, end: u64) -> Window {
        let window = self.aggregator.close(start, end);
        self.outputs.window(&window);
        window
    }

    /// The whole run as one window.
    pub(super) fn run(&self, start: u64, end: u64) -> Window {
        self.aggregator.run(start, end)
    }

    /// The account; exact once `probe` is detached and drained.
    pub(super) fn summary(&self, probe: &Probe) -> Summary {
        Summary::new(Facts {
            counters: &probe.counters(),
            reported: self.reported,
            undecoded: self.undecoded,
            overflowed_routes: self.decoder.overflowed_routes(),
            in_flight: probe.in_flight(),
            hooks: probe.back_end().name(),
            kernel: host::kernel(),
            attach_time: probe.attach_time(),
            probe: host::cost(probe.cost()),
        })
    }
}
