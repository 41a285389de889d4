//! What is asked for, in Flux.

use std::fmt::Write as _;

use super::asked::{Asked, Column};
use super::source::Show;

/// The queries: where a field is divided by another, one for each. `column` is the name
/// of a table's.
pub(super) fn queries(asked: &Asked, of_range: bool, table: bool) -> Vec<String> {
    if matches!(asked.show, Show::Mean | Show::Quantile) {
        let columns = asked.columns.iter();
        return columns
            .map(|column| one(asked, &[column], of_range, table))
            .collect();
    }
    let columns: Vec<&Column> = asked.columns.iter().collect();
    vec![one(asked, &columns, of_range, table)]
}

fn one(asked: &Asked, columns: &[&Column], of_range: bool, table: bool) -> String {
    let mut flux = String::new();
    if asked.show == Show::Buckets {
        flux.push_str("import \"strings\"\n\n");
    }
    flux.push_str(&source(asked, columns));
    let tags: Vec<String> = asked.tags().map(|tag| format!("\"{tag}\"")).collect();
    let with = |more: &[&str]| {
        let more = more.iter().map(|more| format!("\"{more}\""));
        more.chain(tags.iter().cloned())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let sums = |flux: &mut String, of_range: bool, fill: bool| {
        let _ = write!(
            flux,
            "\n  |> group(columns: [{}])\n  |> toFloat()",
            with(&["_field"])
        );
        flux.push_str(if of_range {
            "\n  |> sum()"
        } else if fill {
            "\n  |> aggregateWindow(every: v.windowPeriod, fn: sum, createEmpty: true)\n  |> fill(value: 0.0)"
        } else {
            "\n  |> aggregateWindow(every: v.windowPeriod, fn: sum, createEmpty: false)"
        });
    };
    let mut has_time = !of_range;
    match asked.show {
        Show::Rate => {
            has_time = true;
            sums(&mut flux, false, true);
            flux.push_str(
                "\n  |> map(fn: (r) => ({r with _value: r._value * 1000000000.0 / float(v: int(v: v.windowPeriod))}))",
            );
        }
        Show::Total => sums(&mut flux, of_range, true),
        Show::Mean => {
            sums(&mut flux, of_range, false);
            let keys = if of_range {
                with(&[])
            } else {
                with(&["_time"])
            };
            // Of one value there is no key to pivot by.
            let keys = if keys.is_empty() {
                "\"_start\"".to_owned()
            } else {
                keys
            };
            if of_range && tags.is_empty() {
                flux.push_str("\n  |> map(fn: (r) => ({r with _start: v.timeRangeStart}))");
            }
            let column = columns[0];
            let per = column.per.as_deref().unwrap_or_default();
            let _ = write!(
                flux,
                "\n  |> group()\n  |> pivot(rowKey: [{keys}], columnKey: [\"_field\"], valueColumn: \"_value\")\
                 \n  |> map(fn: (r) => ({{r with _value: r[\"{}\"] / r[\"{per}\"]}}))",
                column.field
            );
        }
        Show::Level => {
            has_time = true;
            let _ = write!(
                flux,
                "\n  |> aggregateWindow(every: v.windowPeriod, fn: last, createEmpty: false)\
                 \n  |> toFloat()\n  |> group(columns: [{}])\n  |> sum()",
                with(&["_time", "_field"])
            );
        }
        Show::Highest | Show::Average => {
            let function = if asked.show == Show::Highest {
                "max"
            } else {
                "mean"
            };
            let _ = write!(
                flux,
                "\n  |> group(columns: [{}])\n  |> toFloat()",
                with(&["_field"])
            );
            if of_range {
                let _ = write!(flux, "\n  |> {function}()");
            } else {
                let _ = write!(
                    flux,
                    "\n  |> aggregateWindow(every: v.windowPeriod, fn: {function}, createEmpty: false)"
                );
            }
        }
        Show::Quantile => {
            let field = &columns[0].field;
            let _ = write!(
                flux,
                "\n  |> toFloat()\
                 \n  |> pivot(rowKey: [\"_time\"], columnKey: [\"_field\"], valueColumn: \"_value\")\
                 \n  |> filter(fn: (r) => exists r[\"{field}\"])\n  |> group(columns: [{}])",
                with(&[])
            );
            if !of_range {
                flux.push_str("\n  |> window(every: v.windowPeriod)");
            }
            let _ = write!(
                flux,
                "\n  |> reduce(identity: {{w: 0.0, n: 0.0}}, fn: (r, accumulator) => \
                 ({{w: accumulator.w + r[\"{field}\"] * r[\"count\"], n: accumulator.n + r[\"count\"]}}))\
                 \n  |> map(fn: (r) => ({{r with _value: r.w / r.n{}}}))",
                if of_range { "" } else { ", _time: r._stop" }
            );
        }
        Show::Buckets => {
            sums(&mut flux, false, false);
            flux.push_str(
                "\n  |> map(fn: (r) => ({_time: r._time, _value: r._value, le: float(v: strings.trimPrefix(v: r._field, prefix: \"le_\"))}))\
                 \n  |> group(columns: [\"_time\"])\n  |> sort(columns: [\"le\"])\
                 \n  |> difference(keepFirst: true)\
                 \n  |> map(fn: (r) => ({_time: r._time, _value: r._value, _field: string(v: r.le)}))\
                 \n  |> group(columns: [\"_field\"])",
            );
            return flux;
        }
    }
    named(&mut flux, asked, columns, has_time, table);
    flux
}

fn source(asked: &Asked, columns: &[&Column]) -> String {
    let fields = columns
        .iter()
        .flat_map(|column| [Some(&column.field), column.per.as_ref()]);
    let fields: Vec<String> = fields
        .flatten()
        .map(|field| format!("r[\"_field\"] == \"{field}\""))
        .collect();
    let mut flux = format!(
        "from(bucket: v.defaultBucket)\
         \n  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\
         \n  |> filter(fn: (r) => r[\"_measurement\"] == \"{}\")\
         \n  |> filter(fn: (r) => {})",
        asked.measurement,
        fields.join(" or ")
    );
    for (attribute, variable) in &asked.filters {
        let _ = write!(
            flux,
            "\n  |> filter(fn: (r) => r[\"{attribute}\"] =~ /^${{{variable}:regex}}$/)"
        );
    }
    flux
}

/// Leaves a name and a value: that is what Grafana shows as the name.
fn named(flux: &mut String, asked: &Asked, columns: &[&Column], has_time: bool, table: bool) {
    if table {
        let keys: String = asked
            .tags()
            .map(|tag| format!("\"{tag}\": r[\"{tag}\"], "))
            .collect();
        let _ = write!(
            flux,
            "\n  |> map(fn: (r) => ({{{keys}\"{}\": r._value}}))\n  |> group()",
            asked.legend
        );
        return;
    }
    let time = if has_time { "_time: r._time, " } else { "" };
    let is_divided = matches!(asked.show, Show::Mean | Show::Quantile);
    let name = asked.legend(|attribute, is_split| {
        if !is_split {
            return format!("\u{0}r[\"{attribute}\"]\u{0}");
        }
        if is_divided {
            columns[0].value.clone()
        } else {
            "\u{0}value\u{0}".into()
        }
    });
    // Texts and names, in turns.
    let parts = name
        .split('\0')
        .enumerate()
        .filter(|(_, part)| !part.is_empty());
    let parts: Vec<String> = parts
        .map(|(at, part)| match (at % 2, part) {
            (0, text) => format!("\"{text}\""),
            (_, "value") => value_of(columns),
            (_, name) => name.to_owned(),
        })
        .collect();
    let name = if parts.is_empty() {
        "r._field".to_owned()
    } else {
        parts.join(" + ")
    };
    let _ = write!(
        flux,
        "\n  |> map(fn: (r) => ({{{time}_value: r._value, _field: {name}}}))\n  |> group(columns: [\"_field\"])"
    );
}

/// What stands for the field: itself, without what is around it.
fn value_of(columns: &[&Column]) -> String {
    let mut choice = String::new();
    for column in columns {
        if column.field != column.value {
            let _ = write!(
                choice,
                "if r._field == \"{}\" then \"{}\" else ",
                column.field, column.value
            );
        }
    }
    if choice.is_empty() {
        "r._field".into()
    } else {
        format!("({choice}r._field)")
    }
}
