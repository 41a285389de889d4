//! When the ring buffer is worth draining.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

/// Pause between draining the ring buffer and waiting for its next record. While
/// records lie there unread the kernel wakes nobody, so at high rates one wake-up
/// serves many. The smallest ring holds 16 000 short requests/s for that long.
const COALESCE: Duration = Duration::from_millis(10);

/// Waits for records.
pub(super) struct Ring {
    fd: AsyncFd<OwnedFd>,
    resume: Instant,
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
            resume: Instant::now(),
        })
    }

    /// Returns when there are records. Drain only afterwards: one that comes in
    /// between then wakes the next call. Cancelling it loses nothing.
    pub(super) async fn readable(&mut self) -> io::Result<()> {
        sleep_until(self.resume).await;
        self.fd.readable().await?.clear_ready();
        self.resume = Instant::now() + COALESCE;
        Ok(())
    }
}
