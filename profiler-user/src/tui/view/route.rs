//! A route: how long its requests took, where their time went, and the slowest.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::cells::{bar, beside, count, heading, left, right, shares, time_of_day};
use crate::aggregate::{BUCKET_BOUNDS_NS, BUCKETS, Shares, Stats, Sum};
use crate::model::Request;
use crate::output::human;
use crate::output::shares::words;
use crate::tui::model::Figures;
use crate::tui::samples::SLOWEST;
use crate::tui::state::{State, View};

/// The parts of a request, and waits of its threads, by the names of `FIGURES`.
const PARTS: [(&str, &str); 6] = [
    ("accept_wait", "accept wait"),
    ("server_time", "apache"),
    ("queue_time", "queue"),
    ("daemon_time", "daemon start"),
    ("application_time", "application"),
    ("send_time", "send"),
];
const WORK: [(&str, &str); 8] = [
    ("cpu", "on a CPU"),
    ("wait_lock", "lock"),
    ("wait_upstream", "upstream"),
    ("wait_client", "client"),
    ("wait_disk", "disk"),
    ("wait_sleep", "sleep"),
    ("wait_runqueue", "runqueue"),
    ("wait_other", "other wait"),
];

/// Columns of a name and of a duration beside a bar.
const NAME: usize = 13;
const DURATION: usize = 7;

/// The page.
pub fn lines(state: &State, width: usize, height: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let selected = state.selected.as_deref();
    let figures = selected.and_then(|route| state.model().routes.get(route));
    let (Some(route), Some(figures)) = (selected, figures) else {
        return vec![Line::styled(" no such route", theme.faint())];
    };
    let numbers = state.stats(Some(route)).unwrap_or_default();
    let mut lines = summary(state, route, figures, &numbers, width);
    let slowest = slowest(state, figures, width);
    let left = height.saturating_sub(lines.len() + slowest.len());
    let half = width / 2;
    let times = histogram(state, &numbers, half - 1, left);
    let parts = parts(state, &numbers, width - half, left);
    lines.extend(beside(times, half, parts));
    lines.extend(slowest);
    lines
}

fn summary(
    state: &State,
    route: &str,
    figures: &Figures,
    numbers: &Stats,
    width: usize,
) -> Vec<Line<'static>> {
    let theme = state.theme;
    let duration = |ns| right(&human::duration(ns), 6);
    let total = format!(" {} in all ", human::count(figures.run.count, "request"));
    let name = width.saturating_sub(total.width() + 1);
    let first = Line::from(vec![
        Span::styled(format!(" {}", left(route, name)), theme.strong()),
        Span::styled(total, theme.faint()),
    ]);
    let mut second = Line::default();
    let mut part = |name: &'static str, text: String, alarm: bool| {
        let style = if alarm { theme.bad() } else { theme.strong() };
        if second.width() + name.len() + 2 + text.width() > width {
            return;
        }
        second.push_span(Span::styled(format!(" {name} "), theme.faint()));
        second.push_span(Span::styled(text, style));
    };
    part(
        "req/s",
        right(&human::rate(numbers.count, state.seconds()), 5),
        false,
    );
    part("errors", count(numbers.errors), numbers.errors > 0);
    part("4xx", count(numbers.client_errors), false);
    part("p50", duration(numbers.p50()), false);
    part("p90", duration(numbers.p90()), false);
    part("p99", duration(numbers.p99()), false);
    part("max", duration(numbers.max()), false);
    part("first byte", duration(numbers.ttfb_mean()), false);
    let mean = |bytes: u64| human::bytes(bytes.checked_div(numbers.count).unwrap_or(0));
    part("in", mean(numbers.request_bytes), false);
    part("out", mean(numbers.response_bytes), false);
    let anatomy = &numbers.anatomy;
    let mut bar = Line::from(Span::raw(" "));
    bar.extend(shares(&anatomy.shares, width.saturating_sub(2), theme));
    let percent = crate::output::shares::apportion(&anatomy.shares, 100);
    let said = words(
        &anatomy.shares,
        anatomy.peers.heaviest(),
        width.saturating_sub(2),
        |share| format!("{}%", percent[share as usize]),
    );
    vec![
        first,
        second,
        bar,
        Line::styled(format!(" {said}"), theme.faint()),
    ]
}

/// A line for each bucket from the first to the last that has any, as many as fit.
fn histogram(state: &State, numbers: &Stats, width: usize, height: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let mut lines = vec![heading("how long they took", width, theme)];
    let filled: Vec<usize> = (0..BUCKETS).filter(|at| numbers.buckets[*at] > 0).collect();
    let (Some(first), Some(last)) = (filled.first(), filled.last()) else {
        lines.push(Line::styled(" none in this time", theme.faint()));
        return lines;
    };
    let room = height.saturating_sub(1).max(1);
    // Where there are too many the fast ones go: they are in the line of the first.
    let first = (*first).max((last + 1).saturating_sub(room));
    let most = numbers.buckets.iter().max().copied().unwrap_or(0).max(1);
    for at in first..=*last {
        let number = if at == first {
            numbers.buckets[..=at].iter().sum()
        } else {
            numbers.buckets[at]
        };
        let label = match BUCKET_BOUNDS_NS.get(at) {
            Some(bound) => format!("≤ {}", round(*bound)),
            None => format!("> {}", round(BUCKET_BOUNDS_NS[at - 1])),
        };
        let room = width.saturating_sub(9 + 9);
        let drawn = bar(number as f64 / most as f64, room);
        lines.push(Line::from(vec![
            Span::styled(format!(" {}", left(&label, 8)), theme.faint()),
            Span::styled(left(&drawn, room), theme.picture()),
            Span::styled(right(&count(number), 8), theme.plain()),
        ]));
    }
    lines
}

/// A bound without the digits that say nothing.
fn round(ns: u64) -> String {
    match ns {
        1_000_000_000.. => format!("{}s", ns as f64 / 1e9),
        1_000_000.. => format!("{}ms", ns as f64 / 1e6),
        _ => format!("{}µs", ns as f64 / 1e3),
    }
}

/// The parts one after another, and what the threads did meanwhile; then who was
/// waited for.
fn parts(state: &State, numbers: &Stats, width: usize, height: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let sums: Vec<(&str, Sum)> = numbers.anatomy.sums().collect();
    let mean = |name: &str| {
        let found = sums.iter().find(|(known, _)| *known == name);
        found.and_then(|(_, sum)| sum.mean())
    };
    let whole = numbers.mean().unwrap_or(0).max(1);
    let row = |(name, title): &(&str, &'static str)| {
        // What never was is not worth a line.
        let ns = mean(name).filter(|ns| *ns > 0)?;
        let room = width.saturating_sub(NAME + DURATION + 2);
        let drawn = bar(ns as f64 / whole as f64, room);
        Some(Line::from(vec![
            Span::styled(format!(" {}", left(title, NAME)), theme.faint()),
            Span::styled(left(&drawn, room), theme.picture()),
            Span::styled(right(&human::duration(Some(ns)), DURATION), theme.plain()),
        ]))
    };
    let mut lines: Vec<_> = PARTS.iter().filter_map(row).collect();
    if !lines.is_empty() {
        lines.insert(0, heading("a request on average", width, theme));
    }
    let mut of_threads: Vec<_> = WORK
        .iter()
        .filter(|(name, _)| mean(name) > Some(0))
        .collect();
    of_threads.sort_by_key(|(name, _)| std::cmp::Reverse(mean(name)));
    // A heading that has room for nothing below it is none.
    let has_room = |lines: &[Line<'_>]| lines.len() + 2 <= height;
    if !of_threads.is_empty() && has_room(&lines) {
        lines.push(heading("its threads on average", width, theme));
        lines.extend(of_threads.into_iter().filter_map(row));
    }
    let mut peers: Vec<_> = numbers.anatomy.peers.iter().collect();
    peers.sort_by_key(|(_, waited)| std::cmp::Reverse(waited.ns));
    if !peers.is_empty() && has_room(&lines) {
        lines.push(heading("upstream", width, theme));
    }
    for (peer, waited) in peers.into_iter().take(height.saturating_sub(lines.len())) {
        let each = waited.ns.checked_div(waited.requests);
        let told = format!("{} x {}", count(waited.requests), human::duration(each));
        let room = width.saturating_sub(told.width() + 3);
        lines.push(Line::from(vec![
            Span::styled(format!(" {} ", left(peer, room)), theme.plain()),
            Span::styled(told, theme.plain()),
        ]));
    }
    lines.truncate(height);
    lines
}

/// A line for each of the slowest, with a bar of where its time went.
fn slowest(state: &State, figures: &Figures, width: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let mut lines = vec![heading("slowest of the run", width, theme)];
    let slowest = figures.slowest.iter().take(SLOWEST).enumerate();
    lines.extend(slowest.map(|(place, request)| {
        let is_here = state.view == View::Route;
        let is_selected = is_here && place == state.request.min(figures.slowest.len() - 1);
        let style = if is_selected {
            theme.selected()
        } else {
            theme.plain()
        };
        one(state, request, style, width)
    }));
    if lines.len() == 1 {
        lines.push(Line::styled(" none with a duration", theme.faint()));
    }
    lines
}

fn one(
    state: &State,
    request: &Request,
    style: ratatui::style::Style,
    width: usize,
) -> Line<'static> {
    let status = request
        .status
        .map_or_else(|| "-".into(), |status| status.to_string());
    let head = format!(
        " {} {}  {} {} ",
        right(&human::duration(request.times.duration), 6),
        time_of_day(request.end_unix_ns),
        right(&status, 3),
        left(request.method.as_deref().unwrap_or("-"), 4),
    );
    let room = width.saturating_sub(head.width() + 1);
    let path = (room / 2).min(60);
    let name = left(request.path.as_deref().unwrap_or("-"), path);
    let mut line = Line::from(vec![
        Span::styled(head, style),
        Span::styled(format!("{name} "), style),
    ]);
    let known = Shares::of(request).unwrap_or_default();
    line.extend(shares(&known, room.saturating_sub(path + 1), state.theme));
    line
}
