//! Pools, processes and listening sockets.

use ratatui::text::{Line, Span};

use super::cells::{count, gauge, heading, left, right};
use super::header::groups;
use crate::output::human;
use crate::pool::{Group, Kind, Process};
use crate::tui::state::State;

/// Columns of a gauge.
const GAUGE: usize = 13;

/// The page.
pub fn lines(state: &State, width: usize) -> Vec<Line<'static>> {
    let theme = state.theme;
    let snapshot = &state.model().snapshot;
    let mut lines = vec![heading("pools", width, theme)];
    let groups = groups(snapshot);
    let titles = "                   procs threads  busy  idle   req/s    full  used";
    lines.push(Line::styled(titles, theme.faint()));
    if groups.is_empty() {
        lines.push(Line::styled(
            " none has served a request yet",
            theme.faint(),
        ));
    }
    lines.extend(groups.iter().map(|(name, group)| pool(state, name, group)));
    lines.push(heading("listening sockets", width, theme));
    if snapshot.listeners.is_empty() {
        lines.push(Line::styled(" none is known", theme.faint()));
    }
    for listener in &snapshot.listeners {
        let style = if listener.queue > 0 {
            theme.warning()
        } else {
            theme.plain()
        };
        lines.push(Line::from(vec![
            Span::raw(format!(" {}", left(&listener.address.to_string(), 30))),
            Span::styled(right(&count(listener.queue.into()), 7), style),
            Span::styled(" waiting to be accepted", theme.faint()),
        ]));
    }
    let title = format!("processes {}", snapshot.processes.len());
    lines.push(heading(&title, width, theme));
    let titles = "     pid name             is        CPU      RSS  threads  pool busy   req/s";
    lines.push(Line::styled(titles, theme.faint()));
    lines.extend(snapshot.processes.iter().map(|one| process(state, one)));
    lines
}

fn pool(state: &State, name: &str, group: &Group) -> Line<'static> {
    let theme = state.theme;
    let known = |number: Option<u64>| number.map_or_else(|| "?".into(), count);
    let idle = group
        .threads
        .map(|threads| threads.saturating_sub(group.busy));
    let rate = human::rate(group.requests, group.length_ns as f64 / 1e9);
    let full = match group.full_ns {
        None => "-".into(),
        Some(0) => "never".into(),
        full => human::duration(full),
    };
    let full_style = if group.full_ns > Some(0) {
        theme.warning()
    } else {
        theme.plain()
    };
    let mut line = Line::from(vec![
        Span::styled(format!(" {}", left(name, 16)), theme.strong()),
        Span::raw(right(&count(group.processes), 7)),
        Span::raw(right(&known(group.threads), 8)),
        Span::raw(right(&count(group.busy), 6)),
        Span::raw(right(&known(idle), 6)),
        Span::raw(right(&rate, 8)),
        Span::styled(right(&full, 8), full_style),
        Span::raw("  "),
    ]);
    if let Some(used) = group.used() {
        line.push_span(Span::raw(format!("{:>3.0}% ", used * 100.0)));
        line.extend(gauge(used, GAUGE, theme));
    } else {
        line.push_span(Span::styled("not known", theme.faint()));
    }
    line
}

fn process(state: &State, process: &Process) -> Line<'static> {
    let theme = state.theme;
    let kind = match process.kind {
        Kind::Daemon => "daemon",
        Kind::Apache => "apache",
        Kind::Other => "other",
    };
    let cpu = process
        .cpu
        .map(|cpu| (cpu.user + cpu.system) / cpu.elapsed.max(0.01));
    let cpu_text = cpu.map_or_else(|| "-".into(), |cores| format!("{:.0}%", cores * 100.0));
    let cpu_style = cpu.map_or(theme.faint(), |cores| theme.level(cores.min(0.9)));
    let pool = state.model().snapshot.pool(process.pid);
    let busy = pool.map_or_else(
        || "-".into(),
        |pool| match pool.threads {
            Some(threads) => format!("{}/{threads}", pool.busy),
            None => format!("{}/?", pool.busy),
        },
    );
    let rate = pool.map_or_else(
        || "-".into(),
        |pool| human::rate(pool.requests, pool.length_ns as f64 / 1e9),
    );
    Line::from(vec![
        Span::raw(right(&process.pid.to_string(), 8)),
        Span::styled(format!(" {}", left(&process.name, 16)), theme.strong()),
        Span::styled(format!(" {}", left(kind, 6)), theme.faint()),
        Span::styled(right(&cpu_text, 6), cpu_style),
        Span::raw(right(&human::bytes(process.rss), 11)),
        Span::raw(right(&count(process.threads.into()), 7)),
        Span::raw(right(&busy, 11)),
        Span::raw(right(&rate, 8)),
    ])
}
