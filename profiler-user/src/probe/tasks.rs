//! Programs that go through all threads of the machine (`profiler-ebpf`'s
//! `hooks::tasks`): each run is a file, read to its end.

use std::io::Read as _;

use aya::programs::Iter;
use aya::{Btf, Ebpf};
use profiler_common::account::SERVING_SIZE;

use super::hook::{Hook, find};
use super::{Error, ServingThread};

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

/// Every thread that has served a request and lives.
pub fn serving(programs: &mut Ebpf) -> Result<Vec<ServingThread>, Error> {
    let told = run(programs, TELL)?;
    let (each, _) = told.as_chunks::<SERVING_SIZE>();
    Ok(each.iter().map(decode).collect())
}

/// A [`profiler_common::account::Serving`].
fn decode(bytes: &[u8; SERVING_SIZE]) -> ServingThread {
    let word = |index: usize| {
        let bytes = bytes[index * 8..].first_chunk();
        bytes.copied().map_or(0, u64::from_ne_bytes)
    };
    let (id, since) = (word(0), word(1));
    ServingThread {
        pid: (id >> 32) as u32,
        tid: id as u32,
        busy_since_ns: (since != 0).then_some(since),
    }
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
    use super::*;

    #[test]
    fn a_thread_is_idle_or_busy() {
        let told = |since: u64| {
            let mut bytes = [0; SERVING_SIZE];
            bytes[..8].copy_from_slice(&(7_u64 << 32 | 9).to_ne_bytes());
            bytes[8..].copy_from_slice(&since.to_ne_bytes());
            decode(&bytes)
        };
        let busy = ServingThread {
            pid: 7,
            tid: 9,
            busy_since_ns: Some(5),
        };
        assert_eq!(told(5), busy);
        let idle = ServingThread {
            busy_since_ns: None,
            ..busy
        };
        assert_eq!(told(0), idle);
    }
}
