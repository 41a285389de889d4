//! What keys do here; or the filter as it is typed.

use ratatui::text::{Line, Span};

use super::cells::left;
use crate::tui::state::{Range, State, View};

/// The last line.
pub fn line(state: &State, width: usize) -> Line<'static> {
    let theme = state.theme;
    if state.typing.is_some() {
        let hint = "  Enter keep  Esc drop";
        let room = width.saturating_sub(hint.len() + 4);
        let text = &state.filter.text;
        // Its end is what is being typed.
        let skip = text.chars().count().saturating_sub(room);
        let end: String = text.chars().skip(skip).collect();
        let end = crate::output::clean(&end).into_owned();
        return Line::from(vec![
            Span::styled(" /", theme.title()),
            Span::styled(end, theme.strong()),
            Span::styled(" ", theme.selected()),
            Span::styled(hint, theme.faint()),
        ]);
    }
    let range = match state.range {
        Range::Recent => "run",
        Range::Run => "last seconds",
    };
    let pause = if state.is_paused() { "go on" } else { "pause" };
    let here: &[(&str, &str)] = match state.view {
        _ if state.help => &[("any key", "back")],
        View::Routes => &[("Enter", "look"), ("←→", "sort"), ("/", "filter")],
        View::Route => &[("↑↓ Enter", "request"), ("Esc", "back")],
        View::Request => &[("↑↓", "next"), ("Esc", "back")],
        View::Servers | View::Messages => &[("↑↓", "scroll"), ("Esc", "back")],
    };
    let everywhere = [
        ("t", range),
        ("p", pause),
        ("Tab", "page"),
        ("?", "help"),
        ("q", "quit"),
    ];
    let mut line = Line::default();
    for (key, does) in here.iter().chain(&everywhere) {
        line.push_span(Span::styled(format!(" {key} "), theme.title()));
        line.push_span(Span::styled(left(does, does.len() + 1), theme.faint()));
    }
    line
}
