//! Where every request went so far, which limits were hit, and what was said.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::cells::{heading, time_of_day};
use crate::output::account::equation;
use crate::output::clean;
use crate::tui::state::State;

/// Columns of the time.
const TIME: usize = 10;

/// The page.
pub fn lines(state: &State, width: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let model = state.model();
    let mut lines = vec![heading("so far", width, theme)];
    for told in model.account.iter().flat_map(equation) {
        let text = clean(&told.text).trim_start().to_owned();
        for text in wrapped(&text, width.saturating_sub(2)) {
            lines.push(Line::styled(format!(" {text}"), theme.tone(told.tone)));
        }
    }
    lines.push(heading("messages, the last first", width, theme));
    if model.messages.is_empty() {
        lines.push(Line::styled(" none", theme.faint()));
    }
    for message in model.messages.iter().rev() {
        let time = time_of_day(message.unix_ns);
        let text = clean(&message.text).into_owned();
        for (row, text) in wrapped(&text, width.saturating_sub(TIME + 1))
            .into_iter()
            .enumerate()
        {
            let time = if row == 0 { &*time } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!(" {time:TIME$}"), theme.faint()),
                Span::styled(text, theme.warning()),
            ]));
        }
    }
    lines
}

/// In lines of no more than `width` columns, broken between words; a word that is
/// longer is cut by the screen.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one two three", 3), ["one", "two", "three"]);
        assert_eq!(wrapped("", 3), [""]);
    }
}
