//! mod_wsgi's daemons, as far as the kernel tells of them.

use std::path::Path;

use anyhow::Result;
use procfs::net::{UnixState, unix};

use crate::wait;

/// Waits until no daemon of the server below `root` holds a connection of Apache's: one
/// whose client has gone may be at work long after Apache has logged the request.
pub fn wait_until_done(root: &Path) -> Result<()> {
    wait::until("the daemons to be done", || {
        // Who accepts gets the path of the listening socket.
        Ok(!unix()?.iter().any(|socket| {
            let path = socket.path.as_deref();
            socket.state != UnixState::UNCONNECTED && path.is_some_and(|p| p.starts_with(root))
        }))
    })
}
