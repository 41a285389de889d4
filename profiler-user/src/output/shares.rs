//! Shares of a whole: in cells that fill a bar, and in words.

use std::cmp::Reverse;

use unicode_width::UnicodeWidthStr;

use super::text::{clean, fit};
use crate::aggregate::{SHARES, Share, Shares};

/// Of what is less, nothing is said: one in so many (5 %).
const MATTERS: u64 = 20;

/// Columns that the name of a peer may take.
const PEER_WIDTH: usize = 30;

/// Deals out `cells` in proportion, all of them: what is left over goes where most
/// was cut off. None where there is nothing to share.
#[must_use]
pub fn apportion(shares: &Shares, cells: usize) -> [usize; SHARES] {
    let mut dealt = [0; SHARES];
    let all = shares.all().map(u128::from);
    let total: u128 = all.iter().sum();
    if total == 0 {
        return dealt;
    }
    for (dealt, ns) in dealt.iter_mut().zip(all) {
        *dealt = (ns * cells as u128 / total) as usize;
    }
    let mut by_rest: [usize; SHARES] = std::array::from_fn(|index| index);
    by_rest.sort_by_key(|index| Reverse(all[*index] * cells as u128 % total));
    let left = cells - dealt.iter().sum::<usize>();
    for index in by_rest.into_iter().take(left) {
        dealt[index] += 1;
    }
    dealt
}

/// What matters, each with its amount, in no more than `width` columns: where that
/// is too little the smallest are left out. `peer` is who was waited for upstream.
#[must_use]
pub fn words(
    shares: &Shares,
    peer: Option<&str>,
    width: usize,
    amount: impl Fn(Share) -> String,
) -> String {
    let total = shares.total();
    let mut parts: Vec<(u64, String)> = Share::ALL
        .into_iter()
        .map(|share| (share, shares.get(share)))
        .filter(|(_, ns)| *ns > 0 && ns.saturating_mul(MATTERS) >= total)
        .map(|(share, ns)| (ns, format!("{} {}", named(share, peer), amount(share))))
        .collect();
    loop {
        let texts: Vec<&str> = parts.iter().map(|(_, text)| text.as_str()).collect();
        let words = texts.join(", ");
        let smallest = (0..parts.len()).min_by_key(|index| parts[*index].0);
        match smallest {
            Some(smallest) if words.width() > width => parts.remove(smallest),
            _ => return words,
        };
    }
}

fn named(share: Share, peer: Option<&str>) -> String {
    match peer {
        Some(peer) if share == Share::Upstream => {
            format!("{} {}", share.name(), fit(&clean(peer), PEER_WIDTH))
        }
        _ => share.name().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Mode, Wait};
    use crate::request::sample;
    use proptest::prelude::*;

    fn waits(ns: [u64; 7]) -> Shares {
        let mut request = sample::request("/");
        request.mode = Some(Mode::Embedded);
        request.times.duration = None;
        request.times.queue_time = None;
        let spent = request.spent.as_mut().unwrap();
        spent.cpu = 0;
        spent.wait[..7].copy_from_slice(&ns);
        Shares::of(&request).unwrap()
    }

    fn text(shares: &Shares, width: usize) -> String {
        let peer = "unix:/run/\x1b[2Jpostgresql/.s.PGSQL.5432";
        words(shares, Some(peer), width, |share| {
            shares.get(share).to_string()
        })
    }

    #[test]
    fn only_what_matters_is_said() {
        let mut ns = [0; 7];
        ns[Wait::Lock as usize] = 950;
        ns[Wait::Disk as usize] = 50;
        assert_eq!(text(&waits(ns), 80), "lock 950, disk 50");
        ns[Wait::Disk as usize] = 49;
        assert_eq!(text(&waits(ns), 80), "lock 950");
        assert_eq!(text(&Shares::default(), 80), "");
    }

    #[test]
    fn the_smallest_go_first_where_there_is_no_room() {
        let mut ns = [0; 7];
        ns[Wait::Lock as usize] = 20;
        ns[Wait::Upstream as usize] = 30;
        ns[Wait::Sleep as usize] = 25;
        let shares = waits(ns);
        let peer = "unix:/run/\\x1b[2Jpostgresql/.…";
        let all = format!("lock 20, upstream {peer} 30, sleep 25");
        assert_eq!(text(&shares, all.width()), all);
        let some = format!("upstream {peer} 30, sleep 25");
        assert_eq!(text(&shares, all.width() - 1), some);
        assert_eq!(text(&shares, 3), "");
    }

    proptest! {
        #[test]
        fn every_cell_is_dealt_in_proportion(ns in any::<[u32; 7]>(), cells in 1_usize..200) {
            let shares = waits(ns.map(u64::from));
            let dealt = apportion(&shares, cells);
            let total = shares.total();
            prop_assert_eq!(dealt.iter().sum::<usize>(), if total == 0 { 0 } else { cells });
            for (dealt, ns) in dealt.into_iter().zip(shares.all()) {
                let exact = ns as f64 * cells as f64 / total.max(1) as f64;
                prop_assert!((dealt as f64 - exact).abs() < 1.0, "{dealt} for {exact}");
            }
        }
    }
}
