//! The workshop's histogram of times.
//!
//! Its Python walks mod_wsgi's 16 counts with
//!
//! ```python
//! threshold = 0.0
//! for i in range(len(buckets) - 1):
//!     add_bucket(threshold, buckets[i])
//!     threshold = (threshold * 2) or 0.005
//! add_bucket(float("inf"), buckets[-1])
//! ```
//!
//! so 15 of them are named by their lower bound, 0.0, 0.005, 0.01 ... 40.96, each
//! twice the one before, and the last is `inf`. A time of exactly a bound belongs to
//! the bucket below (`duration <= threshold` in mod_wsgi 4.9). That loop of mod_wsgi
//! stops one early, so there 40.96 holds whatever is longer and `inf` is always 0;
//! here `inf` holds what is longer than 81.92 s.

/// How many there are.
pub(super) const COUNT: usize = 16;

/// Upper bound of the first, nanoseconds.
const FIRST: u64 = 5_000_000;

/// How many times fell where.
pub(super) type Buckets = [u64; COUNT];

/// The bucket of a time in nanoseconds.
pub(super) fn index(ns: u64) -> usize {
    let bounds = (0..COUNT - 1).map(|n| FIRST << n);
    bounds.take_while(|bound| ns > *bound).count()
}

/// The tag of a bucket, as Python prints the number.
pub(super) fn name(index: usize) -> String {
    match index {
        0 => "0.0".into(),
        1..15 => (0.005 * f64::from(1 << (index - 1))).to_string(),
        _ => "inf".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_pythons() {
        let names: Vec<String> = (0..COUNT).map(name).collect();
        assert_eq!(
            names.join(" "),
            "0.0 0.005 0.01 0.02 0.04 0.08 0.16 0.32 0.64 1.28 2.56 5.12 10.24 20.48 40.96 inf"
        );
    }

    #[test]
    fn a_bound_belongs_to_the_bucket_below() {
        let cases = [
            (0, "0.0"),
            (5_000_000, "0.0"),
            (5_000_001, "0.005"),
            (10_000_000, "0.005"),
            (10_000_001, "0.01"),
            (40_960_000_001, "40.96"),
            (81_920_000_000, "40.96"),
            (81_920_000_001, "inf"),
            (u64::MAX, "inf"),
        ];
        for (ns, expected) in cases {
            assert_eq!(name(index(ns)), expected, "{ns}");
        }
    }
}
