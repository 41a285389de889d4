//! The hooks: thin programs, one file a topic.
//!
//! `sock`, `fentry` and `syscall` are the back ends, of which one is attached; `sched`,
//! `switch` and `tcp` are attached with any of them, `wsgi` where there is mod_wsgi.

/// A line for aya-log, in builds with the feature `log` only.
macro_rules! log {
    ($ctx:expr, $($arg:tt)+) => {
        #[cfg(feature = "log")]
        aya_log_ebpf::debug!($ctx, $($arg)+);
    };
}

mod fentry;
mod sched;
mod sock;
mod switch;
mod syscall;
mod tcp;
mod wsgi;

use aya_ebpf::helpers::bpf_get_current_pid_tgid;

use crate::maps::WATCHED;
use crate::traffic::Task;

/// `MSG_PEEK` (include/linux/socket.h): the bytes stay where they are.
const MSG_PEEK: i32 = 2;

/// The current thread, if its process is watched.
#[inline(always)]
fn watched_task() -> Option<Task> {
    let id = bpf_get_current_pid_tgid();
    let server = WATCHED.get_ptr((id >> 32) as u32)?;
    Some(Task {
        id,
        // SAFETY: a valid map value.
        server: unsafe { *server },
    })
}
