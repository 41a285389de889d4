//! Programs that go through all threads of the machine (`profiler-ebpf`'s
//! `hooks::tasks`): each run is a file, read to its end.

use std::io::Read as _;
use std::mem::offset_of;

use aya::programs::Iter;
use aya::{Btf, Ebpf};
use profiler_common::account::{SERVING_SIZE, Serving};

use super::hook::{Hook, find};
use super::{Error, ServingThread, Threads};

const TAKE_UP: &str = "take_up";
const TELL: &str = "tell_serving";
const TRY: &str = "try_storage";

/// All of them.
pub const HOOKS: [Hook; 3] = [
    Hook::Threads(TAKE_UP),
    Hook::Threads(TELL),
    Hook::Threads(TRY),
];

/// Loads them.
pub fn load(programs: &mut Ebpf, btf: &Btf) -> Result<(), Error> {
    HOOKS
        .iter()
        .try_for_each(|hook| hook.attach(programs, btf))
        .map_err(Error::Refused)
}

/// Whether the kernel keeps something with a thread.
pub fn try_storage(programs: &mut Ebpf) -> Result<(), Error> {
    if run(programs, TRY)?.is_empty() {
        return Err(Error::Refused(
            "the kernel has no memory for task storage".into(),
        ));
    }
    Ok(())
}

/// Takes up the threads of watched processes.
pub fn take_up(programs: &mut Ebpf) -> Result<(), Error> {
    run(programs, TAKE_UP).map(|_| ())
}

/// The threads that are watched now.
pub fn watched(programs: &mut Ebpf) -> Result<Threads, Error> {
    Ok(decode(&run(programs, TELL)?))
}

/// [`Serving`]s, one after the other.
fn decode(told: &[u8]) -> Threads {
    let (each, _) = told.as_chunks::<SERVING_SIZE>();
    let mut threads = Threads::default();
    for bytes in each {
        let word = |offset: usize| {
            let bytes = bytes[offset..].first_chunk();
            bytes.copied().map_or(0, u64::from_ne_bytes)
        };
        let half = |offset: usize| {
            let bytes = bytes[offset..].first_chunk();
            bytes.copied().map_or(0, u32::from_ne_bytes)
        };
        let id = word(offset_of!(Serving, id));
        let (pid, tid) = ((id >> 32) as u32, id as u32);
        threads
            .origins
            .insert(pid, half(offset_of!(Serving, origin)));
        if half(offset_of!(Serving, has_served)) != 0 {
            let since = word(offset_of!(Serving, since_ns));
            threads.serving.push(ServingThread {
                pid,
                tid,
                busy_since_ns: (since != 0).then_some(since),
            });
        }
    }
    threads
}

fn run(programs: &mut Ebpf, name: &str) -> Result<Vec<u8>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Failed(format!("iter/task: {error}"));
    let program: &mut Iter = find(programs, name).map_err(|error| failed(&error))?;
    let link = program.attach().map_err(|error| failed(&error))?;
    let link = program.take_link(link).map_err(|error| failed(&error))?;
    let mut file = link.into_file().map_err(|error| failed(&error))?;
    let mut told = Vec::new();
    file.read_to_end(&mut told)
        .map_err(|error| failed(&error))?;
    Ok(told)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Of process 7, which descends from process 3.
    fn told(tid: u64, since: u64, has_served: u32) -> Vec<u8> {
        let words = [7_u64 << 32 | tid, since].map(u64::to_ne_bytes);
        let halves = [3, has_served].map(u32::to_ne_bytes);
        [words.as_flattened(), halves.as_flattened()].concat()
    }

    #[test]
    fn a_thread_is_idle_or_busy() {
        let told = [told(7, 0, 0), told(8, 5, 1), told(9, 0, 1)].concat();
        let Threads { serving, origins } = decode(&told);
        let busy = ServingThread {
            pid: 7,
            tid: 8,
            busy_since_ns: Some(5),
        };
        let idle = ServingThread {
            tid: 9,
            busy_since_ns: None,
            ..busy
        };
        assert_eq!(serving, [busy, idle]);
        assert_eq!(origins, HashMap::from([(7, 3)]));
    }
}
