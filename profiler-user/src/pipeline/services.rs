//! The thread that outputs work on: whatever they do, the ring buffer is drained in time.

use std::io;
use std::thread;

use rustix::process::setpriority_process;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::privileges;

/// A runtime on a thread of its own, without privileges and of ordinary priority. What
/// is still at work when this is dropped is given up.
pub(super) struct Services {
    handle: Handle,
    _until_dropped: oneshot::Sender<()>,
}

impl Services {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (until_dropped, dropped) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("outputs".into())
            .spawn(move || {
                privileges::renounce();
                // Of this thread alone. Who is refused it works as before.
                let _ = setpriority_process(None, 0);
                let _ = runtime.block_on(dropped);
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            _until_dropped: until_dropped,
        })
    }

    /// Where to put what is to be done.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn works_beside_who_started_it() {
        let services = Services::start().unwrap();
        let here = thread::current().id();
        let there = services.handle().spawn(async { thread::current().id() });
        let runtime = Builder::new_current_thread().build().unwrap();
        assert_ne!(runtime.block_on(there).unwrap(), here);
    }
}
