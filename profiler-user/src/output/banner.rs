//! What is said once, at the start.

use super::human;
use super::text::{Line, Tone};
use crate::probe::Memory;

/// The facts of the start.
#[derive(Debug)]
pub struct Banner<'a> {
    /// Roots in words.
    pub targets: &'a [String],
    /// How many there are beside those.
    pub more: usize,
    /// The back end.
    pub hooks: &'a str,
    /// Why this one: a line for each that was considered.
    pub reasons: &'a [String],
    /// Kernel memory of the maps, where it is known.
    pub memory: Option<Memory>,
    /// Capabilities that are left.
    pub rights: &'a str,
    /// What is written where.
    pub outputs: &'a [String],
}

/// Words them.
#[must_use]
pub fn banner(facts: &Banner<'_>) -> Vec<Line> {
    let title = format!("wsgiprobe {}", env!("CARGO_PKG_VERSION"));
    let mut lines = vec![Line::new(Tone::Strong, title)];
    let watching = |what: &str| Line::new(Tone::Plain, format!("  watching  {what}"));
    lines.extend(facts.targets.iter().map(|target| watching(target)));
    match (facts.targets, facts.more) {
        ([], 0) => lines.push(watching("nothing yet, and whatever comes")),
        (_, 0) => {}
        (_, more) => lines.push(watching(&format!("{more} more"))),
    }
    lines.push(Line::new(
        Tone::Plain,
        format!("  hooks     {}", facts.hooks),
    ));
    let reasons = facts
        .reasons
        .iter()
        .map(|reason| format!("            {reason}"));
    lines.extend(reasons.map(|text| Line::new(Tone::Faint, text)));
    if let Some(Memory { now, most }) = facts.memory {
        let (now, most) = (human::bytes(now), human::bytes(most));
        let text = format!("  memory    {now} in the kernel, at most {most}");
        lines.push(Line::new(Tone::Plain, text));
    }
    let text = format!("  rights    {}", facts.rights);
    lines.push(Line::new(Tone::Plain, text));
    let outputs = facts
        .outputs
        .iter()
        .map(|output| format!("  writing   {output}"));
    lines.extend(outputs.map(|text| Line::new(Tone::Plain, text)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_some_of_many_and_says_if_there_is_none() {
        let watching = |count: usize, more: usize| -> Vec<String> {
            let lines = banner(&Banner {
                targets: &vec!["apache2".to_owned(); count],
                more,
                hooks: "sock",
                reasons: &[],
                memory: None,
                rights: "none",
                outputs: &[],
            });
            let texts = lines.into_iter().map(|line| line.text);
            texts.filter(|text| text.contains("watching")).collect()
        };
        assert_eq!(
            watching(0, 0),
            ["  watching  nothing yet, and whatever comes"]
        );
        assert_eq!(watching(2, 0).len(), 2);
        assert_eq!(watching(2, 5).last().unwrap(), "  watching  5 more");
    }

    #[test]
    fn says_what_why_and_where() {
        let lines = banner(&Banner {
            targets: &["apache2 pid 7".into()],
            more: 0,
            hooks: "sock",
            reasons: &["sock: loads".into()],
            memory: Some(Memory {
                now: 8 << 20,
                most: 45 << 20,
            }),
            rights: "CAP_BPF",
            outputs: &["each request to out.jsonl".into()],
        });
        let texts: Vec<_> = lines[1..].iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "  watching  apache2 pid 7",
                "  hooks     sock",
                "            sock: loads",
                "  memory    8.0 MiB in the kernel, at most 45.0 MiB",
                "  rights    CAP_BPF",
                "  writing   each request to out.jsonl",
            ]
        );
    }
}
