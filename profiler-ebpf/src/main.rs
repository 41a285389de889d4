//! The kernel side of wsgiprobe.
//!
//! ```text
//! hooks/sock, hooks/syscall ─┬─> conns ─> pairing (profiler-common) ─> op::emit ─> EVENTS
//! hooks/tcp ─────────────────┤                 │                        │
//! hooks/sched ─> WATCHED ────┤                 └─ op: user buffers,     ├─ daemon: the other
//!                            │                    queue, long paths     │  side's part
//!                            └─> daemon (UNIX sockets) ─> HANDOVERS ────┘
//! hooks/switch ─> THREADS ──> threads: books CPU and waits on the request at hand
//! ```
//!
//! The hooks are thin: they find the socket and where the bytes lie, and hand
//! both to [`traffic`]. All decisions are in `profiler_common::pairing`.
#![no_std]
#![no_main]
// For one instruction that the language has no words for: `kernel::full_barrier`.
#![feature(asm_experimental_arch)]

mod arch;
mod blobs;
mod config;
mod conns;
mod daemon;
mod environ;
mod hooks;
mod kernel;
mod maps;
mod op;
mod preemption;
mod repeat;
mod storage;
mod tasks;
mod threads;
mod traffic;
mod user;
mod waiting;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// The helpers that read kernel and user memory are for GPL programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
