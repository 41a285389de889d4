//! How long requests took, in buckets that grow with the duration.

use serde::ser::{Serialize, SerializeSeq, Serializer};

/// Buckets for each doubling: a bound is 19 % above the one before.
pub const PER_OCTAVE: u32 = 4;

/// All below this is one bucket: 2^14 ns, 16.4 µs.
const FLOOR_LOG2: u32 = 14;

/// All from 2^35 ns (34 s) on is one bucket.
const CEILING_LOG2: u32 = 35;

/// Buckets, with the one below the floor and the one from the ceiling on.
pub const BUCKETS: usize = ((CEILING_LOG2 - FLOOR_LOG2) * PER_OCTAVE) as usize + 2;

/// Requests by duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heat([u32; BUCKETS]);

impl Default for Heat {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Heat {
    /// Adds `count` requests that took `ns`.
    pub fn add(&mut self, ns: u64, count: u64) {
        let bucket = &mut self.0[bucket(ns)];
        *bucket = bucket.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// Requests in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|count| u64::from(*count)).sum()
    }

    /// The duration that the share `q` of requests did not exceed, nanoseconds: off by
    /// no more than a bucket. 0 without requests.
    #[must_use]
    pub fn quantile(&self, q: f64) -> u64 {
        let wanted = q * self.count() as f64;
        let mut before = 0.0;
        for (index, count) in self.0.iter().enumerate() {
            let count = f64::from(*count);
            if count > 0.0 && before + count >= wanted {
                let within = ((wanted - before) / count).clamp(0.0, 1.0);
                let log2 =
                    f64::from(FLOOR_LOG2) + (index as f64 - 1.0 + within) / f64::from(PER_OCTAVE);
                return log2.exp2() as u64;
            }
            before += count;
        }
        0
    }
}

fn bucket(ns: u64) -> usize {
    let steps = ((ns.max(1) as f64).log2() - f64::from(FLOOR_LOG2)) * f64::from(PER_OCTAVE);
    ((steps.floor() + 1.0).max(0.0) as usize).min(BUCKETS - 1)
}

/// `[bucket, count, bucket, count, ...]` of those that are not empty.
impl Serialize for Heat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for (index, count) in self.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            list.serialize_element(&index)?;
            list.serialize_element(count)?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_has_its_bucket() {
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket((1 << FLOOR_LOG2) - 1), 0);
        assert_eq!(bucket(1 << FLOOR_LOG2), 1);
        assert_eq!(bucket(1 << (FLOOR_LOG2 + 1)), 1 + PER_OCTAVE as usize);
        assert_eq!(bucket((1 << CEILING_LOG2) - 1), BUCKETS - 2);
        assert_eq!(bucket(1 << CEILING_LOG2), BUCKETS - 1);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_within_a_bucket() {
        let mut heat = Heat::default();
        assert_eq!(heat.quantile(0.5), 0);
        for ms in 1..=1_000 {
            heat.add(ms * 1_000_000, 1);
        }
        for (q, ms) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0)] {
            let ratio = heat.quantile(q) as f64 / 1e6 / ms;
            assert!((0.84..1.19).contains(&ratio), "{q}: {ratio}");
        }
    }

    #[test]
    fn what_is_empty_is_not_written() {
        let mut heat = Heat::default();
        heat.add(1 << FLOOR_LOG2, 7);
        heat.add(0, 2);
        let mut twice = heat.clone();
        twice.merge(&heat);
        assert_eq!(serde_json::to_string(&twice).unwrap(), "[0,4,1,14]");
        assert_eq!(twice.count(), 18);
    }
}
