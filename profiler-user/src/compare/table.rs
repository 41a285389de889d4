//! What came out, for the terminal.

use comfy_table::{CellAlignment, Table, presets};

use super::figure::{Figure, Figures, Unit};
use super::results::{Ratio, Results, Variant, Verdict};
use super::words;
use crate::output::{Line, Tone, clean, human};

/// Figures that have a ratio worth a line each: what the rest says is in the report.
const COMPARED: [Figure; 6] = [
    Figure::Throughput,
    Figure::P50,
    Figure::P99,
    Figure::ServerCpu,
    Figure::ServerMemory,
    Figure::Mean,
];

/// All of it.
#[must_use]
pub fn lines(results: &Results) -> Vec<Line> {
    let mut lines = vec![Line::new(Tone::Strong, head(results))];
    lines.extend(figures(results));
    for variant in results
        .variants
        .iter()
        .filter(|variant| !variant.is_baseline())
    {
        let title = format!(
            "{} against {}",
            clean(&variant.name),
            clean(&results.baseline)
        );
        lines.push(Line::new(Tone::Strong, title));
        lines.extend(ratios(variant));
    }
    lines.extend(requests(results));
    lines.extend(
        results
            .notes
            .iter()
            .map(|note| Line::new(Tone::Warning, format!("note  {}", clean(note)))),
    );
    lines
}

fn head(results: &Results) -> String {
    let plan = &results.plan;
    let rounds = if plan.finished == plan.rounds {
        human::count(plan.rounds as u64, "round")
    } else {
        format!("{} of {} rounds", plan.finished, plan.rounds)
    };
    let load = match (&plan.command, plan.rate) {
        (Some(command), _) => format!("`{}`", clean(command)),
        (None, Some(rate)) => format!("{rate} requests/s on {} connections", plan.connections),
        (None, None) => human::count(plan.connections as u64, "connection"),
    };
    format!(
        "{rounds} of {} s, {load}; 95 % intervals in brackets",
        plan.time
    )
}

/// The means of all variants, a line each.
fn figures(results: &Results) -> Vec<Line> {
    let is_known = |figure: &Figure| {
        results
            .variants
            .iter()
            .any(|variant| variant.figures.get(*figure).is_some())
    };
    let figures: Vec<Figure> = Figure::ALL.into_iter().filter(is_known).collect();
    let mut table = Table::new();
    let titles = figures.iter().map(|figure| short(*figure).to_owned());
    table.load_style(presets::NOTHING).set_header(
        std::iter::once("variant".to_owned())
            .chain(titles)
            .chain(["errors".into()]),
    );
    for variant in &results.variants {
        let cells = figures.iter().map(|figure| {
            let estimate = variant.figures.get(*figure);
            estimate.map_or("-".into(), |estimate| shown(*figure, estimate.value))
        });
        let errors = variant.requests.errors.to_string();
        table.add_row(
            std::iter::once(clean(&variant.name).into_owned())
                .chain(cells)
                .chain([errors]),
        );
    }
    text(&mut table)
}

/// What a variant does to each figure, in words.
fn ratios(variant: &Variant) -> Vec<Line> {
    let Some(ratios) = &variant.ratios else {
        return Vec::new();
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut tones = Vec::new();
    for figure in compared(ratios) {
        if let Some(ratio) = ratios.get(figure) {
            let estimate = &ratio.estimate;
            table.add_row([
                figure.title().to_owned(),
                format!("{:.3}", estimate.value),
                format!("[{:.3}, {:.3}]", estimate.low, estimate.high),
                words::verdict(ratio),
            ]);
            tones.push(tone(figure, ratio));
        }
    }
    let mut lines = text_of_rows(&mut table, &[1, 2]);
    for (line, tone) in lines.iter_mut().zip(tones) {
        line.tone = tone;
    }
    lines
}

fn compared(ratios: &Figures<Ratio>) -> impl Iterator<Item = Figure> {
    COMPARED
        .into_iter()
        .filter(|figure| ratios.get(*figure).is_some())
}

fn tone(figure: Figure, ratio: &Ratio) -> Tone {
    match (ratio.verdict, figure.more_is_better()) {
        (Verdict::Less, true) | (Verdict::More, false) => Tone::Warning,
        (Verdict::TooNoisy | Verdict::TooFew, _) => Tone::Faint,
        _ => Tone::Plain,
    }
}

/// Who counted what, and what instruments say of the latency.
fn requests(results: &Results) -> Vec<Line> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "requests",
        "sent",
        "answered",
        "errors",
        "access log",
        "reported",
        "says",
        "client saw",
    ]);
    let count = |count: Option<u64>| count.map_or("-".into(), |count| count.to_string());
    let mut tones = vec![Tone::Faint];
    for variant in &results.variants {
        let requests = &variant.requests;
        let says = |mean: Option<f64>| mean.map_or("-".into(), |mean| shown(Figure::Mean, mean));
        table.add_row([
            clean(&variant.name).into_owned(),
            requests.sent.to_string(),
            requests.answered.to_string(),
            requests.errors.to_string(),
            count(requests.logged),
            count(requests.reported),
            says(variant.says.map(|says| says.mean)),
            says(variant.says.map(|says| says.client_mean)),
        ]);
        let wanted = requests.logged.unwrap_or(requests.sent);
        let is_off = requests.reported.is_some_and(|reported| reported != wanted);
        tones.push(if is_off { Tone::Warning } else { Tone::Plain });
    }
    let mut lines = text(&mut table);
    for (line, tone) in lines.iter_mut().zip(tones) {
        line.tone = tone;
    }
    lines
}

/// With all columns but the first to the right.
fn text(table: &mut Table) -> Vec<Line> {
    let right: Vec<usize> = (1..table.column_iter().count()).collect();
    let mut lines = text_of_rows(table, &right);
    if let Some(header) = lines.first_mut() {
        header.tone = Tone::Faint;
    }
    lines
}

fn text_of_rows(table: &mut Table, right: &[usize]) -> Vec<Line> {
    for (index, column) in table.column_iter_mut().enumerate() {
        if right.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
        .lines()
        .map(|line| Line::new(Tone::Plain, line.trim_end()))
        .collect()
}

/// A column's head.
fn short(figure: Figure) -> &'static str {
    match figure {
        Figure::Throughput => "req/s",
        Figure::Mean => "mean",
        Figure::P50 => "p50",
        Figure::P90 => "p90",
        Figure::P99 => "p99",
        Figure::P999 => "p99.9",
        Figure::Max => "max",
        Figure::ServerCpu => "CPU/req",
        Figure::ProbeCpu => "probe CPU/req",
        Figure::ServerMemory => "memory",
        Figure::ProbeMemory => "probe memory",
    }
}

/// A value with its unit.
#[must_use]
pub fn shown(figure: Figure, value: f64) -> String {
    match figure.unit() {
        Unit::PerSecond => human::rate((value * 100.0).round() as u64, 100.0),
        Unit::Seconds => human::duration(Some((value * 1e9).round() as u64)),
        Unit::Bytes => human::bytes(value as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::tests::two;
    use super::*;

    fn texts(results: &Results) -> Vec<String> {
        lines(results).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_tenth_is_told_in_words() {
        let texts = texts(&two(10));
        let all = texts.join("\n");
        assert!(
            texts[0].starts_with("10 rounds of 1 s, 1 connection"),
            "{all}"
        );
        assert!(all.contains("slow against bare"), "{all}");
        let line = texts
            .iter()
            .find(|line| line.contains("requests/s"))
            .unwrap();
        assert!(
            line.contains("0.898") && line.ends_with("10.2 % less [10.1, 10.3]"),
            "{line}"
        );
        assert!(
            all.contains("no difference that can be shown (within"),
            "{all}"
        );
    }

    #[test]
    fn few_rounds_are_told() {
        let all = texts(&two(3)).join("\n");
        assert!(all.contains("3 of 10 rounds"), "{all}");
        assert!(
            all.contains("too few rounds to tell: 3, and at least 8 are needed"),
            "{all}"
        );
    }

    #[test]
    fn a_missing_report_stands_out() {
        let results = two(10);
        let off = lines(&results);
        let off = off
            .iter()
            .rfind(|line| line.text.trim_start().starts_with("slow"))
            .unwrap();
        // One less than the access log has.
        assert_eq!(off.tone, Tone::Warning);
    }
}
