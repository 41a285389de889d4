//! One request: its parts one after another, as a waterfall.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::cells::{heading, left, percent, right, shares, time_of_day};
use crate::aggregate::{Share, Shares};
use crate::model::{Mode, Outcome, Request};
use crate::output::{fit, human};
use crate::tui::state::State;

/// Columns of a name, of a duration and of a percentage beside the waterfall.
const NAME: usize = 15;
const DURATION: usize = 8;
const PERCENT: usize = 6;

/// A stretch of the request: nanoseconds from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    name: &'static str,
    begin: u64,
    length: u64,
    /// Whose look it has.
    share: Share,
}

/// The page.
pub fn lines(state: &State, width: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let selected = state.selected.as_deref();
    let figures = selected.and_then(|route| state.model().routes.get(route));
    let slowest = figures.map_or(&[][..], |figures| &figures.slowest);
    let place = state.request.min(slowest.len().saturating_sub(1));
    let Some(request) = slowest.get(place) else {
        return vec![Line::styled(" no such request", theme.faint())];
    };
    let mut lines = head(state, request, place, slowest.len(), width);
    lines.push(heading("one after another", width, theme));
    let stretches = stretches(request);
    let whole = stretches.iter().map(|one| one.begin + one.length).max();
    let whole = whole.unwrap_or(0).max(1);
    let room = width.saturating_sub(NAME + DURATION + PERCENT + 2);
    for stretch in &stretches {
        let style = theme.block(stretch.share);
        let (before, cells) = place_of(stretch, whole, room);
        let drawn = format!("{}{}", " ".repeat(before), "█".repeat(cells));
        lines.push(Line::from(vec![
            Span::styled(format!(" {}", left(stretch.name, NAME)), theme.faint()),
            Span::styled(left(&drawn, room), style),
            Span::raw(right(&human::duration(Some(stretch.length)), DURATION)),
            Span::styled(
                right(&percent(stretch.length, whole), PERCENT),
                theme.faint(),
            ),
        ]));
    }
    let Some(known) = Shares::of(request) else {
        lines.push(Line::styled(
            " what its threads did is not known",
            theme.faint(),
        ));
        return lines;
    };
    lines.push(heading("where the time went", width, theme));
    let mut drawn = Line::from(Span::raw(" "));
    drawn.extend(shares(&known, width.saturating_sub(2), theme));
    lines.push(drawn);
    lines.extend(told(state, request, &known, width));
    lines
}

fn head(
    state: &State,
    request: &Request,
    place: usize,
    of: usize,
    width: usize,
) -> Vec<Line<'static>> {
    let theme = state.theme;
    let status = request
        .status
        .map_or_else(|| "-".into(), |status| status.to_string());
    let number = format!(" {} of {of} ", place + 1);
    let text = format!(
        " {} {} ",
        request.method.as_deref().unwrap_or("-"),
        request.path.as_deref().unwrap_or("-"),
    );
    let room = width.saturating_sub(number.width());
    let bad = !matches!(request.outcome, Outcome::Ok | Outcome::Upgraded)
        || request.status.is_some_and(|status| status >= 500);
    let style = if bad { theme.bad() } else { theme.strong() };
    let duration = human::duration(request.times.duration);
    let first_byte = human::duration(request.times.ttfb);
    vec![
        Line::from(vec![
            Span::styled(left(&text, room), theme.strong()),
            Span::styled(number, theme.faint()),
        ]),
        Line::from(vec![
            Span::styled(" status ", theme.faint()),
            Span::styled(status, style),
            Span::styled("  ended ", theme.faint()),
            Span::styled(ended(request.outcome), style),
            Span::styled("  at ", theme.faint()),
            Span::raw(time_of_day(request.end_unix_ns)),
            Span::styled("  took ", theme.faint()),
            Span::styled(duration, theme.strong()),
            Span::styled("  first byte after ", theme.faint()),
            Span::raw(first_byte),
        ]),
        Line::styled(
            format!(
                " from {}  to {}  {} in  {} out",
                request.client,
                request.server,
                human::bytes(request.request_bytes),
                human::bytes(request.response_bytes),
            ),
            theme.faint(),
        ),
        Line::styled(fit(&server(request), width).into_owned(), theme.faint()),
    ]
}

const fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "well",
        Outcome::ClientClosed => "by the client",
        Outcome::ServerClosed => "by the server",
        Outcome::Timeout => "by a timeout",
        Outcome::Upgraded => "by an upgrade",
    }
}

/// Who served it.
fn server(request: &Request) -> String {
    let mode = match request.mode {
        Some(Mode::Embedded) => "in Apache",
        Some(Mode::Daemon) => "in a daemon",
        Some(Mode::Static) => "by Apache itself",
        Some(Mode::Http) => "by another server",
        None => "by whom is not known",
    };
    let mut text = format!(
        " served {mode}: process {} thread {}",
        request.pid, request.tid
    );
    if let (Some(pid), Some(tid)) = (request.daemon_pid, request.daemon_tid) {
        text = format!("{text}, daemon {pid} thread {tid}");
    }
    if let Some(names) = &request.names {
        let group = crate::output::clean(&names.process_group).into_owned();
        text = format!("{text}, group {group}");
    }
    text
}

/// Every kind of time with its amount, the most first.
fn told(state: &State, request: &Request, known: &Shares, width: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let mut all: Vec<Share> = Share::ALL
        .into_iter()
        .filter(|one| known.get(*one) > 0)
        .collect();
    all.sort_by_key(|share| std::cmp::Reverse(known.get(*share)));
    let one = |share: Share| {
        let (letter, style) = theme.share(share);
        let peer = match (&request.upstream, share) {
            (Some(peer), Share::Upstream) => format!(" {peer}"),
            _ => String::new(),
        };
        let name = left(&format!("{}{peer}", share.name()), width.saturating_sub(24));
        Line::from(vec![
            Span::raw(" "),
            Span::styled(letter, style),
            Span::raw(right(&human::duration(Some(known.get(share))), DURATION)),
            Span::styled(
                right(&percent(known.get(share), known.total()), PERCENT),
                theme.faint(),
            ),
            Span::raw(format!("  {name}")),
        ])
    };
    all.into_iter().map(one).collect()
}

/// What is known of its parts, in order. `accept_wait` was before the rest.
fn stretches(request: &Request) -> Vec<Stretch> {
    let times = &request.times;
    let parts = [
        ("accept wait", times.accept_wait, Share::Queue),
        ("apache", times.server_time, Share::Apache),
        ("queue", times.queue_time, Share::Queue),
        ("daemon start", times.daemon_time, Share::Other),
        ("application", times.application_time, Share::AppCpu),
        ("send", times.send_time, Share::Apache),
    ];
    let mut begin = 0;
    let mut stretches = Vec::new();
    for (name, length, share) in parts {
        let Some(length) = length else { continue };
        stretches.push(Stretch {
            name,
            begin,
            length,
            share,
        });
        begin += length;
    }
    if let (true, Some(length)) = (stretches.is_empty(), times.duration) {
        let (name, share) = ("all of it", Share::Other);
        stretches.push(Stretch {
            name,
            begin,
            length,
            share,
        });
    }
    stretches
}

/// Columns before it and of it: at least one, and within the room.
fn place_of(stretch: &Stretch, whole: u64, room: usize) -> (usize, usize) {
    let cell = |ns: u64| (u128::from(ns) * room as u128 / u128::from(whole)) as usize;
    let begin = cell(stretch.begin).min(room.saturating_sub(1));
    let end = cell(stretch.begin + stretch.length).clamp(begin, room);
    (begin, (end - begin).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::sample;

    #[test]
    fn parts_follow_one_another() {
        let mut request = sample::request("/");
        request.times.accept_wait = Some(500_000);
        let all = stretches(&request);
        let names: Vec<_> = all.iter().map(|one| one.name).collect();
        let expected = [
            "accept wait",
            "apache",
            "queue",
            "daemon start",
            "application",
            "send",
        ];
        assert_eq!(names, expected);
        for pair in all.windows(2) {
            assert_eq!(pair[0].begin + pair[0].length, pair[1].begin);
        }
        let end = all.last().map(|one| one.begin + one.length);
        assert_eq!(end, Some(500_000 + request.times.duration.unwrap()));
        for room in 0..90 {
            for one in &all {
                let (before, cells) = place_of(one, end.unwrap(), room);
                assert!(
                    cells >= 1 && before + cells <= room.max(1),
                    "{one:?} in {room}"
                );
            }
        }
    }
}
