//! When the ring buffer is worth draining.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

/// How often to look. The kernel wakes nobody until a quarter of the ring is full:
/// a wake-up costs more than a record. Looks at nothing are a quarter of what an idle run
/// costs.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits for records.
pub(super) struct Ring {
    fd: AsyncFd<OwnedFd>,
    next_look: Instant,
}

impl Ring {
    /// Waits on a duplicate of `fd`; needs the runtime.
    pub(super) fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let fd = fd.try_clone_to_owned()?;
        // SAFETY: an OwnedFd is open, and the same descriptor, as long as it lives;
        // the AsyncFd owns it and nothing takes it out.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?;
        Ok(Self {
            fd,
            next_look: Instant::now() + LOOK_EVERY,
        })
    }

    /// Returns when it is time to drain. Drain only afterwards: what comes in
    /// between then wakes the next call. Cancelling it loses nothing.
    pub(super) async fn ready(&mut self) -> io::Result<()> {
        tokio::select! {
            () = sleep_until(self.next_look) => {}
            ready = self.fd.readable() => ready?.clear_ready(),
        }
        self.next_look = Instant::now() + LOOK_EVERY;
        Ok(())
    }
}
