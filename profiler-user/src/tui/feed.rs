//! From the main thread to the screen's, which may be slow or stand still.
//!
//! The channel is short. What does not fit is not lost, as the totals on the screen
//! would be wrong then: windows that the screen had no time for are merged into one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use foldhash::{HashMap, HashMapExt as _};

use super::samples::Samples;
use crate::aggregate::{Row, Window};
use crate::identity::Identity;
use crate::tick::{About, Tick};

/// Items under way: some seconds of windows.
const UNDER_WAY: usize = 8;

/// Notices that wait while the channel is full; the oldest go first.
const WAITING: usize = 100;

/// What the screen is told.
#[derive(Debug)]
pub(super) enum Item {
    /// The run begins.
    Begin(Arc<About>),
    /// A window has ended.
    Window(Box<Told>),
    /// Something that the operator should know.
    Notice(String),
}

/// A window, and the slowest requests of each of its routes.
#[derive(Debug)]
pub(super) struct Told {
    pub tick: Arc<Tick>,
    pub samples: Samples,
}

/// The sending end. No call waits.
#[derive(Debug)]
pub(super) struct Feed {
    items: SyncSender<Item>,
    window: Option<Box<Told>>,
    notices: VecDeque<String>,
    gone: bool,
}

impl Feed {
    /// Both ends.
    pub(super) fn new() -> (Self, Receiver<Item>) {
        let (items, receiver) = sync_channel(UNDER_WAY);
        let feed = Self {
            items,
            window: None,
            notices: VecDeque::new(),
            gone: false,
        };
        (feed, receiver)
    }

    /// Whether nobody listens any more.
    pub(super) const fn is_gone(&self) -> bool {
        self.gone
    }

    /// The run begins; the first thing that is told.
    pub(super) fn begin(&mut self, about: Arc<About>) {
        self.send(Item::Begin(about));
    }

    /// A window has ended.
    pub(super) fn window(&mut self, mut told: Told) {
        if let Some(mut before) = self.window.take() {
            before.absorb(told);
            told = *before;
        }
        self.send(Item::Window(Box::new(told)));
        while let Some(notice) = self.notices.pop_front() {
            if !self.send(Item::Notice(notice)) {
                break;
            }
        }
    }

    /// Something that the operator should know.
    pub(super) fn notice(&mut self, text: String) {
        self.send(Item::Notice(text));
    }

    /// Whether it fitted; keeps it if not.
    fn send(&mut self, item: Item) -> bool {
        match self.items.try_send(item) {
            Ok(()) => return true,
            Err(TrySendError::Disconnected(_)) => self.gone = true,
            Err(TrySendError::Full(Item::Window(told))) => self.window = Some(told),
            Err(TrySendError::Full(Item::Notice(text))) => {
                if self.notices.len() == WAITING {
                    self.notices.pop_front();
                }
                self.notices.push_back(text);
            }
            // The first of all fits.
            Err(TrySendError::Full(Item::Begin(_))) => {}
        }
        false
    }
}

impl Told {
    /// Adds the window that follows.
    fn absorb(&mut self, next: Self) {
        let mine = Arc::make_mut(&mut self.tick);
        absorb(&mut mine.window, &next.tick.window);
        mine.snapshot.clone_from(&next.tick.snapshot);
        mine.account.clone_from(&next.tick.account);
        self.samples.absorb(next.samples);
    }
}

fn absorb(window: &mut Window, next: &Window) {
    let mut places = HashMap::with_capacity(window.rows.len());
    for (place, row) in window.rows.iter().enumerate() {
        let key = kind(row);
        places.insert(key, place);
    }
    for row in &next.rows {
        let key = kind(row);
        match places.get(&key) {
            Some(place) => window.rows[*place].stats.merge(&row.stats),
            None => window.rows.push(row.clone()),
        }
    }
    window.total.merge(&next.total);
    window.end_unix_ns = next.end_unix_ns;
}

/// What makes rows one.
fn kind(row: &Row) -> (Arc<str>, &'static str, &'static str, Option<Arc<Identity>>) {
    let identity = row.identity.clone();
    (
        Arc::clone(&row.route),
        row.method,
        row.status_class,
        identity,
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{second, tick};
    use super::*;
    use crate::request::sample;

    fn told(at: u64, paths: &[&str]) -> Told {
        let requests: Vec<_> = paths.iter().map(|path| sample::request(path)).collect();
        let mut samples = Samples::default();
        for request in &requests {
            samples.offer(request);
        }
        Told {
            tick: Arc::new(tick(second(at), &requests)),
            samples,
        }
    }

    #[test]
    fn a_screen_that_stands_still_loses_no_request() {
        let (mut feed, items) = Feed::new();
        let windows = 3 * UNDER_WAY as u64;
        for at in 0..windows {
            feed.window(told(at, &["/a", "/a", &format!("/{}", at % 2)]));
            feed.notice(at.to_string());
        }
        let (mut seen, mut notices, mut end) = (0, 0, 0);
        let mut take = |feed: &mut Feed| {
            while let Ok(item) = items.try_recv() {
                match item {
                    Item::Window(told) => {
                        let window = &told.tick.window;
                        assert_eq!(end, window.start_unix_ns, "no gap");
                        end = window.end_unix_ns;
                        let rows = window.rows.iter().map(|row| row.stats.count);
                        assert_eq!(rows.sum::<u64>(), window.total.count);
                        assert!(window.rows.len() <= 3, "rows of a kind are one");
                        seen += window.total.count;
                    }
                    Item::Notice(_) => notices += 1,
                    Item::Begin(_) => unreachable!(),
                }
            }
            assert!(!feed.is_gone());
        };
        for at in windows..2 * windows {
            take(&mut feed);
            feed.window(told(at, &["/a"]));
        }
        take(&mut feed);
        assert_eq!(seen, 3 * windows + windows);
        assert_eq!(notices, windows);
        drop(items);
        feed.notice("nobody".into());
        assert!(feed.is_gone());
    }
}
