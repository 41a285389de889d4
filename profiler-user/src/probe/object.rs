//! The programs and maps, loaded.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use std::os::fd::AsFd as _;

use aya::maps::{HashMap, Map, MapData, MapError, RingBuf};
use aya::util::nr_cpus;
use aya::{Btf, Ebpf, EbpfLoader, Pod};
use flate2::read::ZlibDecoder;
use profiler_common::config::Config;
use profiler_common::intern::Blob;
use profiler_common::limits::{STAND_IN_PLACES, stand_in_key};
use profiler_common::pairing::conn::{Conn, Slot, SlotState};
use profiler_common::stats::Counter;
use profiler_common::watched::{Name, Watched};

use super::btf::Types;
use super::calls::Calls;
use super::counters::Mapped;
use super::{Blobs, Cost, Error, Settings, back_end, memory, offsets};
use crate::privileges;

/// What profiler-ebpf was built into, compressed (build/pack.rs).
static OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wsgiprobe-ebpf.zz"));
static OLD_OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wsgiprobe-ebpf.old.zz"));

/// The two objects, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeFor {
    /// With what kernels have since 5.18.
    NewKernels,
    /// Without; from 5.10 on.
    OldKernels,
}

impl MadeFor {
    /// It, as it was built.
    fn object(self) -> Result<Vec<u8>, Error> {
        let packed = match self {
            Self::NewKernels => OBJECT,
            Self::OldKernels => OLD_OBJECT,
        };
        let mut object = Vec::new();
        ZlibDecoder::new(packed)
            .read_to_end(&mut object)
            .map_err(|error| Error::Failed(format!("the kernel programs: {error}")))?;
        Ok(object)
    }
}

/// What the second program of a hook has behind the name of the first.
const AGAIN: &str = "_again";

/// Makes a shared type readable as a map's value.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Shared<T>(T);

// SAFETY: plain data without padding; the kernel side, which alone writes them,
// only stores valid values.
unsafe impl Pod for Shared<Config> {}
// SAFETY: as above.
unsafe impl Pod for Shared<Conn> {}
// SAFETY: as above.
unsafe impl Pod for Shared<Slot> {}
// SAFETY: as above.
unsafe impl Pod for Shared<Watched> {}

/// What the running kernel says of itself.
pub struct Kernel {
    /// Its types, as aya reads them.
    pub btf: Btf,
    config: Config,
    calls: Calls,
    /// The first to be used; made meanwhile.
    loader: Mutex<Option<JoinHandle<EbpfLoader<'static>>>>,
}

impl Kernel {
    /// Reads it.
    pub fn read() -> Result<Self, Error> {
        let loader = std::thread::spawn(new_loader);
        let needed = |error| {
            Error::Refused(format!(
                "wsgiprobe needs the kernel's type information: {error}"
            ))
        };
        let types = Types::of_kernel().map_err(needed)?;
        let config = offsets::resolve(&types).map_err(needed)?;
        let calls = Calls::of_kernel(&types);
        let btf = types.excerpt(&back_end::named()).map_err(|error| {
            Error::Refused(format!(
                "the kernel's type information is unusable: {error}"
            ))
        })?;
        Ok(Self {
            btf,
            config,
            calls,
            loader: Mutex::new(Some(loader)),
        })
    }

    fn loader(&self) -> EbpfLoader<'static> {
        let ahead = self
            .loader
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        ahead
            .and_then(|loader| loader.join().ok())
            .unwrap_or_else(new_loader)
    }
}

/// aya's loader reads all of the kernel's types at once, for relocations that Rust's
/// programs do not have.
fn new_loader() -> EbpfLoader<'static> {
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    loader
}

/// Loads maps and programs; none is attached.
pub fn load(made_for: MadeFor, settings: &Settings, kernel: &Kernel) -> Result<Ebpf, Error> {
    let config = Shared(Config {
        wake_bytes: settings.limits.ring_bytes / 4,
        tell_execs: settings.follow.execs.into(),
        ..kernel.config
    });
    let mut loader = kernel.loader();
    for (map, entries) in settings.limits.maps() {
        loader.map_max_entries(map, entries);
    }
    loader.map_max_entries("COUNTERS", Mapped::entries(cpus()?));
    let stand_ins = stand_in_keys()?.count() as u32;
    loader.map_max_entries("CONNS", settings.limits.connections + stand_ins);
    loader
        // Task storage, which no wrapper of aya's knows and only programs use.
        .allow_unsupported_maps()
        .override_global("CONFIG", &config, true)
        .load(&kernel.calls.put_in(made_for.object()?))
        .map_err(|error| refused_or_failed(&error))
}

/// What stands in for connections that find no room, of each program on each CPU.
fn stand_in_keys() -> Result<impl Iterator<Item = u64>, Error> {
    let places = move |cpu| (0..STAND_IN_PLACES).map(move |place| stand_in_key(cpu, place));
    Ok((0..cpus()?).flat_map(places))
}

/// CPUs that there can be.
fn cpus() -> Result<u32, Error> {
    let cpus = nr_cpus().map_err(|(file, error)| Error::Failed(format!("{file}: {error}")))?;
    Ok(cpus as u32)
}

/// Whether a map had no room.
pub fn is_full(error: &MapError) -> bool {
    match error {
        MapError::SyscallError(error) => error.io_error.raw_os_error() == Some(libc::E2BIG),
        _ => false,
    }
}

/// Creating a map is the first thing that needs privileges.
fn refused_or_failed(error: &dyn std::error::Error) -> Error {
    let mut text = error.to_string();
    let mut permission = false;
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        permission |= cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied);
        source = cause.source();
    }
    if permission {
        Error::Refused(text + &privileges::of_a_map())
    } else {
        Error::Failed(text)
    }
}

/// Name and verified instructions of each program that is loaded.
pub fn loaded(programs: &Ebpf) -> Vec<(String, Option<u32>)> {
    let mut loaded: Vec<_> = programs
        .programs()
        .filter_map(|(name, program)| {
            let info = program.info().ok()?;
            Some((name.to_owned(), info.verified_instruction_count()))
        })
        .collect();
    loaded.sort_unstable();
    loaded
}

/// Runs and time of all loaded programs.
pub fn cost(programs: &Ebpf) -> Cost {
    let mut runs = 0;
    let mut nanoseconds = 0;
    for (_, program) in programs.programs() {
        if let Ok(info) = program.info() {
            runs += info.run_count();
            nanoseconds += u64::try_from(info.run_time().as_nanos()).unwrap_or(u64::MAX);
        }
    }
    // The kernel counts only while somebody asked for statistics.
    let known = runs > 0;
    Cost {
        runs: known.then_some(runs),
        nanoseconds: known.then_some(nanoseconds),
    }
}

/// Runs that the kernel left out since the same program was under way on that CPU
/// (`recursion_misses`, since 5.12), and that may have been something unseen: what one of
/// two programs on a hook did not see, the other may have.
pub fn skipped_runs(programs: &Ebpf) -> u64 {
    let all = programs.programs().filter_map(|(name, program)| {
        let descriptor = program.fd().ok()?;
        Some((
            name,
            memory::told_of(descriptor.as_fd(), "recursion_misses")?,
        ))
    });
    let all: BTreeMap<&str, u64> = all.collect();
    let unseen = |(name, skipped): (&&str, &u64)| {
        let again = format!("{name}{AGAIN}");
        match (name.strip_suffix(AGAIN), all.get(again.as_str())) {
            (Some(_), _) => 0,
            (None, Some(other)) => *skipped.min(other),
            (None, None) => *skipped,
        }
    };
    all.iter().map(unseen).sum()
}

/// The kernel's map of blobs.
pub struct Interned(HashMap<MapData, u64, Blob>);

impl Blobs for Interned {
    fn blob(&self, hash: u64) -> Option<Blob> {
        self.0.get(&hash, 0).ok()
    }
}

/// The maps that user space reads or writes.
pub struct Maps {
    pub events: RingBuf<MapData>,
    watched: HashMap<MapData, u32, Shared<Watched>>,
    pub ports: HashMap<MapData, u32, u32>,
    names: HashMap<MapData, Name, u32>,
    pub interned: Interned,
    counters: Mapped,
    conns: HashMap<MapData, u64, Shared<Conn>>,
    queue: HashMap<MapData, [u64; 2], Shared<Slot>>,
    parked: HashMap<MapData, u64, Shared<Slot>>,
}

impl Maps {
    /// Takes them out of the loaded object; the programs keep theirs.
    pub fn take(programs: &mut Ebpf) -> Result<Self, Error> {
        let mut conns = one::<HashMap<_, u64, Shared<Conn>>>(programs, "CONNS")?;
        for key in stand_in_keys()? {
            conns
                .insert(key, Shared(Conn::EMPTY), 0)
                .map_err(|error| Error::Failed(format!("map CONNS: {error}")))?;
        }
        Ok(Self {
            events: one(programs, "EVENTS")?,
            watched: one(programs, "WATCHED")?,
            ports: one(programs, "PORTS")?,
            names: one(programs, "NAMES")?,
            interned: Interned(one(programs, "INTERNED")?),
            counters: counters(programs)?,
            conns,
            queue: one(programs, "QUEUE")?,
            parked: one(programs, "PARKED")?,
        })
    }

    /// Watches a process as that.
    pub fn watch(&mut self, pid: u32, watched: Watched) -> Result<(), MapError> {
        self.watched.insert(pid, Shared(watched), 0)
    }

    /// What is kept of a process, if it is watched.
    pub fn watched_as(&self, pid: u32) -> Option<Watched> {
        self.watched
            .get(&pid, 0)
            .ok()
            .map(|Shared(watched)| watched)
    }

    /// Every process that is watched.
    pub fn watched(&self) -> impl Iterator<Item = u32> {
        self.watched.keys().filter_map(Result::ok)
    }

    /// Has a program of that name watched, as that kind of server, wherever it is executed.
    pub fn wait_for(&mut self, name: &str, server: u32) -> Result<(), MapError> {
        let mut key = Name::default();
        // As long as the kernel keeps a name, with a zero behind it.
        let length = name.len().min(key.len() - 1);
        key[..length].copy_from_slice(&name.as_bytes()[..length]);
        self.names.insert(key, server, 0)
    }

    /// Each counter, summed up.
    pub fn counters(&self) -> Vec<(Counter, u64)> {
        self.counters.sums()
    }

    /// Whether this thread may read and change them.
    pub fn are_open(&self) -> bool {
        // No process has that number.
        let none = self.watched.get(&0, 0);
        matches!(none, Err(MapError::KeyNotFound))
            && !matches!(self.watched.keys().next(), Some(Err(_)))
    }

    /// Requests that are owed a record.
    pub fn in_flight(&self) -> u64 {
        let connections = self.conns.iter().filter_map(Result::ok);
        let waiting = self.queue.iter().filter_map(Result::ok);
        let parked = self.parked.keys().filter_map(Result::ok).count() as u64;
        connections.map(|(_, conn)| conn.0.in_flight()).sum::<u64>()
            + parked
            + waiting
                .filter(|(_, slot)| slot.0.state == SlotState::Ready)
                .count() as u64
    }
}

fn counters(programs: &mut Ebpf) -> Result<Mapped, Error> {
    const MAP: &str = "COUNTERS";
    let Some(Map::Array(map)) = programs.take_map(MAP) else {
        return Err(Error::Failed(format!("the object has no array {MAP}")));
    };
    Mapped::of(map, cpus()?).map_err(|error| Error::Failed(format!("map {MAP}: {error}")))
}

fn one<M>(programs: &mut Ebpf, name: &str) -> Result<M, Error>
where
    M: TryFrom<Map, Error = MapError>,
{
    let map = programs
        .take_map(name)
        .ok_or_else(|| Error::Failed(format!("the object has no map {name}")))?;
    M::try_from(map).map_err(|error| Error::Failed(format!("map {name}: {error}")))
}
