//! What each key does.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::samples::SLOWEST;
use super::state::{Column, Range, State, View};
use super::view;

/// Rows that a page key goes.
const PAGE: usize = 10;

/// What is left to do for whoever read the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Draw anew.
    Draw,
    /// Draw anew, trusting nothing that is on the screen.
    Clear,
    /// End the run.
    Quit,
    /// Let the shell have the terminal.
    Suspend,
}

/// Every key and what it does, for the help.
pub const HELP: [(&str, &str); 15] = [
    ("↑ ↓ j k", "move the cursor; PgUp PgDn Home End go further"),
    ("Enter", "look into it: a route, then one of its requests"),
    ("Esc", "back; on the routes: no filter"),
    ("← →", "sort by another column"),
    ("1 to 9, 0", "sort by that column, counted from the left"),
    ("r", "sort the other way round"),
    ("/", "filter routes: a part of them, or an expression"),
    ("t", "numbers of the last 5 to 10 s, or of the run"),
    ("p, space", "pause the picture; the run goes on"),
    ("Tab", "next page: routes, servers, messages"),
    ("s", "servers: pools, processes, listening sockets"),
    ("m", "messages: what went wrong, which limits were hit"),
    ("?", "this help"),
    ("Ctrl-L, Ctrl-Z", "draw anew; suspend"),
    ("q, Ctrl-C", "end the run"),
];

impl State {
    /// Does what the key says.
    pub fn key(&mut self, key: KeyEvent) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::Draw;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c') => return Action::Quit,
                KeyCode::Char('z') => return Action::Suspend,
                KeyCode::Char('l') => return Action::Clear,
                KeyCode::Char('u') if self.typing.is_some() => self.filter(String::new()),
                _ => {}
            }
            return Action::Draw;
        }
        if self.typing.is_some() {
            self.type_filter(key.code);
            return Action::Draw;
        }
        if self.help {
            // Any key but these closes it.
            self.help = false;
            if matches!(key.code, KeyCode::Char('?') | KeyCode::Esc | KeyCode::Enter) {
                return Action::Draw;
            }
        }
        match key.code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char('p' | ' ') => self.pause(),
            KeyCode::Char('t') => {
                self.range = match self.range {
                    Range::Recent => Range::Run,
                    Range::Run => Range::Recent,
                };
            }
            KeyCode::Char('/') => {
                self.go(View::Routes);
                self.typing = Some(self.filter.text.clone());
            }
            KeyCode::Char('s') => self.go(View::Servers),
            KeyCode::Char('m') => self.go(View::Messages),
            KeyCode::Tab => self.go(next(self.view)),
            KeyCode::BackTab => self.go(next(next(self.view))),
            KeyCode::Esc | KeyCode::Backspace => self.back(),
            KeyCode::Enter => self.enter(),
            KeyCode::Up | KeyCode::Char('k') => self.step(|at| at.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.step(|at| at + 1),
            KeyCode::PageUp => self.step(|at| at.saturating_sub(PAGE)),
            KeyCode::PageDown => self.step(|at| at + PAGE),
            KeyCode::Home | KeyCode::Char('g') => self.step(|_| 0),
            KeyCode::End | KeyCode::Char('G') => self.step(|_| usize::MAX),
            code if self.view == View::Routes => self.sort(code),
            _ => {}
        }
        self.refresh();
        Action::Draw
    }

    fn type_filter(&mut self, code: KeyCode) {
        let mut text = self.filter.text.clone();
        match code {
            KeyCode::Enter => self.typing = None,
            KeyCode::Esc => {
                let before = self.typing.take();
                self.filter(before.unwrap_or_default());
            }
            KeyCode::Backspace => {
                text.pop();
                self.filter(text);
            }
            KeyCode::Char(typed) => {
                text.push(typed);
                self.filter(text);
            }
            _ => {}
        }
    }

    fn sort(&mut self, code: KeyCode) {
        let all = Column::ALL;
        let at = all.iter().position(|column| *column == self.sort);
        let at = at.unwrap_or(0);
        let column = match code {
            KeyCode::Left => all[(at + all.len() - 1) % all.len()],
            KeyCode::Right => all[(at + 1) % all.len()],
            KeyCode::Char('r') => {
                self.ascending = !self.ascending;
                return;
            }
            KeyCode::Char(digit @ '0'..='9') => {
                // As they lie on the keyboard: 0 comes last.
                let number = (digit as usize - '0' as usize + 9) % 10;
                all[number]
            }
            _ => return,
        };
        self.ascending = self.ascending && column == self.sort;
        self.sort = column;
    }

    fn go(&mut self, view: View) {
        if view != self.view {
            self.scroll = 0;
        }
        self.view = view;
    }

    fn back(&mut self) {
        match self.view {
            View::Routes => self.filter(String::new()),
            View::Request => self.view = View::Route,
            View::Route | View::Servers | View::Messages => self.go(View::Routes),
        }
    }

    fn enter(&mut self) {
        match self.view {
            View::Routes if self.cursor().is_some() => {
                self.request = 0;
                self.view = View::Route;
            }
            View::Route if self.slowest() > 0 => self.view = View::Request,
            _ => {}
        }
    }

    fn slowest(&self) -> usize {
        let selected = self.selected.as_ref();
        let figures = selected.and_then(|route| self.model().routes.get(route));
        figures.map_or(0, |figures| figures.slowest.len())
    }

    /// Moves whatever moves on this page.
    fn step(&mut self, to: impl Fn(usize) -> usize) {
        match self.view {
            View::Routes => {
                let at = self.cursor().unwrap_or(0);
                self.select(to(at));
            }
            View::Route | View::Request => {
                let last = self.slowest().min(SLOWEST).saturating_sub(1);
                self.request = to(self.request).min(last);
            }
            View::Servers | View::Messages => {
                let last = view::length(self).saturating_sub(1);
                self.scroll = to(self.scroll).min(last);
            }
        }
    }
}

const fn next(view: View) -> View {
    match view {
        View::Routes | View::Route | View::Request => View::Servers,
        View::Servers => View::Messages,
        View::Messages => View::Routes,
    }
}
