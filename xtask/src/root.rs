//! Jobs that need root, for eBPF and for Apache's workers.

use std::env;

use anyhow::{Result, bail};

use crate::workspace;

/// Says what to type instead. Not `sudo cargo`: root's cargo is another one.
pub fn require(job: &str) -> Result<()> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    bail!(
        "this needs root, for eBPF and for Apache's workers. Build as yourself, then run it: \
         `cargo xtask setup && cargo build --release -p profiler-user && \
         sudo env WSGIPROBE_BIN={} {} {job}`",
        workspace::release_binary()?.display(),
        env::current_exe()?.display()
    )
}
