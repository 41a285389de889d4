//! The table of routes.

use std::sync::Arc;

use comfy_table::{CellAlignment, Table, presets};

use super::bar::bar;
use super::human;
use super::text::{Line, Tone, clean, fit};
use crate::aggregate::{ServedBy, Stats};

/// Columns a route may take; it comes last, so that longer ones only cost their
/// own tail.
const ROUTE_WIDTH: usize = 72;

/// Columns that the name of a container may take.
const CONTAINER_WIDTH: usize = 40;

const FIGURES: [&str; 8] = [
    "requests", "req/s", "errors", "4xx", "p50", "p90", "p99", "max",
];

/// The first `top` of `routes` (worst first) over `seconds`, and how many more
/// there are; below each where its time went, if that is known. Who served it has a column
/// where there are several. Empty without routes.
#[must_use]
pub fn routes(
    routes: &[(Arc<str>, Stats)],
    served: &ServedBy,
    seconds: f64,
    top: usize,
) -> Vec<Line> {
    if routes.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new();
    let who = (!served.is_empty()).then_some("container");
    let header = FIGURES.into_iter().chain(who).chain(["route"]);
    table.load_style(presets::NOTHING).set_header(header);
    for (route, stats) in routes.iter().take(top) {
        let figures = [
            stats.count.to_string(),
            human::rate(stats.count, seconds),
            stats.errors.to_string(),
            stats.client_errors.to_string(),
            human::duration(stats.p50()),
            human::duration(stats.p90()),
            human::duration(stats.p99()),
            human::duration(stats.max()),
        ];
        let who = who.map(|_| container(served, route));
        let route = fit(&clean(route), ROUTE_WIDTH).into_owned();
        table.add_row(figures.into_iter().chain(who).chain([route]));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        if index < FIGURES.len() {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut rows = table.lines();
    let header = rows
        .next()
        .map(|text| Line::new(Tone::Faint, text.trim_end()));
    let mut lines = Vec::from_iter(header);
    for (text, (_, stats)) in rows.zip(routes) {
        let tone = match stats.errors {
            0 => Tone::Plain,
            _ => Tone::Warning,
        };
        lines.push(Line::new(tone, text.trim_end()));
        lines.extend(bar(&stats.anatomy));
    }
    if let Some(more) = routes.len().checked_sub(top).filter(|more| *more > 0) {
        let text = format!("  ... and {}", human::count(more as u64, "more route"));
        lines.push(Line::new(Tone::Faint, text));
    }
    lines
}

fn container(served: &ServedBy, route: &str) -> String {
    let name = served.of(route).map(|identity| identity.name());
    let name = name.unwrap_or_else(|| "host".into());
    fit(&clean(&name), CONTAINER_WIDTH).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::stats;
    use super::*;
    use crate::aggregate::Aggregator;
    use crate::identity::tests::{docker, in_pod};
    use crate::request::sample;

    fn texts(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn lines_up_whatever_the_width_of_a_route() {
        let given = [
            (Arc::from("/日本/{id}"), stats(&[(1_250_000, 200)])),
            (
                Arc::from("/a\x1b[2J"),
                stats(&[(80_000, 200), (80_000, 500)]),
            ),
        ];
        let lines = routes(&given, &ServedBy::default(), 2.0, 10);
        assert_eq!(
            texts(&lines),
            [
                " requests  req/s  errors  4xx     p50     p90     p99     max  route",
                "        1   0.50       0    0  1.25ms  1.25ms  1.25ms  1.25ms  /日本/{id}",
                "        2   1.00       1    0  80.0µs  80.0µs  80.0µs  80.0µs  /a\\x1b[2J",
            ]
        );
        assert_eq!(lines[1].tone, Tone::Plain);
        assert_eq!(lines[2].tone, Tone::Warning);
    }

    #[test]
    fn says_how_many_it_leaves_out() {
        let given: Vec<_> = (0..12)
            .map(|n| (Arc::from(format!("/{n}")), stats(&[(1, 200)])))
            .collect();
        let lines = routes(&given, &ServedBy::default(), 1.0, 10);
        assert_eq!(lines.len(), 12);
        assert_eq!(lines[11].text, "  ... and 2 more routes");
        assert!(routes(&[], &ServedBy::default(), 1.0, 10).is_empty());
    }

    #[test]
    fn says_who_served_it_where_there_are_several() {
        let mut aggregator = Aggregator::new();
        for (path, container, ns) in [
            ("/cart", Some(in_pod("front-1")), 4_000_000),
            ("/cart", Some(in_pod("front-2")), 4_000_000),
            ("/a", Some(in_pod("front-1\x1b[2J\n")), 3_000_000),
            ("/b", Some(docker(7)), 2_000_000),
            ("/c", None, 1_000_000),
        ] {
            let mut request = sample::request(path);
            (request.container, request.spent) = (container, None);
            request.times.duration = Some(ns);
            aggregator.record(&request);
        }
        let window = aggregator.close(0, 1_000_000_000);
        let lines = routes(&window.by_route(), &window.served_by(), 1.0, 10);
        let texts: Vec<&str> = texts(&lines).iter().map(|text| &text[61..]).collect();
        assert_eq!(
            texts,
            [
                "  container                route",
                "  several                  /cart",
                "  shop/front-1\\x1b[2J\\x0a  /a",
                "  000000000000             /b",
                "  host                     /c",
            ]
        );
    }
}
