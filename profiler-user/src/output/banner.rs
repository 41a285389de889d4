//! What is said once, at the start.

use super::human;
use super::text::{Line, Tone};
use crate::probe::Memory;

/// The facts of the start.
#[derive(Debug)]
pub struct Banner<'a> {
    /// Each root in words.
    pub targets: &'a [String],
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
    let targets = facts
        .targets
        .iter()
        .map(|target| format!("  watching  {target}"));
    lines.extend(targets.map(|text| Line::new(Tone::Plain, text)));
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
    fn says_what_why_and_where() {
        let lines = banner(&Banner {
            targets: &["apache2 pid 7".into()],
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
