//! The kernel programs from user space's side: load, attach, watch, count.
//!
//! - `btf`, `offsets`: what must be known of the running kernel.
//! - `calls`: the kernel functions that the programs call.
//! - `object`: the programs and maps, loaded.
//! - `back_end`: the ways to hook reads and writes, and which one works here.
//! - `counters`: what the programs count.
//! - `entry`: where a uprobe goes.
//! - `hook`: a program and its place.
//! - `log`: what the programs say in debugging builds.
//! - `memory`: what the maps take.
//! - `preemption`: whether the kernel puts programs off.
//! - `tasks`: programs that go through all threads.
//! - `wsgi`: a probe inside mod_wsgi.
//! - `tracefs`: where the system call tracepoints are described.

mod back_end;
mod btf;
mod calls;
mod counters;
mod entry;
mod hook;
mod log;
mod memory;
mod object;
mod offsets;
mod preemption;
mod tasks;
mod tracefs;
mod wsgi;

use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use aya::Ebpf;
use profiler_common::event::{SERVER_APACHE_BLIND, SERVER_OTHER};
use profiler_common::intern::Blob;
use profiler_common::stats::Counter;
use profiler_common::watched::{Notice, PORT_SERVED, PORT_WANTED, Watched};

pub use back_end::BackEnd;
pub use btf::Types;
use log::KernelLog;
pub use memory::Memory;
pub use object::Interned;
use object::{MadeFor, Maps};
use wsgi::Modules;

use crate::give_back;
use crate::limits::Limits;

/// What to load.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The back end; `None` takes the first that works.
    pub hooks: Option<BackEnd>,
    /// How much the kernel's side keeps.
    pub limits: Limits,
    /// Whether to set a probe in mod_wsgi.
    pub uprobe: bool,
    /// What to watch as soon as it comes.
    pub follow: Follow,
}

/// What the kernel watches, or tells of, before user space has seen it.
#[derive(Clone, Debug, Default)]
pub struct Follow {
    /// Names of Apache's programs.
    pub names: Vec<String>,
    /// Ports: whoever comes to listen there.
    pub ports: Vec<u16>,
    /// Tell of every program that is executed.
    pub execs: bool,
}

/// What comes out of the ring buffer.
pub enum Told<'a> {
    /// A finished request, with the blobs that it may name.
    Record(&'a [u8], &'a Interned),
    /// A process to be looked at.
    Notice(Notice),
}

/// Why the probe cannot run. Each maps to an exit status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel or the privileges do not allow it (exit 3).
    #[error("{0}")]
    Refused(String),
    /// The kernel does not take the one back end that was asked for (exit 3).
    #[error("the hook back end {name} does not work on this kernel: {why}")]
    BackEnd {
        /// Its name.
        name: &'static str,
        /// The kernel's words.
        why: String,
    },
    /// Something failed that should have worked (exit 1).
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// No back end works.
    #[must_use]
    pub fn unusable() -> Self {
        Self::Refused("wsgiprobe cannot run on this host: no hook back end is usable".into())
    }
}

/// What the kernel side has cost since it was attached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Program runs (`run_cnt`); `None` where the kernel keeps no statistics.
    pub runs: Option<u64>,
    /// Nanoseconds inside programs (`run_time_ns`).
    pub nanoseconds: Option<u64>,
}

/// What records name by hash.
pub trait Blobs {
    /// The blob of that hash, if it is there.
    fn blob(&self, hash: u64) -> Option<Blob>;
}

/// A thread that serves requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServingThread {
    /// Its process.
    pub pid: u32,
    /// It.
    pub tid: u32,
    /// Since when it has been at its present request: `CLOCK_MONOTONIC`, ns; `None`
    /// while idle.
    pub busy_since_ns: Option<u64>,
}

/// The threads that are watched.
#[derive(Debug, Default)]
pub struct Threads {
    /// Those that have served a request.
    pub serving: Vec<ServingThread>,
    /// The root that each process descends from, by process.
    pub origins: HashMap<u32, u32>,
}

/// The loaded and attached programs. Dropping it detaches them.
pub struct Probe {
    /// `None` once detached.
    programs: Option<Ebpf>,
    maps: Maps,
    modules: Modules,
    log: KernelLog,
    back_end: BackEnd,
    not_new: Option<String>,
    reasons: Vec<String>,
    attach_time: Duration,
    cost: Cost,
    memory: Option<Memory>,
    told: memory::Told,
    skipped_runs: u64,
    /// Processes and ports for which there was no room.
    unwatched: BTreeSet<u32>,
    unserved: BTreeSet<u16>,
}

impl Probe {
    /// Loads and attaches the programs. Nothing is watched yet.
    pub fn attach(settings: &Settings) -> Result<Self, Error> {
        let start = Instant::now();
        let kernel = object::Kernel::read()?;
        let (mut programs, not_new) = prepare(settings, &kernel)?;
        let btf = kernel.btf;
        let log = KernelLog::open(&mut programs)?;
        let (back_end, reasons) = back_end::attach(&mut programs, &btf, settings.hooks)?;
        let maps = Maps::take(&mut programs)?;
        let told = memory::Told::find();
        drop(btf);
        give_back::freed();
        let mut probe = Self {
            programs: Some(programs),
            maps,
            modules: Modules::new(settings.uprobe),
            log,
            back_end,
            not_new,
            reasons,
            attach_time: start.elapsed(),
            cost: Cost::default(),
            memory: told.memory(),
            told,
            skipped_runs: 0,
            unwatched: BTreeSet::new(),
            unserved: BTreeSet::new(),
        };
        probe.follow(&settings.follow)?;
        Ok(probe)
    }

    fn follow(&mut self, follow: &Follow) -> Result<(), Error> {
        for name in &follow.names {
            self.maps
                .wait_for(name, SERVER_APACHE_BLIND.into())
                .map_err(|error| Error::Failed(format!("cannot wait for {name}: {error}")))?;
        }
        let ports = follow.ports.iter();
        ports
            .copied()
            .try_for_each(|port| self.put_port(port, PORT_WANTED))
    }

    /// Sets the uprobe where it is never reached: does the kernel take it?
    pub fn try_uprobe(&mut self) -> Result<(), String> {
        let programs = self.programs.as_mut().ok_or("detached")?;
        wsgi::try_out(programs)
    }

    /// The programs that are loaded, with the number of instructions that the verifier
    /// processed where the kernel tells it.
    #[must_use]
    pub fn programs(&self) -> Vec<(String, Option<u32>)> {
        self.programs.as_ref().map_or_else(Vec::new, object::loaded)
    }

    /// The back end in use.
    #[must_use]
    pub fn back_end(&self) -> BackEnd {
        self.back_end
    }

    /// Why the programs in use are those for kernels before 5.18, if they are.
    #[must_use]
    pub fn not_new(&self) -> Option<&str> {
        self.not_new.as_deref()
    }

    /// Why this back end: a line for each that was considered.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// How long load and attach took.
    #[must_use]
    pub fn attach_time(&self) -> Duration {
        self.attach_time
    }

    /// Names a process to be watched, which descends from the root `origin`; its children
    /// are then followed in the kernel, as servers of the same kind. The threads that it
    /// has are taken up by [`Probe::take_up`].
    pub fn watch(&mut self, pid: u32, origin: u32, is_apache: bool) -> Result<(), Error> {
        let server = match &mut self.programs {
            Some(programs) if is_apache => self.modules.look_into(programs, pid),
            _ => u32::from(SERVER_OTHER),
        };
        self.insert(pid, Watched { server, origin })
    }

    /// Looks again into Apaches that had not loaded their modules when they were named, and
    /// tells whether there still are some. What one turns out to be goes for all that it
    /// has forked.
    pub fn look_again(&mut self) -> Result<bool, Error> {
        let Some(programs) = &mut self.programs else {
            return Ok(false);
        };
        let known = self.modules.look_again(programs);
        let known = known.into_iter();
        let known: Vec<_> = known
            .filter(|(_, server)| *server != u32::from(SERVER_APACHE_BLIND))
            .collect();
        for &(pid, server) in &known {
            let origin = self.maps.watched_as(pid).map_or(pid, |it| it.origin);
            for pid in self.watched() {
                let blind = Watched {
                    server: SERVER_APACHE_BLIND.into(),
                    origin,
                };
                if self.maps.watched_as(pid) == Some(blind) {
                    self.insert(pid, Watched { server, origin })?;
                }
            }
        }
        if !known.is_empty() {
            self.take_up()?;
        }
        Ok(self.modules.are_starting())
    }

    fn insert(&mut self, pid: u32, watched: Watched) -> Result<(), Error> {
        match self.maps.watch(pid, watched) {
            Err(error) if object::is_full(&error) => {
                self.unwatched.insert(pid);
                Ok(())
            }
            done => {
                done.map_err(|error| Error::Failed(format!("cannot watch process {pid}: {error}")))
            }
        }
    }

    /// Takes up the threads of all processes that were named since the last call.
    pub fn take_up(&mut self) -> Result<(), Error> {
        self.programs.as_mut().map_or(Ok(()), tasks::take_up)
    }

    /// Why it cannot be told which requests of an Apache reach mod_wsgi, since the
    /// last call.
    pub fn blind_spots(&mut self) -> Vec<String> {
        self.modules.failures()
    }

    /// Names a port on which watched processes listen. It tells their
    /// connections from those that they open themselves.
    pub fn serve(&mut self, port: u16) -> Result<(), Error> {
        if self.maps.ports.get(&u32::from(port), 0).is_ok() {
            return Ok(());
        }
        self.put_port(port, PORT_SERVED)
    }

    fn put_port(&mut self, port: u16, what: u32) -> Result<(), Error> {
        match self.maps.ports.insert(u32::from(port), what, 0) {
            Err(error) if object::is_full(&error) => {
                self.unserved.insert(port);
                Ok(())
            }
            done => {
                done.map_err(|error| Error::Failed(format!("cannot watch port {port}: {error}")))
            }
        }
    }

    /// Thread groups that the kernel watches now.
    #[must_use]
    pub fn watched(&self) -> Vec<u32> {
        self.maps.watched().collect()
    }

    /// The root that a process descends from, if that is watched.
    #[must_use]
    pub fn origin(&self, pid: u32) -> Option<u32> {
        self.maps.watched_as(pid).map(|watched| watched.origin)
    }

    /// Hands over all that waits in the ring buffer, in order (never blocks).
    pub fn drain(&mut self, mut take: impl FnMut(Told<'_>)) {
        let Maps {
            events, interned, ..
        } = &mut self.maps;
        while let Some(item) = events.next() {
            take(match Notice::from_bytes(&item) {
                Some(notice) => Told::Notice(notice),
                None => Told::Record(&item, interned),
            });
        }
        self.log.flush();
    }

    /// The threads that are watched and live.
    pub fn threads(&mut self) -> Result<Threads, Error> {
        self.programs
            .as_mut()
            .map_or(Ok(Threads::default()), tasks::watched)
    }

    /// The kernel's counters, in the order of [`Counter::ALL`]; processes and ports that
    /// found no room here count with those that found none there.
    #[must_use]
    pub fn counters(&self) -> Vec<(Counter, u64)> {
        let mut counters = self.maps.counters();
        for (counter, count) in &mut counters {
            *count += match counter {
                Counter::ProcessFull => self.unwatched.len() as u64,
                Counter::PortFull => self.unserved.len() as u64,
                _ => 0,
            };
        }
        counters
    }

    /// Kernel memory of the maps: now, or as it was at the detach; `None` where the
    /// kernel does not tell.
    #[must_use]
    pub fn memory(&self) -> Option<Memory> {
        let start = self.memory?;
        let now = self.programs.as_ref().and_then(|_| self.told.memory());
        Some(Memory {
            now: now.map_or(start.now, |memory| memory.now),
            ..start
        })
    }

    /// Whether the maps can be reached without capabilities, by their descriptors
    /// alone: from 5.19 on, or where `kernel.unprivileged_bpf_disabled` is 0. Tried by
    /// a thread that gives up its own.
    #[must_use]
    pub fn is_open(&self) -> bool {
        std::thread::scope(|scope| {
            let maps = &self.maps;
            let tried = scope.spawn(|| {
                crate::privileges::renounce();
                maps.are_open()
            });
            tried.join().unwrap_or(false)
        })
    }

    /// Takes the hooks out; records already made can still be drained.
    pub fn detach(&mut self) {
        self.cost = self.cost();
        self.memory = self.memory();
        self.skipped_runs = self.skipped_runs();
        if let Some(programs) = &mut self.programs {
            back_end::detach(programs, self.back_end);
        }
        self.programs = None;
        // The kernel takes a hook out without waiting for a run under way; the
        // longest takes microseconds.
        std::thread::sleep(Duration::from_millis(5));
    }

    /// Requests read and not yet finished. Exact once detached.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.maps.in_flight()
    }

    /// Runs of a program that the kernel left out, since one was under way on that CPU.
    #[must_use]
    pub fn skipped_runs(&self) -> u64 {
        let now = self.programs.as_ref().map(object::skipped_runs);
        now.unwrap_or(self.skipped_runs)
    }

    /// The kernel side's own cost.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.programs.as_ref().map_or(self.cost, object::cost)
    }
}

/// Loads the first object that the kernel takes, with what every back end needs; and
/// why not the one before it.
fn prepare(settings: &Settings, kernel: &object::Kernel) -> Result<(Ebpf, Option<String>), Error> {
    let try_out = |made_for| {
        let mut programs = object::load(made_for, settings, kernel)?;
        back_end::attach_common(&mut programs, &kernel.btf, settings.hooks)?;
        tasks::load(&mut programs, &kernel.btf)?;
        tasks::try_storage(&mut programs)?;
        Ok::<_, Error>(programs)
    };
    let refused = match try_out(MadeFor::NewKernels) {
        Ok(programs) => return Ok((programs, None)),
        Err(error) => error,
    };
    let first = refused.to_string();
    match try_out(MadeFor::OldKernels) {
        Ok(programs) => Ok((programs, Some(first))),
        Err(again) if again.to_string() == first => Err(refused),
        Err(again) => Err(Error::Refused(format!(
            "{first}\n  and with what is meant for old kernels: {again}"
        ))),
    }
}

/// Readable when there are records to drain.
impl AsFd for Probe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.maps.events.as_fd()
    }
}
