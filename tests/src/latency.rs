//! How far wsgiprobe's durations are from the access log's.

use std::fmt;

use crate::access_log::Entry;
use crate::report::Request;

/// Differences `duration - %D` in microseconds, in order of size.
#[derive(Clone, Debug, Default)]
pub struct Differences(Vec<f64>);

impl Differences {
    /// Of each pair.
    #[must_use]
    pub fn of(pairs: &[(&Entry, &Request)]) -> Self {
        let difference = |(entry, request): &(&Entry, &Request)| {
            Some(request.duration? as f64 / 1000.0 - entry.duration_us as f64)
        };
        let mut all: Vec<f64> = pairs.iter().filter_map(difference).collect();
        all.sort_by(f64::total_cmp);
        Self(all)
    }

    /// The middle one; `None` if there is none.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        self.0.get((last as f64 * q).round() as usize).copied()
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "duration - %D of {} requests, us:", self.0.len())?;
        for (name, q) in [
            ("min", 0.0),
            ("median", 0.5),
            ("p90", 0.9),
            ("p99", 0.99),
            ("max", 1.0),
        ] {
            match self.quantile(q) {
                Some(value) => write!(f, " {name} {value:+.0}")?,
                None => write!(f, " {name} -")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        let differences = Differences(vec![-3.0, 1.0, 2.0, 5.0, 100.0]);
        assert_eq!(differences.median(), Some(2.0));
        assert_eq!(
            differences.to_string(),
            "duration - %D of 5 requests, us: min -3 median +2 p90 +100 p99 +100 max +100"
        );
        assert_eq!(Differences::default().median(), None);
    }
}
