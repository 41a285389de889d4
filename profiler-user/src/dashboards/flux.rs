//! What is asked for, in Flux.

use std::fmt::Write as _;

use super::asked::{Asked, Column, NAMESPACE, POD};
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
    let mut pipe = Pipe {
        columns,
        tags: asked.tags().map(|tag| format!("\"{tag}\"")).collect(),
        flux: source(asked, columns),
    };
    match asked.show {
        Show::Rate => pipe.rate(),
        Show::Total => pipe.sums(of_range, true),
        Show::Mean => pipe.mean(of_range),
        Show::Level => pipe.level(),
        Show::Highest => pipe.of_all("max", of_range),
        Show::Average => pipe.of_all("mean", of_range),
        Show::Quantile => pipe.quantile(of_range),
        Show::Buckets => return pipe.buckets(asked.measurement),
    }
    let has_time = !of_range || matches!(asked.show, Show::Rate | Show::Level);
    if table {
        pipe.row(asked);
    } else {
        let time = if has_time {
            "r._time"
        } else {
            "v.timeRangeStop"
        };
        pipe.then(&series(time, asked.measurement, &name(asked, columns)));
        pipe.then(GROUPED);
        pipe.then(SORTED);
    }
    pipe.flux
}

/// A query in the making.
struct Pipe<'a> {
    columns: &'a [&'a Column],
    /// Those that are kept apart, quoted.
    tags: Vec<String>,
    flux: String,
}

impl Pipe<'_> {
    fn then(&mut self, step: &str) {
        self.flux.push_str("\n  |> ");
        self.flux.push_str(step);
    }

    /// A list of these columns and the tags.
    fn with(&self, more: &[&str]) -> String {
        let more = more.iter().map(|more| format!("\"{more}\""));
        let all: Vec<String> = more.chain(self.tags.iter().cloned()).collect();
        format!("[{}]", all.join(", "))
    }

    fn windows(&mut self, function: &str, empty: bool) {
        self.then(&format!(
            "aggregateWindow(every: v.windowPeriod, fn: {function}, createEmpty: {empty})"
        ));
    }

    fn sums(&mut self, of_range: bool, fill: bool) {
        self.then(&format!("group(columns: {})", self.with(&["_field"])));
        self.then("toFloat()");
        if of_range {
            self.then("sum()");
        } else {
            self.windows("sum", fill);
            if fill {
                self.then("fill(value: 0.0)");
            }
        }
    }

    fn rate(&mut self) {
        self.sums(false, true);
        self.then(
            "map(fn: (r) => ({r with _value: r._value * 1000000000.0 / float(v: int(v: v.windowPeriod))}))",
        );
    }

    fn mean(&mut self, of_range: bool) {
        self.sums(of_range, false);
        let mut keys = self.with(if of_range { &[] } else { &["_time"] });
        if of_range && self.tags.is_empty() {
            // Of one value there is no key to pivot by.
            self.then("map(fn: (r) => ({r with _start: v.timeRangeStart}))");
            keys = "[\"_start\"]".into();
        }
        let field = &self.columns[0].field;
        let per = self.columns[0].per.as_deref().unwrap_or_default();
        let divide = format!("map(fn: (r) => ({{r with _value: r[\"{field}\"] / r[\"{per}\"]}}))");
        self.then("group()");
        self.pivot(&keys);
        self.then(&divide);
    }

    fn pivot(&mut self, keys: &str) {
        self.then(&format!(
            "pivot(rowKey: {keys}, columnKey: [\"_field\"], valueColumn: \"_value\")"
        ));
    }

    fn level(&mut self) {
        self.windows("last", false);
        self.then("toFloat()");
        self.then(&format!(
            "group(columns: {})",
            self.with(&["_time", "_field"])
        ));
        self.then("sum()");
    }

    fn of_all(&mut self, function: &str, of_range: bool) {
        self.then(&format!("group(columns: {})", self.with(&["_field"])));
        self.then("toFloat()");
        if of_range {
            self.then(&format!("{function}()"));
        } else {
            self.windows(function, false);
        }
    }

    /// Each weighed by the requests that it is of.
    fn quantile(&mut self, of_range: bool) {
        let field = &self.columns[0].field;
        let exists = format!("filter(fn: (r) => exists r[\"{field}\"])");
        let weigh = format!(
            "reduce(identity: {{w: 0.0, n: 0.0}}, fn: (r, accumulator) => \
             ({{w: accumulator.w + r[\"{field}\"] * r[\"count\"], n: accumulator.n + r[\"count\"]}}))"
        );
        self.then("toFloat()");
        self.pivot("[\"_time\"]");
        self.then(&exists);
        self.then(&format!("group(columns: {})", self.with(&[])));
        if !of_range {
            self.then("window(every: v.windowPeriod)");
        }
        self.then(&weigh);
        let time = if of_range { "" } else { ", _time: r._stop" };
        self.then(&format!(
            "map(fn: (r) => ({{r with _value: r.w / r.n{time}}}))"
        ));
    }

    /// Of a table: the tags, and a column.
    fn row(&mut self, asked: &Asked) {
        let keys: String = asked
            .tags()
            .flat_map(|tag| ["\"", tag, "\": r[\"", tag, "\"], "])
            .collect();
        self.then(&format!(
            "map(fn: (r) => ({{{keys}\"{}\": r._value}}))",
            asked.legend
        ));
        self.then("group()");
    }

    fn buckets(mut self, measurement: &str) -> String {
        self.sums(false, false);
        self.then(
            "map(fn: (r) => ({_time: r._time, _value: r._value, \
             le: float(v: strings.trimPrefix(v: r._field, prefix: \"le_\"))}))",
        );
        self.then("group(columns: [\"_time\"])");
        self.then("sort(columns: [\"le\"])");
        // The fields are cumulative.
        self.then("difference(keepFirst: true)");
        self.then(&series("r._time", measurement, "string(v: r.le)"));
        self.then(GROUPED);
        self.then(SORTED);
        format!("import \"strings\"\n\n{}", self.flux)
    }
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
        let value = match *attribute {
            // Nothing is no text here, and matches nothing.
            NAMESPACE | POD => {
                format!("(if exists r[\"{attribute}\"] then r[\"{attribute}\"] else \"\")")
            }
            attribute => format!("r[\"{attribute}\"]"),
        };
        let _ = write!(
            flux,
            "\n  |> filter(fn: (r) => {value} =~ /^${{{variable}:regex}}$/)"
        );
    }
    flux
}

/// What makes a series of a table: Grafana's plugin looks for these four, and shows
/// `_field` as the name.
fn series(time: &str, measurement: &str, name: &str) -> String {
    format!(
        "map(fn: (r) => ({{_time: {time}, _measurement: \"{measurement}\", _field: {name}, _value: r._value}}))"
    )
}

const GROUPED: &str = "group(columns: [\"_measurement\", \"_field\"])";
const SORTED: &str = "sort(columns: [\"_time\"])";

/// The legend as an expression.
fn name(asked: &Asked, columns: &[&Column]) -> String {
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
    if parts.is_empty() {
        "r._field".to_owned()
    } else {
        parts.join(" + ")
    }
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
