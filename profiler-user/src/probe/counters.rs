//! The kernel's counters, in this process's memory: to read them takes no system call.

use std::os::fd::AsFd as _;
use std::ptr::NonNull;
use std::{io, ptr};

use aya::maps::MapData;
use profiler_common::stats::{Counter, Counters, PLACES, SETS_A_CPU};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A map of sets of counters.
pub struct Mapped {
    /// Open, so that it is among the maps that take memory.
    _map: MapData,
    sets: NonNull<Counters>,
    cpus: u32,
}

// SAFETY: nothing of it belongs to a thread.
unsafe impl Send for Mapped {}
// SAFETY: it is only read.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// How many entries the map has to have.
    pub const fn entries(cpus: u32) -> u32 {
        cpus * SETS_A_CPU
    }

    /// Maps a map of so many entries.
    pub fn of(map: MapData, cpus: u32) -> io::Result<Self> {
        // SAFETY: a new mapping, wherever there is room.
        let address = unsafe {
            mmap(
                ptr::null_mut(),
                Self::bytes(cpus),
                ProtFlags::READ,
                MapFlags::SHARED,
                map.fd().as_fd(),
                0,
            )?
        };
        let sets = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            _map: map,
            sets,
            cpus,
        })
    }

    const fn bytes(cpus: u32) -> usize {
        Self::entries(cpus) as usize * size_of::<Counters>()
    }

    /// Each counter, summed over its sets and the CPUs.
    pub fn sums(&self) -> Vec<(Counter, u64)> {
        let mut sums: Counters = [0; Counter::ALL.len()];
        let sets =
            (0..self.cpus).flat_map(|cpu| (0..PLACES).map(move |place| cpu * SETS_A_CPU + place));
        for set in sets {
            for (counter, sum) in sums.iter_mut().enumerate() {
                // SAFETY: within the mapping, and aligned. The kernel's programs write it
                // meanwhile, eight bytes at a time.
                *sum += unsafe {
                    let set = self.sets.add(set as usize).cast::<u64>();
                    set.add(counter).read_volatile()
                };
            }
        }
        Counter::ALL.iter().copied().zip(sums).collect()
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping that was made, and nothing refers to it any more.
        let _ = unsafe { munmap(self.sets.as_ptr().cast(), Self::bytes(self.cpus)) };
    }
}
