//! Whether a run is well (`--health`): for whoever has to start it again, as Kubernetes does.
//!
//! ```text
//! pipeline -- beats, attached --> Vitals <-- asks -- server (/healthz, /readyz)
//! sinks ----- Condition ------------^
//! ```
//!
//! - `/healthz`: the pipeline turns. If not, a new start helps.
//! - `/readyz`: it is attached, and every output that delivers somewhere could. A new start
//!   would not help: it is for those who look, and for rollouts, which wait for it.
//!
//! Prometheus and the web page ask by themselves, and see whether they are answered.

mod server;
mod vitals;

use std::io;
use std::net::{SocketAddr, TcpListener};

use tokio::runtime::Handle;

pub use self::vitals::Vitals;
use crate::cli::Listen;

/// It cannot be asked there.
#[derive(Debug, thiserror::Error)]
#[error("--health {listen}: cannot listen there: {source}; choose another address or port")]
pub struct Error {
    listen: Listen,
    source: io::Error,
}

/// An address that can be reached, and is not answered yet.
#[derive(Debug)]
pub struct Health {
    listener: TcpListener,
    address: SocketAddr,
}

impl Health {
    /// Listens.
    pub fn bind(listen: &Listen) -> Result<Self, Error> {
        let bind = || -> io::Result<Self> {
            let listener = TcpListener::bind(&listen.addresses()?[..])?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bind().map_err(|source| Error {
            listen: listen.clone(),
            source,
        })
    }

    /// Where it is, for people.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/readyz", self.address)
    }

    /// Answers with those vitals there, until the run is over.
    pub fn serve(self, there: &Handle, vitals: Vitals) -> io::Result<()> {
        let _there = there.enter();
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        there.spawn(server::serve(listener, vitals));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
