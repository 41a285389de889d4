//! The hooks: thin programs, one file a topic.
//!
//! `sock`, `fentry` and `syscall` are the back ends, of which one is attached; `sched`,
//! `switch` and `tcp` are attached with any of them, `wsgi` where there is mod_wsgi;
//! `tasks` is run by user space.

/// A line for aya-log, in builds with the feature `log` only.
macro_rules! log {
    ($ctx:expr, $($arg:tt)+) => {
        #[cfg(feature = "log")]
        aya_log_ebpf::debug!($ctx, $($arg)+);
    };
}

mod exec;
mod fentry;
mod sched;
mod sock;
mod switch;
mod syscall;
mod tasks;
mod tcp;
mod wsgi;

use profiler_common::config::Hung;
use profiler_common::watched::Watched;

use crate::maps::WATCHED;
use crate::preemption;

/// `MSG_PEEK` (include/linux/socket.h): the bytes stay where they are.
const MSG_PEEK: i32 = 2;

/// What is kept of the process, if it is watched.
#[inline(always)]
fn watched(process: u32) -> Option<Watched> {
    let watched = WATCHED.get_ptr(process)?;
    // SAFETY: a valid map value.
    Some(unsafe { *watched })
}

/// Does `what` without being put off for another thread.
#[inline(always)]
fn undisturbed(hung: Hung, what: impl FnOnce() -> Option<()>) -> Option<()> {
    preemption::off(hung);
    let done = what();
    preemption::on(hung);
    done
}
