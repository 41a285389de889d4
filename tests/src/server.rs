//! What Debian's Apache and `mod_wsgi-express` have in common.

use anyhow::Result;

use crate::access_log::{AccessLog, Entry};
use crate::client::Client;
use crate::daemons;
use crate::process::descendants;
use crate::site::Site;

/// A running Apache with mod_wsgi.
pub trait Server: Sync {
    /// Its parent process, the one to watch.
    fn pid(&self) -> Result<u32>;

    /// The loopback port that it listens on.
    fn port(&self) -> u16;

    /// What it serves.
    fn site(&self) -> &Site;

    /// Its access log, since it was started.
    fn log(&self) -> Result<&AccessLog>;

    /// Waits until all that clients did is over, and gives the `count` entries (or
    /// more) that it logged since it was started (or started again).
    fn settle(&self, count: usize) -> Result<Vec<Entry>> {
        let entries = self.log()?.settle(count)?;
        daemons::wait_until_done(self.site().root())?;
        Ok(entries)
    }

    /// A new connection to it.
    fn connect(&self) -> Result<Client> {
        Client::connect(self.port())
    }

    /// All its processes.
    fn processes(&self) -> Result<Vec<u32>> {
        let mut all = descendants(self.pid()?);
        all.push(self.pid()?);
        Ok(all)
    }
}
