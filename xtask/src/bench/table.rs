//! Tables that are aligned in a terminal and are Markdown as well.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use super::stats::Estimate;

/// A table with its first columns to the left, as many as are names, and figures
/// to the right.
pub fn table(head: &[&str], names: usize, rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(head);
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.add_rows(rows);
    table.to_string()
}

/// What is known of a figure that may not be there.
pub fn or_dash(estimate: Option<Estimate>, text: impl Fn(Estimate) -> String) -> String {
    estimate.map_or_else(|| "–".into(), text)
}

/// A ratio with its interval.
pub fn ratio(estimate: Estimate) -> String {
    let Estimate {
        value, low, high, ..
    } = estimate;
    match estimate.rounds {
        1 => format!("{value:.3}"),
        _ => format!("{value:.3} [{low:.3}, {high:.3}]"),
    }
}

/// Nanoseconds as microseconds, with the interval.
pub fn microseconds(estimate: Estimate) -> String {
    let [value, low, high] = [estimate.value, estimate.low, estimate.high].map(|ns| ns / 1e3);
    match estimate.rounds {
        1 => format!("{value:.2}"),
        _ => format!("{value:.2} [{low:.2}, {high:.2}]"),
    }
}

/// Bytes as MiB.
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTIMATE: Estimate = Estimate {
        value: 0.9876,
        low: 0.9801,
        high: 1.0012,
        rounds: 10,
        min: 0.97,
        max: 1.01,
    };

    #[test]
    fn it_is_markdown() {
        let rows = vec![
            vec!["bare".into(), "1".into()],
            vec!["x".into(), "100".into()],
        ];
        let expected = "| name | figure |\n|------|--------|\n| bare |      1 |\n| x    |    100 |";
        assert_eq!(table(&["name", "figure"], 1, rows), expected);
    }

    #[test]
    fn an_interval_is_shown_where_there_is_one() {
        assert_eq!(ratio(ESTIMATE), "0.988 [0.980, 1.001]");
        let single = Estimate {
            rounds: 1,
            ..ESTIMATE
        };
        assert_eq!(ratio(single), "0.988");
        assert_eq!(or_dash(None, ratio), "–");
        let nanoseconds = Estimate {
            value: 1500.0,
            low: 1400.0,
            high: 1600.0,
            rounds: 3,
            min: 1400.0,
            max: 1600.0,
        };
        assert_eq!(microseconds(nanoseconds), "1.50 [1.40, 1.60]");
        assert_eq!(mebibytes(3 << 19), "1.5");
    }
}
