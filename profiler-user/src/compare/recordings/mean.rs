//! A mean over requests that depend on one another, and how sure it is.
//!
//! Requests of a moment share its load, its caches and its garbage collection: a
//! thousand of them tell less than a thousand. So they count by blocks of time. The mean
//! is the sum of all blocks over the count of all; how much that varies is told by how
//! far each block's sum is from what its count would have let expect.
//!
//! That is what a bootstrap over blocks comes to once it has drawn often enough (a test
//! draws), but without the draws: the far tails that [many](super::many) comparisons
//! ask for would need a hundred thousand of each of 18 figures a route.
//!
//! Neighbours may still depend on one another, if what disturbs lasts longer than a block.
//! How alike they are is measured, and the variance is that of as many fewer blocks as a
//! process with such a memory (AR(1)) is worth: `n (1 - r) / (1 + r)`.

/// Blocks without which nothing is said.
pub const MIN_BLOCKS: usize = 10;

/// Requests without which nothing is said.
pub const MIN_REQUESTS: u64 = 30;

/// Of n blocks, the correlation of neighbours is measured too low by about this over n.
const TOO_LOW: f64 = 2.0;

/// Neighbours that are more alike are the same to us: a trend, of which little can be said.
const MOST_ALIKE: f64 = 0.9;

/// A mean over requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The best guess, in the unit of the sums.
    pub value: f64,
    /// Its variance.
    pub variance: f64,
    /// As many independent blocks would tell as much.
    pub blocks: f64,
}

impl Mean {
    /// Of blocks in the order of time, each a sum and of how many requests; `None` where
    /// there are too few of either.
    pub fn of(series: impl Iterator<Item = (u64, u64)>) -> Option<Self> {
        let mut blocks: Vec<(f64, f64)> = Vec::new();
        // Whole numbers: what never varies has a difference of exactly zero.
        let (mut sum, mut count) = (0_u64, 0_u64);
        for (of, requests) in series.filter(|(_, requests)| *requests > 0) {
            (sum, count) = (sum.saturating_add(of), count + requests);
            blocks.push((of as f64, requests as f64));
        }
        if blocks.len() < MIN_BLOCKS || count < MIN_REQUESTS {
            return None;
        }
        let value = sum as f64 / count as f64;
        let off: Vec<f64> = blocks.iter().map(|(sum, of)| sum - value * of).collect();
        let alike = alike(&off);
        let less = (1.0 + alike) / (1.0 - alike);
        Some(Self {
            value,
            variance: less * variance(&off, count),
            blocks: off.len() as f64 / less,
        })
    }

    /// The same in another unit.
    #[must_use]
    pub fn in_units(self, unit: f64) -> Self {
        Self {
            value: self.value * unit,
            variance: self.variance * unit * unit,
            ..self
        }
    }
}

/// Of the mean of so many requests in blocks that are independent, given how much more
/// each has than its count would have let expect.
fn variance(off: &[f64], requests: u64) -> f64 {
    let n = off.len() as f64;
    let squares: f64 = off.iter().map(|off| off * off).sum();
    n / (n - 1.0) * squares / (requests as f64).powi(2)
}

/// How alike neighbours are: 0 not at all, 1 entirely.
fn alike(off: &[f64]) -> f64 {
    let squares: f64 = off.iter().map(|off| off * off).sum();
    if squares == 0.0 {
        return 0.0;
    }
    let products: f64 = off.windows(2).map(|pair| pair[0] * pair[1]).sum();
    (products / squares + TOO_LOW / off.len() as f64).clamp(0.0, MOST_ALIKE)
}

#[cfg(test)]
mod tests {
    use super::super::difference::Difference;
    use super::super::synthetic::Noise;
    use super::*;

    /// Blocks of noise around 1000 whose neighbours are alike to that degree (0 to 1).
    fn noisy(noise: &mut Noise, blocks: usize, alike: f64) -> Vec<(u64, u64)> {
        let fresh = (1.0 - alike * alike).sqrt();
        let mut level = noise.normal();
        let blocks = (0..blocks).map(|_| {
            level = alike * level + fresh * noise.normal();
            let count = 50 + noise.below(100);
            let mean = 1_000.0 + 100.0 * level + 200.0 * noise.normal() / (count as f64).sqrt();
            ((mean * count as f64) as u64, count)
        });
        blocks.collect()
    }

    fn total(blocks: &[(u64, u64)]) -> (u64, u64) {
        let all = blocks.iter().copied();
        all.fold((0, 0), |(sum, count), (more, of)| (sum + more, count + of))
    }

    #[test]
    fn too_few_say_nothing() {
        let few = [(100_u64, 10_u64); MIN_BLOCKS - 1];
        assert_eq!(Mean::of(few.into_iter()), None);
        let rare = [(100_u64, 2_u64); MIN_BLOCKS];
        assert_eq!(Mean::of(rare.into_iter()), None);
        let enough = [(100_u64, 10_u64); MIN_BLOCKS];
        let mean = Mean::of(enough.into_iter()).unwrap();
        assert_eq!((mean.value, mean.variance), (10.0, 0.0));
    }

    /// The closed form against what it stands for.
    #[test]
    fn it_varies_as_a_bootstrap_over_blocks_does() {
        let mut noise = Noise::new(5);
        let blocks = noisy(&mut noise, 60, 0.0);
        let (sum, count) = total(&blocks);
        let mean = sum as f64 / count as f64;
        let off = blocks
            .iter()
            .map(|(sum, of)| *sum as f64 - mean * *of as f64);
        let expected = variance(&off.collect::<Vec<_>>(), count);
        let times = 20_000;
        let drawn: Vec<f64> = (0..times)
            .map(|_| {
                let picked: Vec<_> = (0..60).map(|_| blocks[noise.below(60) as usize]).collect();
                let (sum, count) = total(&picked);
                sum as f64 / count as f64
            })
            .collect();
        let middle = drawn.iter().sum::<f64>() / f64::from(times);
        let squares: f64 = drawn.iter().map(|drawn| (drawn - middle).powi(2)).sum();
        let ratio = (expected / (squares / f64::from(times))).sqrt();
        assert!((0.97..1.05).contains(&ratio), "{ratio}");
    }

    /// A 95 % interval misses in one of twenty cases, or little more where neighbours are
    /// alike; if they were taken for independent, in one of four.
    #[test]
    fn neighbours_that_are_alike_count_less() {
        let mut noise = Noise::new(6);
        let leaves_out = |mean: f64, variance, blocks| {
            let known = |value, variance| Mean {
                value,
                variance,
                blocks,
            };
            let difference = Difference {
                before: known(1_000.0, 0.0),
                after: known(mean, variance),
            };
            usize::from(difference.chance() < 0.05)
        };
        let mut missed = |degree| {
            let (mut ours, mut naive) = (0, 0);
            for _ in 0..400 {
                let blocks = noisy(&mut noise, 60, degree);
                let mean = Mean::of(blocks.iter().copied()).unwrap();
                ours += leaves_out(mean.value, mean.variance, mean.blocks);
                let off = blocks
                    .iter()
                    .map(|(sum, of)| *sum as f64 - mean.value * *of as f64);
                let independent = variance(&off.collect::<Vec<_>>(), total(&blocks).1);
                naive += leaves_out(mean.value, independent, 60.0);
            }
            (ours, naive)
        };
        let (ours, naive) = missed(0.0);
        assert!(ours <= 32 && naive <= 32, "{ours} and {naive} of 400");
        let (ours, naive) = missed(0.6);
        assert!(ours <= 40 && naive >= 100, "{ours} and {naive} of 400");
    }
}
