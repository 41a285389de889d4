//! Buckets that grow by a constant factor: Prometheus' native histograms and
//! OpenTelemetry's exponential ones.
//!
//! Of schema (scale) 3: eight to each power of two, so that each is 9 % wider than the
//! one below. An hour is 257 of them above a microsecond.

use std::collections::BTreeMap;

/// Buckets to a power of two, as a power of two.
pub const SCHEMA: i32 = 3;

/// Durations by bucket. Bucket `i` is above `2^((i-1)/8)` seconds and up to `2^(i/8)`,
/// which is how Prometheus numbers them; OpenTelemetry's numbers are one less.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exponential {
    /// Those of no time at all.
    pub zero: u64,
    buckets: BTreeMap<i32, u64>,
}

/// A run of buckets without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Number of the first.
    pub first: i32,
    /// Their counts.
    pub counts: Vec<u64>,
}

impl Exponential {
    /// Adds `count` durations of so many nanoseconds.
    pub fn add(&mut self, ns: u64, count: u64) {
        if ns == 0 {
            self.zero += count;
        } else if count > 0 {
            *self.buckets.entry(index(ns)).or_default() += count;
        }
    }

    /// Those that are not empty, as stretches without a gap.
    #[must_use]
    pub fn stretches(&self) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for (index, count) in &self.buckets {
            match stretches.last_mut() {
                Some(last) if last.first + last.counts.len() as i32 == *index => {
                    last.counts.push(*count);
                }
                _ => stretches.push(Stretch {
                    first: *index,
                    counts: vec![*count],
                }),
            }
        }
        stretches
    }

    /// From the first to the last that is not empty.
    #[must_use]
    pub fn dense(&self) -> Option<Stretch> {
        let (first, _) = self.buckets.first_key_value()?;
        let (last, _) = self.buckets.last_key_value()?;
        let of = |index| self.buckets.get(&index).copied().unwrap_or_default();
        Some(Stretch {
            first: *first,
            counts: (*first..=*last).map(of).collect(),
        })
    }
}

fn index(ns: u64) -> i32 {
    let seconds = ns as f64 / 1e9;
    (seconds.log2() * f64::from(1 << SCHEMA)).ceil() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below() {
        assert_eq!(index(1_000_000_000), 0);
        assert_eq!(index(1_000_000_001), 1);
        assert_eq!(index(2_000_000_000), 8);
        assert_eq!(index(500_000_000), -8);
        assert_eq!(index(499_999_999), -8);
        assert_eq!(index(500_000_001), -7);
    }

    #[test]
    fn stretches_hold_what_was_added() {
        let mut given = Exponential::default();
        for (ns, count) in [
            (0, 2),
            (1_000_000_000, 3),
            (1_050_000_000, 1),
            (4_000_000_000, 5),
        ] {
            given.add(ns, count);
        }
        let stretch = |first, counts: &[u64]| Stretch {
            first,
            counts: counts.to_vec(),
        };
        assert_eq!(given.zero, 2);
        assert_eq!(given.stretches(), [stretch(0, &[3, 1]), stretch(16, &[5])]);
        let dense = given.dense().unwrap();
        assert_eq!((dense.first, dense.counts.len()), (0, 17));
        assert_eq!(dense.counts.iter().sum::<u64>(), 9);
        assert_eq!(Exponential::default().dense(), None);
    }
}
