//! What a record passes through: decode, aggregate, pools, outputs.

use std::sync::Arc;

use super::outputs::Outputs;
use super::{host, identity};
use crate::aggregate::{Aggregator, Window};
use crate::containers::Containers;
use crate::identity::Detail;
use crate::ingest::Decoder;
use crate::limits::Limits;
use crate::pool::{Now, Pools, Serving};
use crate::probe::{Blobs, Probe, ServingThread, Threads};
use crate::request::patterns::Patterns;
use crate::request::route::Router;
use crate::summary::{Facts, Summary};
use crate::tick::Tick;
use crate::tui::Samples;

/// The servers as a window ends.
pub(super) struct Servers {
    /// Looked at before the last drain: a request that finishes in between is seen
    /// twice, and counts once; the other way round it would not be seen at all.
    pub threads: Threads,
    /// Every watched process.
    pub watched: Vec<u32>,
    /// Those that the run began with, or found since.
    pub roots: Vec<u32>,
}

/// The stages, and the counts that user space adds to the equation.
pub(super) struct Stages {
    limits: Limits,
    decoder: Decoder,
    aggregator: Aggregator,
    pools: Pools,
    containers: Containers,
    /// The end of the line.
    pub outputs: Outputs,
    /// Of the open window, for a screen that shows them.
    pub samples: Option<Samples>,
    reported: u64,
    undecoded: u64,
}

impl Stages {
    /// Stages that keep no more than these limits allow.
    pub(super) fn new(
        limits: Limits,
        patterns: Patterns,
        pools: Pools,
        containers: Containers,
        detail: Detail,
        outputs: Outputs,
    ) -> Self {
        Self {
            decoder: Decoder::new(Router::new(limits.routes as usize, patterns)),
            limits,
            aggregator: Aggregator::with(detail),
            pools,
            containers,
            outputs,
            samples: None,
            reported: 0,
            undecoded: 0,
        }
    }

    /// Whether to keep the slowest requests of each route.
    pub(super) fn keep_samples(&mut self, wanted: bool) {
        self.samples = wanted.then(Samples::default);
    }

    /// A root has come, and with it another process under a number that may be known.
    pub(super) fn root_came(&mut self, pid: u32) {
        self.containers.learn(pid);
    }

    /// Takes a record of the ring buffer.
    pub(super) fn accept(&mut self, record: &[u8], blobs: &impl Blobs) {
        match self.decoder.decode(record, blobs) {
            Ok(mut request) => {
                self.reported += 1;
                identity::place(&mut self.containers, record, &mut request);
                self.aggregator.record(&request);
                self.pools.record(&request);
                self.outputs.request(&request);
                if let Some(samples) = &mut self.samples {
                    samples.offer(&request);
                }
            }
            Err(_) => self.undecoded += 1,
        }
    }

    /// Compares the kernel's clock with the wall's again.
    pub(super) fn refresh_clock(&mut self) {
        self.decoder.refresh_clock();
    }

    /// Ends a window and delivers it; times are nanoseconds since the epoch.
    pub(super) fn close(
        &mut self,
        start: u64,
        end: u64,
        servers: Servers,
        probe: &Probe,
    ) -> Arc<Tick> {
        let window = self.aggregator.close(start, end);
        let serving = |thread: &ServingThread| Serving {
            pid: thread.pid,
            tid: thread.tid,
            busy_since_unix_ns: thread.busy_since_ns.map(|since| self.decoder.wall(since)),
        };
        let now = Now {
            threads: servers.threads.serving.iter().map(serving).collect(),
            watched: servers.watched,
            roots: servers.roots,
        };
        let (aggregator, containers) = (&mut self.aggregator, &mut self.containers);
        let mut identity = |pid| {
            // To ask the kernel would be a look into a map: Linux 7 leaves out programs meanwhile.
            let origin = servers.threads.origins.get(&pid).copied().unwrap_or(pid);
            aggregator.identity(&containers.at(origin, pid)?)
        };
        let snapshot = self.pools.close(start, end, &now, &mut identity);
        let tick = Arc::new(Tick {
            window,
            snapshot,
            account: self.so_far(probe),
            points: self.outputs.points(),
        });
        self.outputs.tick(&tick);
        tick
    }

    /// The whole run as one window.
    pub(super) fn run(&self, start: u64, end: u64) -> Window {
        self.aggregator.run(start, end)
    }

    /// The account; exact once `probe` is detached and drained.
    pub(super) fn summary(&self, probe: &Probe) -> Summary {
        self.account(probe, Some(probe.in_flight()))
    }

    /// The account while it runs: the requests that are neither reported nor lost are in
    /// flight, without a look at each.
    fn so_far(&self, probe: &Probe) -> Summary {
        self.account(probe, None)
    }

    fn account(&self, probe: &Probe, in_flight: Option<u64>) -> Summary {
        Summary::new(Facts {
            counters: &probe.counters(),
            reported: self.reported,
            undecoded: self.undecoded,
            overflowed_routes: self.decoder.overflowed_routes(),
            skipped_runs: probe.skipped_runs(),
            limits: self.limits,
            in_flight,
            hooks: probe.back_end().name(),
            kernel: host::kernel(),
            attach_time: probe.attach_time(),
            probe: host::cost(probe.cost(), probe.memory()),
        })
    }
}
