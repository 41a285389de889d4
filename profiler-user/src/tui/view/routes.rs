//! The table of routes: numbers, the last two minutes, and where the time went.

use ratatui::text::{Line, Span};

use super::cells::{count, curve, left, legend, percent, right, rule, shares};
use super::route;
use crate::output::human;
use crate::tui::model::Fold;
use crate::tui::state::{Column, Row, State};

/// Columns that a route has at least.
const ROUTE: usize = 17;

/// Rows that the table has at least where a route is below it, and that one's.
const LEAST_ROWS: usize = 3;
const DETAILS: usize = 15;

/// What is shown, the most important first: as much as fits beside the route.
const BY_RANK: [Part; 11] = [
    Part::Number(Column::Total),
    Part::Number(Column::P99),
    Part::Number(Column::Rate),
    Part::Number(Column::Errors),
    Part::Bar,
    Part::Number(Column::Time),
    Part::Curve,
    Part::Number(Column::P50),
    Part::Number(Column::Max),
    Part::Number(Column::P90),
    Part::Number(Column::ClientErrors),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Number(Column),
    Curve,
    Bar,
}

impl Part {
    /// Columns with the gap before it.
    const fn width(self) -> usize {
        1 + match self {
            Self::Number(Column::Total) => 7,
            Self::Number(Column::Errors | Column::ClientErrors | Column::Time) => 5,
            Self::Number(_) => 6,
            Self::Curve => 9,
            Self::Bar => 10,
        }
    }
}

/// Which parts there are, and the columns of the rest.
#[derive(Debug)]
struct Layout {
    route: usize,
    parts: Vec<Part>,
    curve: usize,
    bar: usize,
}

impl Layout {
    fn new(width: usize, sort: Column) -> Self {
        // What the table is sorted by is seen, whatever its rank.
        let first = Some(Part::Number(sort)).filter(|_| sort != Column::Route);
        let mut left = width.saturating_sub(1 + ROUTE);
        let mut chosen = Vec::new();
        for part in first.into_iter().chain(BY_RANK) {
            if !chosen.contains(&part) && part.width() <= left {
                left -= part.width();
                chosen.push(part);
            }
        }
        let mut parts: Vec<Part> = Column::ALL.into_iter().map(Part::Number).collect();
        parts.extend([Part::Curve, Part::Bar]);
        parts.retain(|part| chosen.contains(part));
        let mut layout = Self {
            route: ROUTE,
            curve: 8,
            bar: 10,
            parts,
        };
        // Half of what is left makes pictures larger.
        if layout.parts.contains(&Part::Curve) && left > 12 {
            let more = (left / 4).min(16);
            (layout.curve, layout.bar) = (8 + more, 10 + more);
            left -= 2 * more;
        }
        layout.route += left;
        layout
    }
}

/// The page.
pub fn lines(state: &State, width: usize, height: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let layout = Layout::new(width, state.sort);
    let mut lines = vec![heading(state, &layout)];
    let room = height.saturating_sub(2).max(1);
    if state.rows.is_empty() {
        let text = if state.model().routes.is_empty() {
            " waiting for the first request"
        } else {
            " no route passes the filter: Esc takes it away"
        };
        lines.push(Line::styled(text, theme.faint()));
        return lines;
    }
    // Where there is room for it, the route under the cursor is below.
    let table = state.rows.len().max(LEAST_ROWS);
    let details = room.saturating_sub(table + 1);
    let room = if details < DETAILS { room } else { table };
    let cursor = state.cursor();
    // By pages, so that rows stay where they are while the cursor moves.
    let first = cursor.unwrap_or(0) / room * room;
    let shown = state.rows.iter().enumerate().skip(first).take(room);
    lines.extend(shown.map(|(place, row)| line(state, &layout, row, cursor == Some(place))));
    lines.resize(room + 1, Line::default());
    let more = match state.rows.len() - first {
        rest if rest > room => format!(" {} more below ", rest - room),
        _ if first > 0 => format!(" {first} more above "),
        _ => String::new(),
    };
    let mut last = Line::from(Span::raw(" "));
    let whole = &state.whole.shares;
    last.extend(legend(whole, width.saturating_sub(more.len() + 1), theme));
    let gap = width.saturating_sub(last.width() + more.len());
    last.push_span(Span::raw(" ".repeat(gap)));
    last.push_span(Span::styled(more, theme.faint()));
    lines.push(last);
    if details >= DETAILS {
        lines.push(rule(width, theme));
        lines.extend(route::lines(state, width, details));
    }
    lines
}

fn heading(state: &State, layout: &Layout) -> Line<'static> {
    let theme = state.theme;
    let arrow = if state.ascending { "▲" } else { "▼" };
    let titled = |column: Column| {
        if column == state.sort {
            (format!("{}{arrow}", column.title()), theme.title())
        } else {
            (column.title().to_owned(), theme.faint())
        }
    };
    let (title, style) = titled(Column::Route);
    let mut line = Line::from(vec![
        Span::raw(" "),
        Span::styled(left(&title, layout.route), style),
    ]);
    for part in &layout.parts {
        let (text, style) = match part {
            Part::Number(column) => {
                let (title, style) = titled(*column);
                (right(&title, part.width()), style)
            }
            Part::Curve => (
                format!("  {}", left("p99 2min", layout.curve)),
                theme.faint(),
            ),
            Part::Bar => (
                format!(
                    " {}",
                    left(
                        if layout.bar < 15 {
                            "where time"
                        } else {
                            "where time went"
                        },
                        layout.bar
                    )
                ),
                theme.faint(),
            ),
        };
        line.push_span(Span::styled(text, style));
    }
    line
}

fn line(state: &State, layout: &Layout, row: &Row, is_selected: bool) -> Line<'static> {
    let theme = state.theme;
    let base = if is_selected {
        theme.selected()
    } else if row.count == 0 {
        theme.faint()
    } else {
        theme.plain()
    };
    let mut line = Line::from(vec![
        Span::styled(" ", base),
        Span::styled(left(&row.route, layout.route), base),
    ]);
    let model = state.model();
    for part in &layout.parts {
        match part {
            Part::Number(column) => {
                let (text, alarm) = number(state, row, *column);
                let style = if alarm { base.patch(theme.bad()) } else { base };
                line.push_span(Span::styled(right(&text, part.width()), style));
            }
            Part::Curve => {
                let history = model.routes.get(&row.route).map(|figures| &figures.history);
                let now = model.moment.slot();
                let cells = history.map(|one| one.cells(now, layout.curve, Fold::Highest));
                let drawn = curve(&cells.unwrap_or_default(), 1).concat();
                let text = format!("  {}", left(&drawn, layout.curve));
                line.push_span(Span::styled(text, theme.picture()));
            }
            Part::Bar => {
                line.push_span(Span::raw(" "));
                line.extend(shares(&row.shares, layout.bar, theme));
            }
        }
    }
    line
}

/// In words, and whether it is to be looked at.
fn number(state: &State, row: &Row, column: Column) -> (String, bool) {
    let quantile = |place: usize| (human::duration(row.quantiles[place]), false);
    match column {
        Column::Route => (row.route.to_string(), false),
        Column::Total => (count(row.total), false),
        Column::Rate if row.count == 0 => ("-".into(), false),
        Column::Rate => (human::rate(row.count, state.seconds()), false),
        Column::Errors => (count(row.errors), row.errors > 0),
        Column::ClientErrors => (count(row.client_errors), false),
        Column::P50 => quantile(0),
        Column::P90 => quantile(1),
        Column::P99 => quantile(2),
        Column::Max => quantile(3),
        Column::Time => (percent(row.sum, state.whole.sum), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_is_filled_and_no_wider() {
        for width in 50..250 {
            for sort in Column::ALL {
                let layout = Layout::new(width, sort);
                let numbers = layout
                    .parts
                    .iter()
                    .filter(|part| matches!(part, Part::Number(_)));
                let mut used: usize =
                    1 + layout.route + numbers.map(|part| part.width()).sum::<usize>();
                if layout.parts.contains(&Part::Curve) {
                    used += layout.curve + 2;
                }
                if layout.parts.contains(&Part::Bar) {
                    used += layout.bar + 1;
                }
                assert!(used <= width, "{used} of {width}: {layout:?}");
                let is_seen = sort == Column::Route || layout.parts.contains(&Part::Number(sort));
                assert!(is_seen, "{sort:?} at {width}");
            }
        }
    }
}
