//! What is watched, and how it is doing at a glance.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::cells::{beside, clock, count, curve, gauge, left, percent, right};
use crate::output::{human, pool};
use crate::pool::{Group, Kind, Snapshot};
use crate::tui::model::Fold;
use crate::tui::state::{Range, State, View};

/// What the first line begins with.
const TITLE: &str = " wsgiprobe  ";

/// Below, the figures are fewer, so that those lost are seen.
const NARROW: usize = 80;

/// Columns of a pool's gauge, and those that its name may take.
const GAUGE: usize = 10;
const NAME: usize = 16;

/// Columns of a curve's name, and of its peak.
const LABEL: usize = 7;
const PEAK: usize = 7;

/// Rows of the curves where there is room.
const TALL_CURVE: usize = 4;

/// The lines above every page.
pub fn lines(state: &State, width: usize, tall: bool) -> Vec<Line<'static>> {
    let mut lines = vec![title(state, width), figures(state, width)];
    lines.push(pools(state, width));
    lines.extend(curves(state, width, if tall { TALL_CURVE } else { 1 }));
    lines.push(tabs(state, width));
    lines
}

fn title(state: &State, width: usize) -> Line<'static> {
    let theme = state.theme;
    let model = state.model();
    let (targets, hooks) = match &model.about {
        Some(about) => (about.targets.join(", "), about.hooks),
        None => (String::new(), ""),
    };
    let (word, style) = if state.is_paused() {
        (" PAUSED ", theme.warning().patch(theme.selected()))
    } else {
        (" live ", theme.level(0.0))
    };
    let right = format!("  {hooks}  {} ", clock(model.moment.seconds()));
    let taken = TITLE.width() + right.width() + word.width();
    Line::from(vec![
        Span::styled(TITLE, theme.title()),
        Span::styled(left(&targets, width.saturating_sub(taken)), theme.strong()),
        Span::styled(right, theme.faint()),
        Span::styled(word, style),
    ])
}

fn figures(state: &State, width: usize) -> Line<'static> {
    let theme = state.theme;
    let whole = &state.whole;
    let account = state.model().account.as_ref();
    let lost = account.map_or(0, |account| account.lost.sum());
    let in_flight = account.map_or(0, |account| account.in_flight);
    let quantile = |place: usize| right(&human::duration(whole.quantiles[place]), 6);
    let alarm = |number| {
        if number > 0 {
            theme.bad()
        } else {
            theme.strong()
        }
    };
    let rate = human::rate(whole.count, state.seconds());
    let mut errors = count(whole.errors);
    let is_narrow = width < NARROW;
    if !is_narrow {
        errors = format!("{errors} ({})", percent(whole.errors, whole.count));
    }
    let parts = [
        (" p50 ", quantile(0), theme.strong()),
        (" p99 ", quantile(2), theme.strong()),
        (" errors ", errors, alarm(whole.errors)),
        (" in flight ", count(in_flight), theme.strong()),
        (" lost ", count(lost), alarm(lost)),
    ];
    let mut line = Line::from(vec![
        Span::styled(right(&rate, 6), theme.strong()),
        Span::styled(" req/s ", theme.faint()),
    ]);
    for (name, text, style) in parts {
        if is_narrow && matches!(name, " p50 " | " in flight ") {
            continue;
        }
        line.push_span(Span::styled(format!(" {name}"), theme.faint()));
        line.push_span(Span::styled(text, style));
    }
    line
}

/// The pools by name.
pub fn groups(snapshot: &Snapshot) -> Vec<(String, Group)> {
    let named = |((kind, name), group): ((Kind, &str), Group)| (pool::title(kind, name), group);
    snapshot.groups().into_iter().map(named).collect()
}

fn pools(state: &State, width: usize) -> Line<'static> {
    let theme = state.theme;
    let snapshot = &state.model().snapshot;
    let mut line = Line::default();
    for (name, group) in groups(snapshot) {
        let name = left(&name, name.width().min(NAME));
        let threads = match group.threads {
            Some(threads) => format!(" {}/{threads} busy", group.busy),
            None => format!(" {} busy", group.busy),
        };
        let mut spans = vec![Span::styled(format!(" {name} "), theme.faint())];
        if let Some(used) = group.used() {
            spans.extend(gauge(used, GAUGE, theme));
        }
        spans.push(Span::styled(right(&threads, 10), theme.plain()));
        spans.push(Span::raw(" "));
        let more: usize = spans.iter().map(Span::width).sum();
        if line.width() + more > width {
            break;
        }
        line.extend(spans);
    }
    let waiting = snapshot.listeners.iter().map(|one| u64::from(one.queue));
    let waiting: u64 = waiting.sum();
    if !snapshot.listeners.is_empty() {
        let style = if waiting > 0 {
            theme.warning()
        } else {
            theme.plain()
        };
        line.push_span(Span::styled(" listen queue ", theme.faint()));
        line.push_span(Span::styled(count(waiting), style));
    }
    if line.spans.is_empty() {
        line.push_span(Span::styled(" no request yet", theme.faint()));
    }
    line
}

/// The last two minutes: requests, and the 99th percentile, each with its peak.
fn curves(state: &State, width: usize, rows: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let model = state.model();
    let (now, history) = (model.moment.slot(), &model.total.history);
    let half = width / 2;
    let cells = |fold| history.cells(now, half.saturating_sub(LABEL + 2 + PEAK), fold);
    let (requests, p99) = (cells(Fold::Requests), cells(Fold::Highest));
    let highest = |cells: &[Option<u64>]| cells.iter().flatten().max().copied();
    let slots = 1e3 * model.moment.slot as f64 / 1e9;
    let rate = highest(&requests).map(|milli| human::rate(milli, slots));
    let slowest = human::duration(highest(&p99));
    let peaks = [rate.unwrap_or_else(|| "-".into()), slowest];
    let one = |label: &str, cells: &[Option<u64>], peak: &str| -> Vec<Line<'static>> {
        let drawn = curve(cells, rows).into_iter().enumerate();
        drawn
            .map(|(row, drawn)| {
                let is_last = row + 1 == rows;
                let (label, peak) = (
                    if is_last { label } else { "" },
                    if row == 0 { peak } else { "" },
                );
                Line::from(vec![
                    Span::styled(left(label, LABEL), theme.faint()),
                    Span::styled("▕", theme.faint()),
                    Span::styled(drawn, theme.picture()),
                    Span::styled("▏", theme.faint()),
                    Span::styled(left(peak, PEAK), theme.faint()),
                ])
            })
            .collect()
    };
    beside(
        one(" req/s", &requests, &peaks[0]),
        half,
        one(" p99", &p99, &peaks[1]),
    )
}

fn tabs(state: &State, width: usize) -> Line<'static> {
    let theme = state.theme;
    let model = state.model();
    let routes = match (state.rows.len(), model.routes.len()) {
        (shown, all) if shown == all => format!(" Routes {all} "),
        (shown, all) => format!(" Routes {shown}/{all} "),
    };
    let mut line = Line::from(Span::raw(" "));
    let mut tab = |text: String, is_here: bool, style| {
        let style = if is_here { theme.selected() } else { style };
        line.push_span(Span::styled(text, style));
        line.push_span(Span::raw(" "));
    };
    let here = state.view;
    let in_routes = matches!(here, View::Routes | View::Route | View::Request);
    tab(routes, in_routes, theme.plain());
    tab(" Servers ".into(), here == View::Servers, theme.plain());
    let (text, style) = match model.told {
        0 => (" Messages ".into(), theme.plain()),
        told if told > state.read => (format!(" Messages {told} "), theme.warning()),
        told => (format!(" Messages {told} "), theme.plain()),
    };
    tab(text, here == View::Messages, style);
    let range = match state.range {
        Range::Recent => "last 5 to 10 s",
        Range::Run => "whole run",
    };
    let mut told = format!("{range} ");
    if !state.filter.text.is_empty() {
        told = format!(
            "filter {}  {told}",
            left(&state.filter.text, state.filter.text.width().min(16))
        );
    }
    let gap = width.saturating_sub(line.width() + told.width());
    line.push_span(Span::raw(" ".repeat(gap)));
    line.push_span(Span::styled(told, theme.faint()));
    line
}
