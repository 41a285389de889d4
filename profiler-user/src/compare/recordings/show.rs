//! The results as lines for people.

use anstyle::AnsiColor;
use unicode_width::UnicodeWidthStr;

use super::figure::Figure;
use super::results::{Alone, Change, Name, Results, Route, Side};
use super::words::{from_to, more_share, more_time, share, time, times};
use crate::output::{Line, Tone, clean, fit, human};

/// Columns of a line; names of routes may take more.
const COLUMNS: usize = 100;

/// Columns that a route may take.
const ROUTE_WIDTH: usize = 60;

/// Routes of a kind that are shown; the JSON has all.
const SHOWN: usize = 20;

/// Routes of a kind that a single line names.
const NAMED: usize = 3;

/// Of parts that changed by less than one in so many of the largest, nothing is said.
const MATTERS: f64 = 20.0;

/// Columns before the parts.
const TITLE: usize = 11;

/// The results.
#[must_use]
pub fn lines(results: &Results) -> Vec<Line> {
    let mut lines = vec![
        side("before", &results.before),
        side("after", &results.after),
    ];
    let warnings = [&results.before, &results.after]
        .into_iter()
        .flat_map(|side| {
            let name = &side.file;
            side.warnings
                .iter()
                .map(move |said| format!("{name}: {said}"))
        });
    for note in warnings.chain(results.notes.iter().cloned()) {
        lines.push(Line::new(Tone::Warning, format!("note    {note}")));
    }
    lines.push(Line::new(Tone::Plain, ""));
    lines.push(summary(results));
    for route in results.changed.iter().take(SHOWN) {
        lines.push(Line::new(Tone::Plain, ""));
        lines.extend(changed(route));
    }
    let rest = results.changed.len().saturating_sub(SHOWN);
    if rest > 0 {
        lines.push(Line::new(
            Tone::Faint,
            format!(
                "... and {} that changed less: --json has all",
                human::count(rest as u64, "route")
            ),
        ));
    }
    lines.push(Line::new(Tone::Plain, ""));
    lines.extend(unchanged(&results.unchanged));
    lines.extend(too_few(results));
    lines.extend(alone("new", &results.new));
    lines.extend(alone("gone", &results.gone));
    if lines.last().is_some_and(|line| line.text.is_empty()) {
        lines.pop();
    }
    lines
}

fn side(title: &str, side: &Side) -> Line {
    Line::new(
        Tone::Plain,
        format!(
            "{title:<7} {}: {} in {} ({}/s), from {}",
            side.file,
            human::count(side.requests, "request"),
            time(Some(side.seconds)),
            human::rate(side.requests, side.seconds),
            side.began,
        ),
    )
}

fn summary(results: &Results) -> Line {
    let judged = results.changed.len() + results.unchanged.len();
    if judged == 0 {
        return Line::new(
            Tone::Strong,
            "No route has enough requests in both to say anything",
        );
    }
    let routes = human::count(judged as u64, "route");
    let text = match results.changed.len() {
        0 => format!("No difference that can be shown in {routes}"),
        changed => format!("{changed} of {routes} changed"),
    };
    let mut line = Line::new(Tone::Strong, text);
    if !results.changed.is_empty() {
        let one_in = 1.0 / results.wrong;
        line.push(
            Tone::Faint,
            &format!("; of what is shown, at most 1 in {one_in:.0} is expected to be chance"),
        );
    }
    line
}

fn changed(route: &Route) -> Vec<Line> {
    let mut lines = vec![headline(route)];
    lines.push(Line::new(Tone::Faint, figures(route)));
    for change in route.figures.iter().filter(|change| change.shown) {
        lines.extend(beside(change));
    }
    lines.extend(listed("parts", &route.parts));
    lines.extend(listed("threads", &route.threads));
    lines
}

fn headline(route: &Route) -> Line {
    let mut line = Line::new(Tone::Strong, format!("{}  ", shown(&route.name)));
    let duration = route.figure(Figure::Duration.name());
    let Some(duration) = duration.filter(|change| change.shown) else {
        line.push(Tone::Plain, "no slower or faster that can be shown");
        return line;
    };
    let (tone, word) = if duration.difference.value > 0.0 {
        (Tone::Colour(AnsiColor::Red), "slower")
    } else {
        (Tone::Colour(AnsiColor::Green), "faster")
    };
    line.push(tone, word);
    let difference = more_time(&duration.difference);
    line.push(
        Tone::Plain,
        &format!(": {}, {difference}", from_to(duration)),
    );
    if let Some(ratio) = &duration.ratio {
        line.push(Tone::Plain, &format!(", {}", times(ratio)));
    }
    line
}

fn figures(route: &Route) -> String {
    let (was, is) = (&route.before, &route.after);
    format!(
        "  {} -> {} requests, {:.1} -> {:.1}/s; p50 {} -> {}, p90 {} -> {}, p99 {} -> {}",
        was.requests,
        is.requests,
        was.rate,
        is.rate,
        time(was.p50),
        time(is.p50),
        time(was.p90),
        time(is.p90),
        time(was.p99),
        time(is.p99),
    )
}

/// What changed beside the duration.
fn beside(change: &Change) -> Option<Line> {
    let titled = |title: &str, text: String| Line::new(Tone::Plain, format!("  {title:<9}{text}"));
    let as_time = |title, of| {
        let text = format!(
            "{}, {} {of}",
            from_to(change),
            more_time(&change.difference)
        );
        titled(title, text)
    };
    let as_share = |title, of| {
        let (was, is) = (share(change.before), share(change.after));
        let text = format!("{was} -> {is} {of}, {}", more_share(&change.difference));
        let mut line = titled(title, text);
        if change.difference.value > 0.0 {
            line.tone = Tone::Warning;
        }
        line
    };
    match change.name {
        "accept_wait" => Some(as_time("accept", "a new connection, before its duration")),
        "read_time" => Some(as_time("read", "to read the head, before its duration")),
        "errors" => Some(as_share("errors", "with status 500 or above")),
        "unanswered" => Some(as_share("answers", "without any answer")),
        _ => None,
    }
}

/// The parts that changed and matter, in lines that begin below one another.
fn listed(title: &str, changes: &[Change]) -> Vec<Line> {
    let mut shown = changes.iter().filter(|change| change.shown).peekable();
    let Some(largest) = shown.peek().map(|change| change.difference.value.abs()) else {
        return Vec::new();
    };
    let mut texts = vec![format!("  {title:<width$}", width = TITLE - 2)];
    for change in shown.filter(|change| change.difference.value.abs() * MATTERS >= largest) {
        let word = Figure::ALL
            .into_iter()
            .find(|figure| figure.name() == change.name)
            .map_or(change.name, Figure::word);
        let item = format!("{word} {}", more_time(&change.difference));
        let line = texts.last_mut().expect("there is a first");
        let empty = line.width() == TITLE;
        if !empty && line.width() + 2 + item.width() > COLUMNS {
            texts.push(format!("{:TITLE$}{item}", ""));
        } else {
            line.push_str(if empty { "" } else { ", " });
            line.push_str(&item);
        }
    }
    let lines = texts.into_iter().map(|text| Line::new(Tone::Plain, text));
    lines.collect()
}

fn unchanged(routes: &[Route]) -> Vec<Line> {
    let (unclear, same): (Vec<_>, Vec<_>) = routes.iter().partition(|route| route.longer.is_some());
    [kept("same", &same), kept("unclear", &unclear)]
        .into_iter()
        .flatten()
        .collect()
}

fn kept(title: &str, routes: &[&Route]) -> Option<Line> {
    if routes.is_empty() {
        return None;
    }
    let requests: u64 = routes.iter().map(|route| route.after.requests).sum();
    let named = routes.iter().take(NAMED).map(|route| {
        let duration = route.figure(Figure::Duration.name());
        let ratio = duration.and_then(|change| change.ratio.as_ref());
        let ratio = ratio.map_or(String::new(), |ratio| format!(" ({})", times(ratio)));
        format!("{}{ratio}", shown(&route.name))
    });
    let longer = routes.iter().filter_map(|route| route.longer);
    let longer = longer.reduce(f64::max).map_or(String::new(), |longer| {
        format!(
            "; {} times as long would tell a tenth",
            longer_in_words(longer)
        )
    });
    let text = format!(
        "{title:<8} {} with {}: {}{}{longer}",
        human::count(routes.len() as u64, "route"),
        human::count(requests, "request"),
        named.collect::<Vec<_>>().join(", "),
        more(routes.len(), NAMED),
    );
    Some(Line::new(Tone::Plain, text))
}

/// Roughly: it is an estimate.
fn longer_in_words(longer: f64) -> String {
    let digits = usize::from(longer < 10.0);
    format!("{:.digits$}", longer.max(1.1))
}

fn too_few(results: &Results) -> Vec<Line> {
    let lines = results.too_few.iter().take(NAMED).map(|few| {
        let text = format!(
            "too few  {}: {} and {} requests; about {} each would tell: record {} times as long",
            shown(&few.name),
            few.before,
            few.after,
            few.needed,
            longer_in_words(few.longer),
        );
        Line::new(Tone::Plain, text)
    });
    let mut lines: Vec<_> = lines.collect();
    let rest = results.too_few.len().saturating_sub(NAMED);
    if rest > 0 {
        let text = format!("too few  {} more", human::count(rest as u64, "route"));
        lines.push(Line::new(Tone::Faint, text));
    }
    lines
}

fn alone(title: &str, routes: &[Alone]) -> Option<Line> {
    if routes.is_empty() {
        return None;
    }
    let named = routes.iter().take(NAMED).map(|route| {
        let figures = &route.figures;
        let requests = human::count(figures.requests, "request");
        format!(
            "{} ({requests}, {})",
            shown(&route.name),
            time(figures.mean)
        )
    });
    let text = format!(
        "{title:<8} {}{}",
        named.collect::<Vec<_>>().join(", "),
        more(routes.len(), NAMED)
    );
    Some(Line::new(Tone::Plain, text))
}

fn more(all: usize, named: usize) -> String {
    match all.saturating_sub(named) {
        0 => String::new(),
        rest => format!(", and {rest} more"),
    }
}

fn shown(name: &Name) -> String {
    let route = clean(&name.route);
    format!("{} {}", name.method, fit(&route, ROUTE_WIDTH))
}
