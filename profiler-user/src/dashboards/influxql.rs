//! What is asked for, for InfluxDB's own language.

use super::asked::{Asked, Column};
use super::source::Show;

/// The query; `of_range`: one value for all of the time.
pub(super) fn query(asked: &Asked, of_range: bool) -> String {
    let from = format!("\"{}\"", asked.measurement);
    let filter = filter(asked);
    let columns = |each: &dyn Fn(&Column) -> String| {
        let columns = asked.columns.iter();
        let columns =
            columns.map(|column| format!("{} AS \"{}\"", each(column), shown(asked, column)));
        columns.collect::<Vec<_>>().join(", ")
    };
    let tags: Vec<String> = asked.tags().map(|tag| format!("\"{tag}\"")).collect();
    let group = |time: bool, fill: &str| {
        let time = time.then(|| "time($__interval)".to_owned());
        let parts: Vec<String> = time.into_iter().chain(tags.iter().cloned()).collect();
        if parts.is_empty() {
            return String::new();
        }
        let fill = if parts[0].starts_with("time") {
            format!(" fill({fill})")
        } else {
            String::new()
        };
        format!(" GROUP BY {}{fill}", parts.join(", "))
    };
    let (select, from, fill, time) = match asked.show {
        Show::Rate => {
            let rate =
                |column: &Column| format!("sum(\"{}\") * 1000 / $__interval_ms", column.field);
            (columns(&rate), from, "0", true)
        }
        Show::Total => {
            let total = |column: &Column| format!("sum(\"{}\")", column.field);
            (columns(&total), from, "0", !of_range)
        }
        Show::Mean => {
            let mean = |column: &Column| {
                let per = column.per.as_deref().unwrap_or_default();
                format!("sum(\"{}\") / sum(\"{per}\")", column.field)
            };
            (columns(&mean), from, "none", !of_range)
        }
        Show::Level => {
            let lasts: Vec<String> = asked
                .columns
                .iter()
                .map(|column| format!("last(\"{0}\") AS \"{0}\"", column.field))
                .collect();
            let inner = format!(
                "(SELECT {} FROM {from} WHERE {filter} GROUP BY time($__interval), * fill(none))",
                lasts.join(", ")
            );
            let sum = |column: &Column| format!("sum(\"{}\")", column.field);
            (columns(&sum), inner, "none", true)
        }
        Show::Highest => {
            let highest = |column: &Column| format!("max(\"{}\")", column.field);
            (columns(&highest), from, "none", !of_range)
        }
        Show::Average => {
            let average = |column: &Column| format!("mean(\"{}\")", column.field);
            (columns(&average), from, "none", !of_range)
        }
        Show::Quantile => {
            // Weighed by the requests that each is of.
            let weighed: Vec<String> = asked
                .columns
                .iter()
                .map(|column| {
                    format!(
                        "\"{0}\" * \"count\" AS \"{0}\", \"count\" AS \"count\"",
                        column.field
                    )
                })
                .collect();
            let inner = format!(
                "(SELECT {} FROM {from} WHERE {filter} GROUP BY *)",
                weighed.join(", ")
            );
            let mean = |column: &Column| format!("sum(\"{}\") / sum(\"count\")", column.field);
            (columns(&mean), inner, "none", !of_range)
        }
        Show::Buckets => {
            let mut below: Option<&str> = None;
            let mut select = Vec::new();
            for column in &asked.columns {
                let less = below.map_or(String::new(), |field| format!(" - sum(\"{field}\")"));
                select.push(format!(
                    "sum(\"{}\"){less} AS \"{}\"",
                    column.field, column.value
                ));
                below = Some(&column.field);
            }
            (select.join(", "), from, "none", true)
        }
    };
    let filter = if from.starts_with('(') {
        "$timeFilter"
    } else {
        &filter
    };
    format!(
        "SELECT {select} FROM {from} WHERE {filter}{}",
        group(time, fill)
    )
}

/// What names a series.
pub(super) fn alias(asked: &Asked) -> String {
    asked.legend(|attribute, is_split| {
        if is_split {
            "$col".into()
        } else {
            format!("[[tag_{attribute}]]")
        }
    })
}

fn shown<'a>(asked: &'a Asked, column: &'a Column) -> &'a str {
    let is_split = asked.split.as_ref();
    let is_split = is_split.is_some_and(|(split, _)| asked.by.iter().any(|by| by == split));
    if !is_split {
        if asked.legend.is_empty() || asked.legend.contains('{') {
            &column.field
        } else {
            &asked.legend
        }
    } else {
        &column.value
    }
}

fn filter(asked: &Asked) -> String {
    let mut filter = String::from("$timeFilter");
    for (attribute, variable) in &asked.filters {
        filter += &format!(" AND \"{attribute}\" =~ /^${{{variable}:regex}}$/");
    }
    filter
}
