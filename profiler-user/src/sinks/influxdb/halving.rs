//! A batch that is refused is halved until the lines at fault stand alone.
//!
//! Sending a line again changes nothing: it is the same point of the same series and
//! time.

use super::answer::Answer;
use super::outbox::{Batch, Settled};

/// So many lone lines refused, and nothing taken in between: then it is not the lines,
/// or all of them, and what is left is only tried as it is. Otherwise a server that says
/// 400 to everything would be asked twice for each line.
const HOPELESS: u32 = 64;

/// What is left to send of a batch.
#[derive(Debug)]
pub(super) struct Halving<'a> {
    lines: &'a str,
    /// The next one last.
    pieces: Vec<Piece>,
    refused_in_a_row: u32,
    settled: Settled,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    start: usize,
    end: usize,
    points: u64,
}

/// What an answer meant for the piece that it was for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    /// All is in.
    Taken,
    /// It will be sent in two halves.
    Halved,
    /// These lines, or some of them, are refused for good.
    Refused(&'a str),
}

impl<'a> Halving<'a> {
    pub(super) fn new(batch: &'a Batch) -> Self {
        let whole = Piece {
            start: 0,
            end: batch.lines.len(),
            points: batch.points,
        };
        Self {
            lines: &batch.lines,
            pieces: vec![whole],
            refused_in_a_row: 0,
            settled: Settled::default(),
        }
    }

    /// The lines to send now, and how many points they are; `None` once all is settled.
    pub(super) fn next(&self) -> Option<(&'a str, u64)> {
        let piece = self.pieces.last()?;
        Some((&self.lines[piece.start..piece.end], piece.points))
    }

    /// What became of the batch so far.
    pub(super) const fn settled(&self) -> Settled {
        self.settled
    }

    /// Takes the answer to what was sent last; [`Answer::Later`] is not for here.
    pub(super) fn answered(&mut self, answer: &Answer) -> Verdict<'a> {
        let Some(piece) = self.pieces.pop() else {
            return Verdict::Taken;
        };
        let rejected = match answer {
            Answer::Written | Answer::Later { .. } => 0,
            Answer::Partial { rejected, .. } => match rejected {
                Some(rejected) => (*rejected).min(piece.points),
                None if self.halve(piece) => return Verdict::Halved,
                // Which of them, it does not say: better too many than untold.
                None => piece.points,
            },
            Answer::Refused { .. } | Answer::TooLarge { .. } => {
                if self.halve(piece) {
                    return Verdict::Halved;
                }
                piece.points
            }
        };
        self.settled.rejected += rejected;
        self.settled.written += piece.points - rejected;
        if rejected < piece.points {
            self.refused_in_a_row = 0;
        } else if piece.points == 1 && !matches!(answer, Answer::TooLarge { .. }) {
            self.refused_in_a_row += 1;
        }
        if rejected == 0 {
            return Verdict::Taken;
        }
        Verdict::Refused(&self.lines[piece.start..piece.end])
    }

    fn halve(&mut self, piece: Piece) -> bool {
        if piece.points < 2 || self.refused_in_a_row >= HOPELESS {
            return false;
        }
        let text = &self.lines[piece.start..piece.end];
        let first = piece.points / 2;
        let Some(middle) = ends(text).nth(first as usize - 1) else {
            return false;
        };
        let middle = piece.start + middle;
        let (start, end) = (piece.start, piece.end);
        self.pieces.push(Piece {
            start: middle,
            end,
            points: piece.points - first,
        });
        self.pieces.push(Piece {
            start,
            end: middle,
            points: first,
        });
        true
    }
}

/// Where each point ends, as [`line`](super::line) writes them: at a newline outside of
/// quotes, which only mean something among the fields.
fn ends(lines: &str) -> impl Iterator<Item = usize> {
    #[derive(Clone, Copy)]
    enum Within {
        Tags,
        Fields,
        Text,
    }
    let (mut within, mut escaped) = (Within::Tags, false);
    lines.bytes().enumerate().filter_map(move |(at, byte)| {
        if std::mem::take(&mut escaped) {
            return None;
        }
        match (within, byte) {
            (Within::Tags | Within::Text, b'\\') => escaped = true,
            (Within::Tags, b' ') | (Within::Text, b'"') => within = Within::Fields,
            (Within::Fields, b'"') => within = Within::Text,
            (Within::Fields, b'\n') => {
                within = Within::Tags;
                return Some(at + 1);
            }
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line::Line;
    use super::*;

    fn refused() -> Answer {
        Answer::Refused {
            status: 400,
            words: String::new(),
        }
    }

    fn batch(points: u64) -> Batch {
        let lines: Vec<_> = (0..points).map(|n| format!("m f={n} 1\n")).collect();
        Batch {
            lines: lines.concat(),
            points,
        }
    }

    /// A server that refuses whatever holds one of these lines. Returns what became of
    /// the batch, the refused texts, and how often it was asked.
    fn talk(batch: &Batch, bad: &[u64]) -> (Settled, Vec<String>, u32) {
        let mut halving = Halving::new(batch);
        let (mut texts, mut asked) = (Vec::new(), 0);
        while let Some((lines, _)) = halving.next() {
            asked += 1;
            let holds = |n: &u64| lines.lines().any(|line| line == format!("m f={n} 1"));
            let answer = if bad.iter().any(holds) {
                refused()
            } else {
                Answer::Written
            };
            if let Verdict::Refused(text) = halving.answered(&answer) {
                texts.push(text.to_owned());
            }
        }
        (halving.settled(), texts, asked)
    }

    #[test]
    fn a_line_is_found_among_many_with_few_questions() {
        let (settled, refused, asked) = talk(&batch(5_000), &[4_321]);
        assert_eq!((settled.written, settled.rejected), (4_999, 1));
        assert_eq!(refused, ["m f=4321 1\n"]);
        // Each halving asks twice: 2 log2(5 000).
        assert!(asked < 30, "{asked}");
    }

    #[test]
    fn a_server_that_refuses_all_is_not_asked_for_each() {
        let all: Vec<u64> = (0..5_000).collect();
        let (settled, _, asked) = talk(&batch(5_000), &all);
        assert_eq!((settled.written, settled.rejected), (0, 5_000));
        assert!(asked < 200, "{asked}");
    }

    #[test]
    fn what_is_too_large_is_no_rejection() {
        let batch = batch(8);
        let mut halving = Halving::new(&batch);
        let mut sizes = Vec::new();
        while let Some((_, points)) = halving.next() {
            sizes.push(points);
            let answer = if points > 3 {
                Answer::TooLarge {
                    words: String::new(),
                }
            } else {
                Answer::Written
            };
            assert!(!matches!(halving.answered(&answer), Verdict::Refused(_)));
        }
        assert_eq!(sizes, [8, 4, 2, 2, 4, 2, 2]);
        assert_eq!(halving.settled().written, 8);
    }

    #[test]
    fn a_partial_write_that_gives_no_number_is_looked_into() {
        let batch = batch(4);
        let mut halving = Halving::new(&batch);
        while let Some((lines, _)) = halving.next() {
            let answer = if lines.contains("f=2 ") {
                Answer::Partial {
                    rejected: None,
                    words: String::new(),
                }
            } else {
                Answer::Written
            };
            halving.answered(&answer);
        }
        let settled = halving.settled();
        assert_eq!((settled.written, settled.rejected), (3, 1));
    }

    proptest! {
        #[test]
        fn the_lines_at_fault_and_no_others(
            points in 1_u64..400,
            bad in prop::collection::btree_set(0_u64..400, 0..20),
        ) {
            let bad: Vec<u64> = bad.into_iter().filter(|n| *n < points).collect();
            let (settled, refused, _) = talk(&batch(points), &bad);
            let expected: Vec<_> = bad.iter().map(|n| format!("m f={n} 1\n")).collect();
            prop_assert_eq!(refused, expected);
            prop_assert_eq!(settled.rejected, bad.len() as u64);
            prop_assert_eq!(settled.written + settled.rejected, points);
        }

        #[test]
        fn points_end_where_they_were_ended(
            points in prop::collection::vec(
                ("[\\\\\\n \",=a]{0,8}", "[\\\\\\n \",=a]{0,8}"),
                0..8,
            ),
        ) {
            let (mut out, mut expected) = (String::new(), Vec::new());
            for (tag, text) in &points {
                Line::new(&mut out, "m").tag("t", tag).string("s", text).end(7);
                expected.push(out.len());
            }
            prop_assert_eq!(ends(&out).collect::<Vec<_>>(), expected);
        }
    }
}
