//! What there is to see, and to press.

use ratatui::text::{Line, Span};

use super::cells::{heading, left};
use crate::aggregate::Share;
use crate::tui::keys::HELP;
use crate::tui::state::State;

/// The page.
pub fn lines(state: &State, width: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let mut lines: Vec<_> = HELP
        .iter()
        .map(|(key, does)| {
            Line::from(vec![
                Span::styled(format!(" {}", left(key, 15)), theme.title()),
                Span::raw(*does),
            ])
        })
        .collect();
    lines.push(heading("bars: where the time went", width, theme));
    let mut letters = Line::default();
    for share in Share::ALL {
        let (letter, style) = theme.share(share);
        let name = format!(" {}", left(share.name(), 10));
        if letters.width() + 2 + name.len() > width {
            lines.push(std::mem::take(&mut letters));
        }
        letters.push_span(Span::raw(" "));
        letters.push_span(Span::styled(letter, style));
        letters.push_span(Span::styled(name, theme.faint()));
    }
    lines.push(letters);
    lines
}
