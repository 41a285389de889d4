//! The web page of a run (`--web`).
//!
//! ```text
//! History <- report::Keeper -- change --> events ---+
//!      \-------------------- state ----> answer ---+--> connections --> browser
//!                                          guard --^
//! ```
//!
//! - `connections`: so many at a time, and none that does not take what it asked for.
//! - `guard`: who may ask.
//! - `answer`: the page, its files, the state, with what a browser is to be strict about.
//! - `events`: what each window changes, as server-sent events.
//!
//! All of it runs on the outputs' thread.

mod answer;
mod connections;
mod events;
mod guard;

use std::io;
use std::net::{SocketAddr, TcpListener};

use tokio::runtime::Handle;

use crate::cli;
use crate::report::Shared;
use answer::Site;
use guard::Guard;

/// The page cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("--web {listen}: cannot listen there: {source}; choose another address or port")]
pub struct Error {
    listen: cli::Listen,
    source: io::Error,
}

/// A page that can be reached, and is not served yet.
#[derive(Debug)]
pub struct Web {
    listener: TcpListener,
    guard: Guard,
    address: SocketAddr,
}

impl Web {
    /// Listens.
    pub fn bind(web: &cli::Web) -> Result<Self, Error> {
        let bind = || -> io::Result<Self> {
            let listener = TcpListener::bind(&web.addresses[..])?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            let token = web.token.as_ref().map(cli::Secret::reveal);
            let guard = Guard::new(address, token)?;
            Ok(Self {
                listener,
                guard,
                address,
            })
        };
        bind().map_err(|source| Error {
            listen: web.listen.clone(),
            source,
        })
    }

    /// Where it is, for people.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Serves that history there, until the run is over.
    pub fn serve(self, there: &Handle, shared: Shared) -> io::Result<()> {
        let _there = there.enter();
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let site = Site::new(self.guard, shared);
        there.spawn(connections::serve(listener, site));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
