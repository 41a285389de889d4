//! The system call tracepoints are named by numbers that only tracefs tells.

use std::path::Path;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Where it belongs, and where it was before 4.1.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Makes sure that tracefs can be read. Where it is not mounted, mounts it for
/// this thread alone: the host's mounts stay as they are.
pub fn ensure_mounted() -> Result<(), String> {
    if PLACES
        .iter()
        .any(|place| Path::new(place).join("events").is_dir())
    {
        return Ok(());
    }
    mount_privately()
        .and_then(|()| readable())
        .map_err(|error| {
            format!(
                "tracefs cannot be mounted without CAP_SYS_ADMIN, nor read without \
             CAP_DAC_READ_SEARCH by who is not root ({error}): mount -t tracefs tracefs {}",
                PLACES[0]
            )
        })
}

fn readable() -> rustix::io::Result<()> {
    let place = Path::new(PLACES[0]).join("events");
    match std::fs::read_dir(place) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))
        }
    }
}

fn mount_privately() -> rustix::io::Result<()> {
    // SAFETY: the thread gets mounts of its own; no descriptor or memory changes.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS)? };
    // Mounts made on the host still show up here, not the other way round.
    let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", slave)?;
    mount("tracefs", PLACES[0], "tracefs", MountFlags::empty(), None)
}
