//! mod_wsgi itself: which requests reach an application.
//!
//! In embedded mode nothing that crosses the kernel's border tells a request for
//! the application from one for a file.

use aya_ebpf::macros::uprobe;
use aya_ebpf::programs::ProbeContext;

use crate::tasks;

// WSGIThreadInfo *wsgi_start_request(request_rec *r)      mod_wsgi, wsgi_metrics.c
#[uprobe]
pub fn wsgi_start(_ctx: ProbeContext) -> u32 {
    if let Some((_, task)) = tasks::current() {
        task.thread.wsgi = 1;
    }
    0
}
