//! When to stop, and when to stop at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::tui;

/// Exit status after a signal, by the shells' convention: this and its number.
const SIGNALLED: i32 = 128;

/// Why the run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// SIGINT, SIGTERM or SIGHUP.
    Signal,
    /// `--duration` is over.
    Elapsed,
    /// The watched processes have ended and cannot come back.
    TargetsEnded,
    /// The reader of the only output has left.
    NobodyReads,
}

/// The signals that mean stop. The first asks; a second ends the process from
/// within the signal handler, whatever it is blocked on. The kernel then takes
/// the hooks out.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Stop {
    /// Installs the handlers; needs the runtime.
    pub(super) fn install() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for number in [SIGINT, SIGTERM, SIGHUP] {
            let again = Arc::clone(&asked);
            let give_back = move || {
                if again.load(Ordering::SeqCst) {
                    tui::give_back();
                }
            };
            // SAFETY: it is async-signal-safe, and so is reading an atomic.
            unsafe { low_level::register(number, give_back) }?;
            // The order matters: the first signal must find it unset.
            flag::register_conditional_shutdown(number, SIGNALLED + number, Arc::clone(&asked))?;
            flag::register(number, Arc::clone(&asked))?;
        }
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for one of them.
    pub(super) async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
