//! Many comparisons at once.
//!
//! Of a hundred routes that are as they were, five leave a 95 % interval by chance: a
//! command that showed them would cry wolf each time. So the least likely differences
//! are taken (Benjamini and Hochberg, 1995), as many as there can be while no more than
//! a given share of them is expected to be chance; where nothing changed at all, nothing
//! is shown in all but that share of comparisons. The intervals are widened to go with
//! that (Benjamini and Yekutieli, 2005): of those shown, no more than that share is
//! expected to miss the truth, and each leaves "no change" out.
//!
//! Simply a stricter interval for all (Bonferroni) does the same where one route
//! changed. Where all did, as after an upgrade, it would be up to twice as wide.

/// Share of what is shown that may be wrong: what is promised.
pub const WRONG: f64 = 0.05;

/// Share that is aimed at. The rest is for what blocks do not see of disturbances that
/// last: aimed at 2 of 100, 1.5 to 5 were measured (`journal/2026-11-22-two-recordings.md`).
const AIM: f64 = 0.02;

/// The share of cases in which each interval may miss the truth, and below which a
/// chance counts as a difference, given the chances of all.
#[must_use]
pub fn misses(chances: &[f64]) -> f64 {
    let mut sorted = chances.to_vec();
    sorted.sort_by(f64::total_cmp);
    let all = sorted.len().max(1) as f64;
    let allowed = |found: usize| AIM * found as f64 / all;
    let found = (1..=sorted.len())
        .rev()
        .find(|found| sorted[found - 1] <= allowed(*found));
    allowed(found.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_alone_needs_no_more_than_its_share() {
        assert!((misses(&[0.5]) - AIM).abs() < 1e-12);
        assert!((misses(&[]) - AIM).abs() < 1e-12);
    }

    #[test]
    fn the_more_there_are_the_less_chance_each_has() {
        let mut chances = vec![0.5; 100];
        assert!((misses(&chances) - AIM / 100.0).abs() < 1e-12);
        chances[7] = AIM / 200.0;
        assert!((misses(&chances) - AIM / 100.0).abs() < 1e-12);
        // Once most have changed, there is little left to be wrong about.
        chances[..90].fill(AIM / 200.0);
        assert!((misses(&chances) - AIM * 0.9).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn as_many_are_found_as_it_is_meant_for(
            chances in prop::collection::vec(0.0..0.1_f64, 1..50)
        ) {
            let level = misses(&chances);
            let found = chances.iter().filter(|chance| **chance <= level).count();
            let meant = (level * chances.len() as f64 / AIM).round() as usize;
            prop_assert!(found == meant || (found == 0 && meant == 1), "{} {}", found, meant);
        }
    }
}
