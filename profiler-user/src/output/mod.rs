//! Plain lines for people.
//!
//! The other files make [`Line`]s; [`Console`] alone writes them. Paths and names
//! come from the network, so whatever is printed passes `text::clean` there:
//! no control character of a stranger reaches the terminal.

pub(crate) mod account;
mod banner;
pub(crate) mod bar;
mod console;
pub(crate) mod human;
mod interval;
pub(crate) mod pool;
pub(crate) mod shares;
mod slowest;
mod table;
mod text;

pub use account::account;
pub use banner::{Banner, banner};
pub use console::Console;
pub use interval::Intervals;
pub use pool::pools;
pub use text::{Line, Tone, clean, fit};

/// Columns that a line about where time went may take; routes in the table may
/// take more.
const COLUMNS: usize = 100;

#[cfg(test)]
mod tests {
    //! What the tests of several files build on.

    use std::net::SocketAddr;
    use std::sync::Arc;

    use crate::aggregate::{Aggregator, Stats, Window};
    use crate::model::{Outcome, Request, Times};

    /// A request of that duration (ns) and status.
    fn request((duration, status): (u64, u16)) -> Request {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        Request {
            time_unix_ns: 0,
            end_unix_ns: duration,
            pid: 1,
            tid: 1,
            daemon_pid: None,
            daemon_tid: None,
            mode: None,
            container: None,
            names: None,
            client: address,
            server: address,
            method: Some(Arc::from("GET")),
            path: Some("/".into()),
            path_truncated: false,
            route: Arc::from("/"),
            protocol: Some("1.1"),
            status: Some(status),
            request_bytes: 1,
            response_bytes: 1,
            times: Times {
                duration: Some(duration),
                ..Times::default()
            },
            spent: None,
            daemon_spent: None,
            busy: None,
            daemon_busy: None,
            upstream: None,
            outcome: Outcome::Ok,
            incomplete: false,
        }
    }

    /// One second of requests, each a duration (ns) and a status.
    pub fn window(requests: &[(u64, u16)]) -> Window {
        let mut aggregator = Aggregator::new();
        for given in requests {
            aggregator.record(&request(*given));
        }
        aggregator.close(0, 1_000_000_000)
    }

    /// Their numbers.
    pub fn stats(requests: &[(u64, u16)]) -> Stats {
        window(requests).total
    }
}
