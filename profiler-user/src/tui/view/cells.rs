//! What lines are put together from: padded text, small pictures.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::aggregate::{Share, Shares};
use crate::output::shares::apportion;
use crate::output::{clean, fit, human};
use crate::tui::theme::Theme;

/// Heights of a cell, lowest first.
const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Widths of a cell, narrowest first.
const WIDTHS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Numbers above are shown in millions.
const MILLIONS: u64 = 10_000_000;

/// A stranger's text in exactly `width` columns.
pub fn left(text: &str, width: usize) -> String {
    if width == 0 {
        return String::new();
    }
    let text = clean(text);
    let mut text = fit(&text, width).into_owned();
    let missing = width.saturating_sub(text.width());
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// A number to the right of `width` columns, or wider.
pub fn right(text: &str, width: usize) -> String {
    format!("{text:>width$}")
}

/// A count in no more than seven columns.
pub fn count(number: u64) -> String {
    match number {
        ..MILLIONS => number.to_string(),
        _ => format!("{}M", number / 1_000_000),
    }
}

/// Whole percent.
pub fn percent(part: u64, whole: u64) -> String {
    let all = u128::from(whole);
    let percent = (u128::from(part) * 100 + all / 2).checked_div(all);
    percent.map_or_else(|| "-".into(), |percent| format!("{percent}%"))
}

/// Hours, minutes and seconds.
pub fn clock(seconds: f64) -> String {
    let seconds = seconds as u64;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}", seconds % 60)
}

/// The time of day in UTC, to the second.
pub fn time_of_day(unix_ns: u64) -> String {
    // RFC 3339 in seconds: 2025-11-21T09:37:03Z.
    human::time(unix_ns)[11..19].to_owned()
}

/// Values as a curve of `rows` lines, the uppermost first: the highest of them is
/// full height. A value that is not zero is seen; where there is none is a gap.
pub fn curve(values: &[Option<u64>], rows: usize) -> Vec<String> {
    let highest = values.iter().flatten().max().copied().unwrap_or(0).max(1);
    let eighths = |value: u64| -> usize {
        let full = u128::from(value) * (rows * 8) as u128;
        (full.div_ceil(u128::from(highest))) as usize
    };
    let cell = |value: &Option<u64>, row: usize| {
        let below = (rows - 1 - row) * 8;
        let height = value.map_or(0, eighths).saturating_sub(below);
        HEIGHTS[height.min(8)]
    };
    (0..rows)
        .map(|row| values.iter().map(|value| cell(value, row)).collect())
        .collect()
}

/// How full: 0 to 1, in `width` columns.
pub fn gauge(full: f64, width: usize, theme: Theme) -> Vec<Span<'static>> {
    let bar = bar(full, width);
    let rest = "·".repeat(width.saturating_sub(bar.width()));
    vec![
        Span::styled(bar, theme.level(full)),
        Span::styled(rest, theme.faint()),
    ]
}

/// A bar of that share of `width` columns, to an eighth of a column. What is not zero
/// is seen.
pub fn bar(share: f64, width: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).ceil() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(WIDTHS[eighths % 8]);
    }
    bar
}

/// Where the time went, in `width` columns.
pub fn shares(shares: &Shares, width: usize, theme: Theme) -> Vec<Span<'static>> {
    let dealt = Share::ALL.into_iter().zip(apportion(shares, width));
    let mut spans: Vec<_> = dealt
        .filter(|(_, cells)| *cells > 0)
        .map(|(share, cells)| {
            let (letter, style) = theme.share(share);
            Span::styled(letter.repeat(cells), style)
        })
        .collect();
    if spans.is_empty() {
        spans.push(Span::raw(" ".repeat(width)));
    }
    spans
}

/// What the letters mean: those of these shares that matter, as many as fit.
pub fn legend(shares: &Shares, width: usize, theme: Theme) -> Line<'static> {
    let total = shares.total();
    let mut line = Line::default();
    for share in Share::ALL {
        // One in two hundred is a cell of a long bar.
        if shares.get(share).saturating_mul(200) < total || shares.get(share) == 0 {
            continue;
        }
        let (letter, style) = theme.share(share);
        let name = format!(" {}  ", share.name());
        if line.width() + 1 + name.width() > width {
            break;
        }
        line.push_span(Span::styled(letter, style));
        line.push_span(Span::styled(name, theme.faint()));
    }
    line
}

/// Two columns of lines, the first of that width.
pub fn beside(
    one: Vec<Line<'static>>,
    width: usize,
    other: Vec<Line<'static>>,
) -> Vec<Line<'static>> {
    let rows = one.len().max(other.len());
    let mut other = other.into_iter();
    let mut one = one.into_iter();
    (0..rows)
        .map(|_| {
            let mut line = one.next().unwrap_or_default();
            let missing = width.saturating_sub(line.width());
            line.push_span(Span::raw(" ".repeat(missing)));
            line.extend(other.next().unwrap_or_default());
            line
        })
        .collect()
}

/// Between what does not belong together.
pub fn rule(width: usize, theme: Theme) -> Line<'static> {
    Line::styled("━".repeat(width), theme.faint())
}

/// A heading over `width` columns.
pub fn heading(text: &str, width: usize, theme: Theme) -> Line<'static> {
    let rule = "─".repeat(width.saturating_sub(text.width() + 4));
    Line::from(vec![
        Span::styled("─ ", theme.faint()),
        Span::styled(text.to_owned(), theme.title()),
        Span::styled(format!(" {rule}"), theme.faint()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fills_its_columns() {
        assert_eq!(left("/a", 4), "/a  ");
        assert_eq!(left("/日本語", 4), "/日…");
        assert_eq!(left("/日本語", 5), "/日… ");
        assert_eq!(left("\x1b[2J", 8), "\\x1b[2J ");
        assert_eq!(left("/a", 0), "");
        assert_eq!(
            (count(9_999_999), count(12_345_678)),
            ("9999999".into(), "12M".into())
        );
        assert_eq!(percent(1, 3), "33%");
        assert_eq!(percent(2, 3), "67%");
        assert_eq!(percent(0, 0), "-");
        assert_eq!(clock(3_725.9), "1:02:05");
        assert_eq!(time_of_day(1_763_717_823_123_456_789), "09:37:03");
    }

    #[test]
    fn pictures_are_to_scale() {
        let values = [Some(0), Some(1), Some(4), None, Some(8), Some(16)];
        assert_eq!(curve(&values, 1), [" ▁▂ ▄█"]);
        assert_eq!(curve(&values, 2), ["     █", " ▁▄ ██"]);
        assert_eq!(curve(&[None, Some(0)], 1), ["  "]);
        assert_eq!(curve(&[Some(u64::MAX)], 3), ["█"; 3]);
        assert_eq!(bar(0.5, 4), "██");
        assert_eq!(bar(0.0, 4), "");
        assert_eq!(bar(0.001, 4), "▏");
        assert_eq!(bar(7.0, 4), "████");
        let width: usize = gauge(0.4, 9, Theme::new(true))
            .iter()
            .map(Span::width)
            .sum();
        assert_eq!(width, 9);
    }
}
