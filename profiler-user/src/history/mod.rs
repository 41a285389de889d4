//! A run as pictures need it, within a bound of memory: whatever its length, all of it.
//!
//! ```text
//! Tick -+-> sample -> timeline     steps in time; as room runs out, two become one
//!       +-> routes                 sums, and coarse steps, of each route
//!       +-> slow                   the slowest requests
//!       +-> groups                 which pools and processes there are
//!       v
//!     state, change  (json)  ----> report (a file), web (live)
//! ```

mod groups;
mod heat;
mod json;
mod routes;
mod sample;
mod slow;
mod timeline;

use std::collections::VecDeque;
use std::sync::Arc;

pub use groups::{Cell, Group, Groups, MAX_GROUPS};
pub use heat::{BUCKETS, Heat, PER_OCTAVE};
pub use json::{Account, Origin};
pub use routes::{MAX_ROUTES, Routes};
pub use sample::{PARTS, Sample};
pub use slow::{MAX_SLOW, Slowest};
pub use timeline::{Join, Timeline};

use crate::aggregate::Window;
use crate::pool::Snapshot;
use crate::summary::{ProbeCost, Summary};
use crate::tick::{About, Tick};

/// Steps in time: an hour of seconds. A longer run has longer steps.
pub const MAX_SAMPLES: usize = 3_600;

/// Lines for the operator that are kept.
pub const MAX_NOTICES: usize = 50;

/// Bytes of each.
const MAX_NOTICE: usize = 1_000;

/// The most memory that it takes: some 4 MB of steps, and 8 MB of routes if there are
/// as many as may be and each had requests of up to an hour (test `history_memory`).
pub const MAX_BYTES: usize = 12 << 20;

/// The run so far.
#[derive(Clone, Debug)]
pub struct History {
    about: Option<Arc<About>>,
    samples: Timeline<Sample>,
    groups: Groups,
    routes: Routes,
    slowest: Slowest,
    slowest_changed: bool,
    /// Each with when it was said: milliseconds since the epoch.
    notices: VecDeque<(u64, String)>,
    account: Option<Account>,
    ended: bool,
}

impl Default for History {
    fn default() -> Self {
        Self {
            about: None,
            samples: Timeline::new(MAX_SAMPLES),
            groups: Groups::default(),
            routes: Routes::default(),
            slowest: Slowest::default(),
            slowest_changed: false,
            notices: VecDeque::new(),
            account: None,
            ended: false,
        }
    }
}

impl History {
    /// The run begins.
    pub fn begin(&mut self, about: Arc<About>) {
        self.about = Some(about);
    }

    /// Adds a window.
    pub fn push(&mut self, tick: &Tick) {
        let cost = &tick.account.probe;
        self.add(&tick.window, &tick.snapshot, cost);
        self.account = Some(Account::new(&tick.account));
    }

    /// Adds a window of which there is no account.
    pub fn add(&mut self, window: &Window, snapshot: &Snapshot, cost: &ProbeCost) {
        let cells = self.groups.cells(snapshot, cost, window.seconds());
        self.samples.push(Sample::new(window, snapshot, cells));
        self.routes.push(window);
        self.slowest_changed = self.slowest.push(&window.slowest);
    }

    /// Keeps a line for the operator, said at milliseconds since the epoch.
    pub fn notice(&mut self, unix_ms: u64, text: &str) {
        if self.notices.len() >= MAX_NOTICES {
            self.notices.pop_front();
        }
        let end = text.floor_char_boundary(MAX_NOTICE);
        self.notices.push_back((unix_ms, text[..end].into()));
    }

    /// The run is over.
    pub fn end(&mut self, summary: &Summary) {
        self.account = Some(Account::new(summary));
        self.ended = true;
    }

    /// Requests in all.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.routes.total().count
    }
}
