//! Where a run shows itself: the terminal's screen, or plain lines.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

use crate::cli::Settings;
use crate::output::{self, Console, Intervals, Line};
use crate::tick::{About, Tick};
use crate::tui::{Samples, Tui};

/// What was only said on the screen, for whoever reads on below it.
const KEPT: usize = 200;

/// Shows the run.
pub(super) struct Screen {
    console: Console,
    intervals: Intervals,
    tui: Option<Tui>,
    /// It has the terminal.
    is_shown: bool,
    kept: Vec<String>,
}

impl Screen {
    /// The one that suits where the output goes.
    pub(super) fn open(settings: &Settings) -> io::Result<Self> {
        let tui = wants_tui(settings).then(Tui::start).transpose()?;
        Ok(Self {
            console: Console::new(settings.stdout_is_data()),
            intervals: Intervals::default(),
            tui,
            is_shown: false,
            kept: Vec::new(),
        })
    }

    /// Whether it wants to know the slowest requests of each route.
    pub(super) const fn wants_samples(&self) -> bool {
        self.tui.is_some()
    }

    /// Whether anyone still reads.
    pub(super) fn is_open(&self) -> bool {
        self.console.is_open()
    }

    /// The run begins. Plain lines have said what there is to say.
    pub(super) fn begin(&mut self, about: &Arc<About>, banner: &[Line]) {
        self.console.print(banner);
        if let Some(tui) = &mut self.tui {
            tui.begin(about);
            self.is_shown = true;
        }
    }

    /// A window has ended.
    pub(super) fn window(&mut self, tick: &Arc<Tick>, samples: Option<Samples>) {
        if let Some(tui) = &mut self.tui {
            tui.window(tick, samples.unwrap_or_default());
            if !tui.is_gone() {
                return;
            }
            self.close();
        }
        self.console.print(&self.intervals.lines(&tick.window));
        self.console.print(&output::pools(&tick.snapshot));
    }

    /// Lines for the normal screen, once it is back.
    pub(super) fn print(&mut self, lines: &[Line]) {
        self.console.print(lines);
    }

    /// Something that went well.
    pub(super) fn say(&mut self, text: impl Into<String>) {
        let text = text.into();
        match &mut self.tui {
            Some(tui) if self.is_shown => tui.notice(text),
            _ => self.console.say(text),
        }
    }

    /// Something to be noticed.
    pub(super) fn stress(&mut self, text: impl Into<String>) {
        let text = text.into();
        match &mut self.tui {
            Some(tui) if self.is_shown => tui.notice(text),
            _ => self.console.stress(text),
        }
    }

    /// What went wrong: to stderr, but not across the picture.
    pub(super) fn warn(&mut self, text: impl Into<String>) {
        let text = text.into();
        let Some(tui) = self.tui.as_mut().filter(|_| self.is_shown) else {
            self.console.warn(text);
            return;
        };
        tui.notice(text.clone());
        if !io::stderr().is_terminal() {
            self.console.warn(text);
        } else if self.kept.len() < KEPT {
            self.kept.push(text);
        }
    }

    /// Gives the terminal back, if it was taken: from here on there are plain lines.
    pub(super) fn close(&mut self) {
        self.tui = None;
        self.is_shown = false;
        for text in std::mem::take(&mut self.kept) {
            self.console.warn(text);
        }
    }
}

/// Somebody sits there, and nothing else needs stdout.
fn wants_tui(settings: &Settings) -> bool {
    let term = std::env::var_os("TERM");
    let can_draw = term.is_some_and(|term| !term.is_empty() && term != "dumb");
    settings.tui
        && !settings.stdout_is_data()
        && io::stdin().is_terminal()
        && io::stdout().is_terminal()
        && can_draw
        // In the background (`wsgiprobe &`) a terminal must not be touched.
        && tcgetpgrp(io::stdin()).is_ok_and(|foreground| foreground == getpgrp())
}
