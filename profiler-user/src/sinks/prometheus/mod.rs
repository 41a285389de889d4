//! Prometheus (`--prometheus`): an address that it scrapes.
//!
//! ```text
//! Tick -> keeper (metrics::Registry, a thread) <- server (GET /metrics, on the outputs' thread)
//!             families -> format (protobuf | text)
//! ```
//!
//! The messages are those of `prometheus-client`, the official library: its own counters
//! and histograms count one event at a time, here sums and whole histograms come in.

mod families;
mod format;
mod keeper;
mod server;
mod text;

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use self::keeper::Keeper;
use self::server::Counts;
use super::{Delivered, Finish, Notices, Sink};
use crate::summary::Summary;
use crate::tick::{About, Tick};

/// The address cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("--prometheus {address}: cannot listen there: {source}; choose another address or port")]
pub struct BindError {
    address: String,
    source: io::Error,
}

/// Answers Prometheus.
pub struct Prometheus {
    keeper: Keeper,
    counts: Arc<Counts>,
    server: JoinHandle<()>,
    place: String,
    notices: Notices,
    told: bool,
}

impl Prometheus {
    /// Listens there at once, and answers in that runtime once the run has begun.
    pub fn bind(address: &str, services: &Handle, notices: Notices) -> Result<Self, BindError> {
        let (listener, at) = listen(address).map_err(|source| BindError {
            address: address.to_owned(),
            source,
        })?;
        let counts = Arc::<Counts>::default();
        let (keeper, work) = Keeper::new();
        let (answering, counting) = (keeper.clone(), Arc::clone(&counts));
        let server = services.spawn(async move {
            // Started from here, it has the rights of this thread: none.
            tokio::task::spawn_blocking(move || work.run());
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                server::serve(listener, answering, counting).await;
            }
        });
        Ok(Self {
            keeper,
            counts,
            server,
            place: format!("http://{at}/metrics"),
            notices,
            told: false,
        })
    }

    /// Where it is to be scraped.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }
}

fn listen(address: &str) -> io::Result<(TcpListener, SocketAddr)> {
    let addresses: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
    let listener = TcpListener::bind(&addresses[..])?;
    listener.set_nonblocking(true)?;
    let at = listener.local_addr()?;
    Ok((listener, at))
}

impl Sink for Prometheus {
    fn begin(&mut self, about: &Arc<About>) {
        self.keeper.begin(about);
    }

    fn tick(&mut self, tick: &Arc<Tick>) {
        if !self.keeper.tick(tick) && !self.told {
            self.told = true;
            // Nobody listens any more: then there is nobody to tell.
            let _ = self.notices.send(
                "prometheus: this machine is too busy to keep the metrics; windows are missing \
                 from them"
                    .into(),
            );
        }
    }

    fn finish(self: Box<Self>, _: &Arc<Summary>, _: Duration) -> Finish {
        self.server.abort();
        let lost = self.keeper.lost();
        let refused = self.counts.refused.load(Ordering::Relaxed);
        let answered = self.counts.answered.load(Ordering::Relaxed);
        let mut text = format!("{answered} scrapes of {}", self.place);
        for (count, what) in [(refused, "turned away"), (lost, "windows missing")] {
            if count > 0 {
                text = format!("{text}, {count} {what}");
            }
        }
        let failed = lost > 0;
        Box::pin(async move { Delivered { text, failed } })
    }
}

#[cfg(test)]
mod tests;
