//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::scene::{press, state};
use super::{second, told};
use crate::request::sample;
use crate::tui::keys::Action;
use crate::tui::state::{Column, Range, State, View};

fn control(state: &mut State, key: char) -> Action {
    state.key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL))
}

fn routes(state: &State) -> Vec<&str> {
    state.rows.iter().map(|row| &*row.route).collect()
}

#[test]
fn sorts_by_every_column_both_ways() {
    let mut state = state(true);
    assert_eq!(state.sort, Column::Time);
    assert_eq!(routes(&state)[..2], ["/report/{id}", "/"]);
    for (digit, column) in "1234567890".chars().zip(Column::ALL) {
        press(&mut state, &digit.to_string());
        assert_eq!((state.sort, state.ascending), (column, false));
        let down: Vec<String> = routes(&state).into_iter().map(Into::into).collect();
        press(&mut state, "r");
        assert!(state.ascending);
        assert_ne!(routes(&state), down, "{column:?}");
    }
    press(&mut state, "1");
    let mut sorted = routes(&state);
    sorted.sort_unstable();
    assert_eq!(routes(&state), sorted);
    press(&mut state, "2");
    assert_eq!(routes(&state)[0], "/", "the most requests");
    press(&mut state, "<");
    assert_eq!(state.sort, Column::Route);
    press(&mut state, "<>>");
    assert_eq!(state.sort, Column::Total);
}

#[test]
fn the_cursor_stays_on_its_route() {
    let mut state = state(true);
    press(&mut state, "jj");
    let selected = state.selected.clone();
    assert_eq!(state.cursor(), Some(2));
    press(&mut state, "1r");
    assert_eq!(state.selected, selected);
    press(&mut state, "gkkk");
    assert_eq!(state.cursor(), Some(0));
    press(&mut state, "Gjj");
    assert_eq!(state.cursor(), Some(state.rows.len() - 1));
}

#[test]
fn filters_as_it_is_typed() {
    let mut state = state(true);
    let all = state.rows.len();
    press(&mut state, "/REP");
    assert_eq!(routes(&state), ["/report/{id}"], "in either case");
    assert_eq!(state.selected.as_deref(), Some("/report/{id}"));
    press(&mut state, "\x08\x08\x08/$\n");
    assert_eq!(routes(&state), ["/"], "an expression");
    press(&mut state, "/\x08\x08{id}");
    assert_eq!(state.rows.len(), 2, "a part that is no expression");
    press(&mut state, "\x1b");
    assert_eq!(routes(&state), ["/"], "as it was before");
    // Keys are text here.
    press(&mut state, "/q?");
    assert!(!state.help && state.filter.text == "/$q?");
    control(&mut state, 'u');
    assert_eq!(state.rows.len(), all);
    press(&mut state, "log[\n\x1b");
    assert_eq!(state.rows.len(), all, "Esc takes it away");
}

#[test]
fn looks_into_a_route_and_a_request_and_back() {
    let mut state = state(true);
    press(&mut state, "\n");
    assert_eq!(state.view, View::Route);
    press(&mut state, "jj\n");
    assert_eq!((state.view, state.request), (View::Request, 2));
    press(&mut state, "jjjjjj");
    assert_eq!(state.request, 4, "five are kept");
    press(&mut state, "\x1b\x1b");
    assert_eq!(state.view, View::Routes);
    press(&mut state, "\t");
    assert_eq!(state.view, View::Servers);
    press(&mut state, "\t");
    assert_eq!(state.view, View::Messages);
    press(&mut state, "\t");
    assert_eq!(state.view, View::Routes);
    press(&mut state, "s?");
    assert!(state.help && state.view == View::Servers);
    press(&mut state, "m");
    assert!(!state.help && state.view == View::Messages);
    // From wherever it is, back is back.
    press(&mut state, "GGGk\x1b");
    assert_eq!(state.view, View::Routes);
}

#[test]
fn a_pause_holds_the_picture_and_nothing_else() {
    let mut state = state(true);
    let before = state.whole.total;
    press(&mut state, "p");
    assert!(state.is_paused());
    state.take(told(second(40), &[sample::request("/new")]));
    assert_eq!(state.whole.total, before);
    press(&mut state, "/new\n");
    assert!(state.rows.is_empty());
    press(&mut state, " ");
    assert_eq!(routes(&state), ["/new"]);
    assert_eq!(state.whole.total, before + 1);
}

#[test]
fn numbers_are_of_the_last_seconds_or_of_the_run() {
    let mut state = state(true);
    let recent = state.whole.count;
    assert_eq!(recent, 37 * state.seconds() as u64);
    press(&mut state, "t");
    assert_eq!(state.range, Range::Run);
    assert_eq!(state.whole.count, state.whole.total);
    assert_eq!(state.seconds().to_bits(), 40_f64.to_bits());
    // Those that have not come lately.
    press(&mut state, "t/evil\n");
    assert_eq!((state.rows[0].count, state.rows[0].total), (0, 20));
}

#[test]
fn quits_from_everywhere() {
    for keys in ["", "\n", "\n\n", "s", "m", "?", "p"] {
        let mut state = state(true);
        press(&mut state, keys);
        assert_eq!(press(&mut state, "q"), Action::Quit, "{keys:?}");
    }
    let mut state = state(true);
    press(&mut state, "/");
    assert_eq!(control(&mut state, 'c'), Action::Quit);
    assert_eq!(control(&mut state, 'z'), Action::Suspend);
    assert_eq!(control(&mut state, 'l'), Action::Clear);
}

#[test]
fn what_was_read_is_no_news() {
    let mut state = state(true);
    assert_eq!((state.model().told, state.read), (2, 0));
    press(&mut state, "m");
    assert_eq!(state.read, 2);
}
