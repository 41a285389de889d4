//! What is asked for, for InfluxDB's own language.

use std::fmt::Write as _;

use super::asked::{Asked, Column};
use super::source::Show;

/// The query; `of_range`: one value for all of the time.
pub(super) fn query(asked: &Asked, of_range: bool) -> String {
    let from = format!("\"{}\"", asked.measurement);
    let filter = filter(asked);
    let select = select(asked);
    let fill = match asked.show {
        Show::Rate | Show::Total => "0",
        _ => "none",
    };
    let has_steps = !of_range || matches!(asked.show, Show::Rate | Show::Level | Show::Buckets);
    let group = group(asked, has_steps.then_some(fill));
    match inner(asked, &from, &filter) {
        Some(inner) => format!("SELECT {select} FROM ({inner}) WHERE $timeFilter{group}"),
        None => format!("SELECT {select} FROM {from} WHERE {filter}{group}"),
    }
}

/// By time, in steps that are filled so, and by the tags that are kept apart.
fn group(asked: &Asked, fill: Option<&str>) -> String {
    let steps = fill.map(|_| "time($__interval)".to_owned());
    let tags = asked.tags().map(|tag| format!("\"{tag}\""));
    let parts: Vec<String> = steps.into_iter().chain(tags).collect();
    if parts.is_empty() {
        return String::new();
    }
    let fill = fill.map_or(String::new(), |fill| format!(" fill({fill})"));
    format!(" GROUP BY {}{fill}", parts.join(", "))
}

/// Where one function of the fields is not enough.
fn inner(asked: &Asked, from: &str, filter: &str) -> Option<String> {
    let each = |each: &dyn Fn(&str) -> String| {
        let fields = asked.columns.iter().map(|column| each(&column.field));
        fields.collect::<Vec<_>>().join(", ")
    };
    match asked.show {
        // Of each series the last of a step, to add up.
        Show::Level => {
            let lasts = each(&|field| format!("last(\"{field}\") AS \"{field}\""));
            Some(format!(
                "SELECT {lasts} FROM {from} WHERE {filter} GROUP BY time($__interval), * fill(none)"
            ))
        }
        // Each weighed by the requests that it is of.
        Show::Quantile => {
            let weighed = each(&|field| format!("\"{field}\" * \"count\" AS \"{field}\""));
            Some(format!(
                "SELECT {weighed}, \"count\" AS \"count\" FROM {from} WHERE {filter} GROUP BY *"
            ))
        }
        _ => None,
    }
}

fn select(asked: &Asked) -> String {
    let mut below: Option<&str> = None;
    let mut columns = Vec::new();
    for column in &asked.columns {
        let field = &column.field;
        let per = column.per.as_deref().unwrap_or("count");
        let value = match asked.show {
            Show::Rate => format!("sum(\"{field}\") * 1000 / $__interval_ms"),
            Show::Total | Show::Level => format!("sum(\"{field}\")"),
            Show::Mean | Show::Quantile => format!("sum(\"{field}\") / sum(\"{per}\")"),
            Show::Highest => format!("max(\"{field}\")"),
            Show::Average => format!("mean(\"{field}\")"),
            // The fields are cumulative.
            Show::Buckets => match below.replace(field) {
                Some(below) => format!("sum(\"{field}\") - sum(\"{below}\")"),
                None => format!("sum(\"{field}\")"),
            },
        };
        columns.push(format!("{value} AS \"{}\"", shown(asked, column)));
    }
    columns.join(", ")
}

/// What names a series.
pub(super) fn alias(asked: &Asked) -> String {
    if asked.show == Show::Buckets {
        return "$col".into();
    }
    asked.legend(|attribute, is_split| {
        if is_split {
            "$col".into()
        } else {
            format!("[[tag_{attribute}]]")
        }
    })
}

fn shown<'a>(asked: &'a Asked, column: &'a Column) -> &'a str {
    let split = asked.split.as_ref();
    let is_split = split.is_some_and(|(split, _)| asked.by.iter().any(|by| by == split));
    if is_split || asked.show == Show::Buckets {
        return &column.value;
    }
    match asked.legend.as_str() {
        legend if legend.is_empty() || legend.contains('{') => &column.field,
        legend => legend,
    }
}

fn filter(asked: &Asked) -> String {
    let mut filter = String::from("$timeFilter");
    for (attribute, variable) in &asked.filters {
        // Never fails: a String takes any text.
        let _ = write!(filter, " AND \"{attribute}\" =~ /^${{{variable}:regex}}$/");
    }
    filter
}
