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
//! Neighbours may still depend on one another, if what disturbs is longer than a block.
//! Where it can be seen, each two blocks become one, until it cannot, or until there
//! are just enough.

/// Blocks without which nothing is said.
pub const MIN_BLOCKS: usize = 10;

/// Requests without which nothing is said.
pub const MIN_REQUESTS: u64 = 30;

/// A correlation of neighbours that chance alone exceeds in one of twenty cases, times
/// the root of the number of blocks.
const DEPENDENT: f64 = 1.645;

/// A mean over requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The best guess, in the unit of the sums.
    pub value: f64,
    /// Its variance.
    pub variance: f64,
    /// Blocks that tell the variance.
    pub blocks: usize,
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
        let mut off = excess(&blocks, value);
        while off.len() >= 2 * MIN_BLOCKS && depend(&off) {
            blocks = joined(&blocks);
            off = excess(&blocks, value);
        }
        let n = off.len() as f64;
        let squares: f64 = off.iter().map(|off| off * off).sum();
        Some(Self {
            value,
            variance: n / (n - 1.0) * squares / (count as f64 * count as f64),
            blocks: off.len(),
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

/// How much more each block has than its count would have let expect.
fn excess(blocks: &[(f64, f64)], mean: f64) -> Vec<f64> {
    let off = blocks.iter().map(|(sum, count)| sum - mean * count);
    off.collect()
}

/// Whether neighbours are more alike than by chance.
fn depend(off: &[f64]) -> bool {
    let squares: f64 = off.iter().map(|off| off * off).sum();
    let products: f64 = off.windows(2).map(|pair| pair[0] * pair[1]).sum();
    products > squares * DEPENDENT / (off.len() as f64).sqrt()
}

fn joined(blocks: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let pairs = blocks.chunks(2).map(|pair| {
        pair.iter()
            .fold((0.0, 0.0), |(sum, count), (more, of)| (sum + more, count + of))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
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
        let mean = Mean::of(blocks.iter().copied()).unwrap();
        assert_eq!(mean.blocks, 60, "another seed: these depend by chance");
        let draws = 20_000;
        let drawn: Vec<f64> = (0..draws)
            .map(|_| {
                let (sum, count) = (0..60).fold((0, 0), |(sum, count), _| {
                    let (more, of) = blocks[noise.below(60) as usize];
                    (sum + more, count + of)
                });
                sum as f64 / count as f64
            })
            .collect();
        let middle = drawn.iter().sum::<f64>() / f64::from(draws);
        let squares: f64 = drawn.iter().map(|drawn| (drawn - middle).powi(2)).sum();
        let ratio = (mean.variance / (squares / f64::from(draws))).sqrt();
        assert!((0.97..1.05).contains(&ratio), "{ratio}");
    }

    #[test]
    fn blocks_that_depend_are_joined() {
        let mut noise = Noise::new(6);
        let joined = |noise: &mut Noise, alike| {
            let all = (0..200).map(|_| Mean::of(noisy(noise, 60, alike).into_iter()).unwrap());
            all.filter(|mean| mean.blocks < 60).count()
        };
        let by_chance = joined(&mut noise, 0.0);
        assert!(by_chance < 30, "{by_chance} of 200");
        let dependent = joined(&mut noise, 0.6);
        assert!(dependent > 190, "{dependent} of 200");
    }
}
