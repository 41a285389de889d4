//! The kernel side of wsgiprobe.
//!
//! ```text
//! hooks/sock, hooks/syscall ─┐
//! hooks/tcp ─────────────────┼─> conns ─> pairing (profiler-common) ─> op::emit ─> EVENTS
//! hooks/sched ─> WATCHED ────┘                 │
//!                                              └─ op: user buffers, queue, long paths
//! ```
//!
//! The hooks are thin: they find the socket and where the bytes lie, and hand
//! both to [`traffic`]. All decisions are in `profiler_common::pairing`.
#![no_std]
#![no_main]

mod arch;
mod config;
mod conns;
mod hooks;
mod maps;
mod op;
mod traffic;
mod user;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// The helpers that read kernel and user memory are for GPL programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
