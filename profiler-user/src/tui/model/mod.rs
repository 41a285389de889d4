//! What the screen knows: nothing here draws.
//!
//! - `figures`: the numbers of a route.
//! - `history`: the last two minutes of it.

mod figures;
mod history;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;

pub use figures::{Figures, Moment};
pub use history::Fold;

use super::feed::{Item, Told};
use crate::pool::Snapshot;
use crate::summary::Summary;
use crate::tick::About;

/// Routes kept apart. With histories and histograms a busy one takes some 35 kB.
pub const MAX_ROUTES: usize = 500;

/// Where those of more go.
pub const FURTHER: &str = "(further routes)";

/// Messages kept; the oldest go first.
const MESSAGES: usize = 200;

/// What is recent: this epoch of five seconds and the one before.
const EPOCH: Duration = Duration::from_secs(5);

/// The finest step of the history.
const SLOT: Duration = Duration::from_secs(1);

/// Something that the operator should know.
#[derive(Clone, Debug)]
pub struct Message {
    /// The end of the window that it came in: nanoseconds since the epoch; 0 before the
    /// first.
    pub unix_ns: u64,
    /// In words.
    pub text: String,
}

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// What is watched.
    pub about: Option<Arc<About>>,
    /// Each route.
    pub routes: HashMap<Arc<str>, Figures>,
    /// All of them.
    pub total: Figures,
    /// How far the run is.
    pub moment: Moment,
    /// End of the last window, wall clock: nanoseconds since the epoch.
    pub end_unix_ns: u64,
    /// The servers.
    pub snapshot: Snapshot,
    /// The account so far.
    pub account: Option<Summary>,
    /// The last of them.
    pub messages: VecDeque<Message>,
    /// How many there were.
    pub told: u64,
}

impl Model {
    pub(super) fn take(&mut self, item: Item) {
        match item {
            Item::Begin(about) => {
                self.moment.slot = SLOT.max(about.interval).as_nanos() as u64;
                self.moment.epoch = EPOCH.max(about.interval).as_nanos() as u64;
                self.end_unix_ns = about.began_unix_ns;
                self.about = Some(about);
            }
            Item::Window(told) => self.window(&told),
            Item::Notice(text) => {
                if self.messages.len() == MESSAGES {
                    self.messages.pop_front();
                }
                self.told += 1;
                self.messages.push_back(Message {
                    unix_ns: self.end_unix_ns,
                    text,
                });
            }
        }
    }

    fn window(&mut self, told: &Told) {
        let tick = &*told.tick;
        let window = &tick.window;
        let length = window.end_unix_ns.saturating_sub(window.start_unix_ns);
        self.moment.begin = self.moment.end;
        self.moment.end += length;
        self.end_unix_ns = window.end_unix_ns;
        self.snapshot.clone_from(&tick.snapshot);
        self.account = Some(tick.account.clone());
        let moment = self.moment;
        for (route, stats) in window.by_route() {
            let slowest = told.samples.of(&route);
            let figures = self.route(route);
            figures.add(&stats, &moment);
            figures.keep(slowest);
        }
        if window.total.count > 0 {
            self.total.add(&window.total, &moment);
            self.total.keep(&window.slowest);
        }
    }

    fn route(&mut self, route: Arc<str>) -> &mut Figures {
        let is_full = self.routes.len() >= MAX_ROUTES && !self.routes.contains_key(&route);
        let route = if is_full { FURTHER.into() } else { route };
        self.routes.entry(route).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fed, second, tick};
    use super::*;
    use crate::request::sample;
    use crate::tui::samples::Samples;

    #[test]
    fn more_routes_than_are_kept_lose_no_request() {
        let mut model = Model::default();
        let requests: Vec<_> = (0..MAX_ROUTES + 50)
            .map(|number| sample::request(&format!("/{number}")))
            .collect();
        for at in 0..2 {
            let tick = Arc::new(tick(second(at), &requests));
            let samples = Samples::default();
            model.take(Item::Window(Box::new(Told { tick, samples })));
        }
        assert_eq!(model.routes.len(), MAX_ROUTES + 1);
        let counts = model.routes.values().map(|figures| figures.run.count);
        assert_eq!(counts.sum::<u64>() as usize, 2 * requests.len());
        assert_eq!(model.routes[FURTHER].run.count, 100);
        assert_eq!(model.total.run.count as usize, 2 * requests.len());
    }

    #[test]
    fn messages_are_bounded_and_dated() {
        let mut model = fed(3);
        for number in 0..MESSAGES + 5 {
            model.take(Item::Notice(number.to_string()));
        }
        assert_eq!(model.messages.len(), MESSAGES);
        assert_eq!(model.told as usize, MESSAGES + 5);
        assert_eq!(model.messages[0].text, "5");
        assert_eq!(model.messages[0].unix_ns, model.end_unix_ns);
    }
}
