//! Where the time went, as a bar: a letter for each kind, so that it reads without
//! colours too.

use anstyle::AnsiColor;

use super::shares::{apportion, words};
use super::text::{Line, Tone};
use crate::aggregate::{Anatomy, Share};

/// Cells of a bar: 5 % each, as much as matters enough to be said in words.
const CELLS: usize = 20;

/// Columns left of it, and between it and the words.
const INDENT: usize = 4;
const GAP: usize = 2;

/// The bar of a set of requests and what matters of it in words; `None` where it
/// is known of none of them.
#[must_use]
pub fn bar(anatomy: &Anatomy) -> Option<Line> {
    let shares = &anatomy.shares;
    if shares.total() == 0 {
        return None;
    }
    let mut line = Line::new(Tone::Faint, " ".repeat(INDENT));
    for (share, cells) in Share::ALL.into_iter().zip(apportion(shares, CELLS)) {
        let (letter, colour) = look(share);
        line.push(Tone::Colour(colour), &letter.repeat(cells));
    }
    let percent = apportion(shares, 100);
    let words = words(
        shares,
        anatomy.peers.heaviest(),
        super::COLUMNS - INDENT - CELLS - GAP,
        |share| format!("{}%", percent[share as usize]),
    );
    line.push(Tone::Faint, &" ".repeat(GAP));
    line.push(Tone::Faint, &words);
    Some(line)
}

/// What the letters mean.
#[must_use]
pub fn legend() -> Line {
    let mut line = Line::new(Tone::Faint, "");
    for share in Share::ALL {
        let (letter, colour) = look(share);
        line.push(Tone::Faint, "  ");
        line.push(Tone::Colour(colour), letter);
        line.push(Tone::Faint, &format!(" {}", share.name()));
    }
    line
}

/// Letter and colour of each.
pub(crate) const fn look(share: Share) -> (&'static str, AnsiColor) {
    match share {
        Share::Queue => ("q", AnsiColor::Red),
        Share::Apache => ("a", AnsiColor::Blue),
        // Work, and no waiting: it stands out.
        Share::AppCpu => ("#", AnsiColor::Green),
        Share::Lock => ("l", AnsiColor::Magenta),
        Share::Upstream => ("u", AnsiColor::Cyan),
        Share::Client => ("c", AnsiColor::Yellow),
        Share::Disk => ("d", AnsiColor::BrightBlue),
        Share::Sleep => ("s", AnsiColor::BrightMagenta),
        Share::Runqueue => ("r", AnsiColor::BrightRed),
        Share::Other => (".", AnsiColor::BrightBlack),
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::request::sample;

    #[test]
    fn says_where_the_time_went() {
        let mut anatomy = Anatomy::default();
        assert_eq!(bar(&anatomy), None);
        anatomy.record(&sample::request("/"));
        anatomy.peers.record(Some(&"127.0.0.1:5432".into()), 1);
        let line = bar(&anatomy).unwrap();
        assert_eq!(
            line.text,
            "    qqqaa########lluuur.  \
             queue 14%, apache 12%, app cpu 40%, lock 10%, upstream 127.0.0.1:5432 17%"
        );
        let letters = line.stretches().filter(|(tone, _)| *tone != Tone::Faint);
        assert_eq!(letters.map(|(_, text)| text.len()).sum::<usize>(), CELLS);
    }

    #[test]
    fn the_legend_tells_all_letters_apart() {
        let legend = legend().text;
        assert!(legend.width() <= super::super::COLUMNS, "{legend}");
        let mut letters = Share::ALL.map(|share| look(share).0);
        assert!(legend.contains("  # app cpu  l lock"), "{legend}");
        letters.sort_unstable();
        assert!(letters.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
