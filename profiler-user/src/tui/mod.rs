//! The screen: a picture of the run for whoever sits at a terminal.
//!
//! ```text
//! main thread --> feed ---> model -> state -> view -> terminal
//!              (bounded)              ^
//!                         keys -------+
//! ```
//!
//! - `feed`: from the main thread to the screen's; never waits.
//! - `samples`: the slowest requests of each route in a window, whole.
//! - `model`: what is known.
//! - `state`, `keys`: what is looked at, and how.
//! - `view`, `theme`: drawing; pure functions of the state.
//! - `terminal`: taking the terminal, and giving it back whatever happens.
//!
//! The thread has ordinary priority and no privileges. A terminal that is slow, or
//! stands still, delays nothing but the picture.

mod feed;
mod keys;
mod model;
mod samples;
mod state;
mod terminal;
mod theme;
mod view;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::{queue, terminal as screen};
use rustix::process::setpriority_process;
use signal_hook::consts::{SIGINT, SIGTSTP};
use signal_hook::low_level;

use feed::{Feed, Item, Told};
use keys::Action;
pub use samples::Samples;
use state::State;
use terminal::Terminal;
pub use terminal::give_back;
use theme::Theme;

use crate::privileges;
use crate::tick::{About, Tick};

/// How often to look for news; keys are served at once.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Least time between two pictures, but after a key: numbers that change faster cannot
/// be read.
const DRAW_EVERY: Duration = Duration::from_millis(250);

/// How long the end of the run waits for a terminal that stands still.
const PATIENCE: Duration = Duration::from_secs(1);

/// The screen, from outside.
#[derive(Debug)]
pub struct Tui {
    feed: Option<Feed>,
    /// Disconnected when the thread has ended.
    thread: Receiver<()>,
}

impl Tui {
    /// Starts its thread, which leaves the terminal alone until the run
    /// [begins](Self::begin).
    pub fn start() -> io::Result<Self> {
        let (feed, items) = Feed::new();
        let (until_ended, thread) = mpsc::sync_channel::<()>(0);
        thread::Builder::new()
            .name("screen".into())
            .spawn(move || {
                let _until_ended = until_ended;
                privileges::renounce();
                // Of this thread alone. Who is refused it works as before.
                let _ = setpriority_process(None, 0);
                // What went wrong shows in that it ended: then there are plain lines.
                let _ = show(&items);
                give_back();
            })?;
        Ok(Self {
            feed: Some(feed),
            thread,
        })
    }

    /// The run begins: takes the terminal.
    pub fn begin(&mut self, about: &Arc<About>) {
        if let Some(feed) = &mut self.feed {
            feed.begin(Arc::clone(about));
        }
    }

    /// A window has ended.
    pub fn window(&mut self, tick: &Arc<Tick>, samples: Samples) {
        if let Some(feed) = &mut self.feed {
            let tick = Arc::clone(tick);
            feed.window(Told { tick, samples });
        }
    }

    /// Something that the operator should know.
    pub fn notice(&mut self, text: String) {
        if let Some(feed) = &mut self.feed {
            feed.notice(text);
        }
    }

    /// Whether it has ended by itself.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.feed.as_ref().is_none_or(Feed::is_gone)
    }

    /// Gives the terminal back.
    pub fn close(&mut self) {
        if self.feed.take().is_some() {
            let _ = self.thread.recv_timeout(PATIENCE);
            give_back();
        }
    }
}

impl Drop for Tui {
    fn drop(&mut self) {
        self.close();
    }
}

/// Shows what comes until nothing can come any more, or somebody wants to quit.
fn show(items: &Receiver<Item>) -> io::Result<()> {
    // Until the run begins nothing is shown.
    let Ok(first) = items.recv() else {
        return Ok(());
    };
    let mut state = State::new(Theme::of_environment());
    state.take(first);
    let mut terminal = terminal::take()?;
    let mut drawn = Instant::now();
    draw(&mut terminal, &state)?;
    let mut is_stale = false;
    loop {
        let mut by_key = false;
        let mut is_waiting = event::poll(LOOK_EVERY)?;
        while is_waiting {
            by_key = true;
            if let Event::Key(key) = event::read()? {
                match state.key(key) {
                    Action::Draw => {}
                    Action::Clear => terminal.clear()?,
                    Action::Suspend => terminal = suspend(terminal)?,
                    Action::Quit => {
                        // In this order: a second Ctrl-C is then the terminal's.
                        give_back();
                        return low_level::raise(SIGINT);
                    }
                }
            }
            is_waiting = event::poll(Duration::ZERO)?;
        }
        loop {
            match items.try_recv() {
                Ok(item) => state.take(item),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
            is_stale = true;
        }
        if !terminal::is_taken() {
            return Ok(());
        }
        if by_key || is_stale && drawn.elapsed() >= DRAW_EVERY {
            draw(&mut terminal, &state)?;
            (drawn, is_stale) = (Instant::now(), false);
        }
    }
}

/// In one go, so that nothing flickers.
fn draw(terminal: &mut Terminal, state: &State) -> io::Result<()> {
    queue!(terminal.backend_mut(), screen::BeginSynchronizedUpdate)?;
    terminal.draw(|frame| view::draw(frame, state))?;
    queue!(terminal.backend_mut(), screen::EndSynchronizedUpdate)?;
    io::Write::flush(terminal.backend_mut())
}

/// Stops the process as Ctrl-Z does, and takes the terminal again when it goes on.
fn suspend(terminal: Terminal) -> io::Result<Terminal> {
    drop(terminal);
    give_back();
    let _ = screen::disable_raw_mode();
    low_level::raise(SIGTSTP)?;
    terminal::take()
}
