//! Stretches of time, put together.

/// Begin and end: nanoseconds since the epoch.
pub(super) type Stretch = (u64, u64);

/// The union of what lies within `from..to`, in order and without overlap.
pub(super) fn union(spans: impl Iterator<Item = Stretch>, from: u64, to: u64) -> Vec<Stretch> {
    let clipped = spans.map(|(begin, end)| (begin.max(from), end.min(to)));
    let mut spans: Vec<Stretch> = clipped.filter(|(begin, end)| begin < end).collect();
    spans.sort_unstable();
    let mut merged: Vec<Stretch> = Vec::with_capacity(spans.len());
    for (begin, end) in spans {
        match merged.last_mut() {
            Some(last) if begin <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((begin, end)),
        }
    }
    merged
}

/// Total length of stretches that do not overlap.
pub(super) fn length(spans: &[Stretch]) -> u64 {
    spans.iter().map(|(begin, end)| end - begin).sum()
}

/// How long at least `all` of them covered the same moment, nanoseconds; each of
/// `lines` is a thread's, without overlap.
pub(super) fn overlap(lines: &[Vec<Stretch>], all: usize) -> u64 {
    if all == 0 || lines.iter().filter(|line| !line.is_empty()).count() < all {
        return 0;
    }
    let mut edges: Vec<(u64, bool)> =
        Vec::with_capacity(lines.iter().map(Vec::len).sum::<usize>() * 2);
    for &(begin, end) in lines.iter().flatten() {
        edges.extend([(begin, true), (end, false)]);
    }
    // Ends come first: stretches that only touch have no moment in common.
    edges.sort_unstable();
    let (mut count, mut since, mut total) = (0_usize, 0, 0);
    for (time, begins) in edges {
        if begins {
            count += 1;
            if count == all {
                since = time;
            }
        } else {
            if count == all {
                total += time - since;
            }
            count -= 1;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_lies_outside_is_cut_off() {
        let spans = [(0, 15), (12, 18), (18, 20), (25, 40), (50, 60)];
        assert_eq!(union(spans.into_iter(), 10, 30), [(10, 20), (25, 30)]);
        assert_eq!(union([(5, 3), (3, 3)].into_iter(), 0, 9), []);
        assert_eq!(
            union([(5, 8)].into_iter(), 9, 3),
            [],
            "the clock was set back"
        );
    }

    #[test]
    fn full_while_every_thread_is_taken() {
        let lines = [vec![(0, 10), (20, 30)], vec![(5, 25)]];
        assert_eq!(overlap(&lines, 2), 10);
        assert_eq!(overlap(&lines, 1), 30);
        assert_eq!(overlap(&lines, 3), 0);
        assert_eq!(overlap(&lines, 0), 0);
        assert_eq!(
            overlap(&[vec![(0, 5)], vec![(5, 9)]], 2),
            0,
            "one after the other"
        );
    }

    proptest! {
        #[test]
        fn agrees_with_counting_moment_by_moment(
            lines in prop::collection::vec(prop::collection::vec((0_u64..40, 0_u64..40), 0..6), 1..4),
            all in 1_usize..4,
        ) {
            let lines: Vec<Vec<Stretch>> = lines
                .into_iter()
                .map(|line| union(line.into_iter(), 3, 35))
                .collect();
            let covered = |line: &Vec<Stretch>, t| line.iter().any(|(b, e)| (*b..*e).contains(&t));
            let counts = |t: &u64| lines.iter().filter(|line| covered(line, *t)).count() >= all;
            prop_assert_eq!(overlap(&lines, all), (0..40).filter(counts).count() as u64);
        }
    }
}
