//! How far wsgiprobe's durations are from the access log's.

use std::fmt;

use crate::access_log::Entry;
use crate::figures::Figures;
use crate::report::Request;

/// Differences `duration - %D` in microseconds, in order of size.
#[derive(Clone, Debug, Default)]
pub struct Differences(Figures);

impl Differences {
    /// Of each pair.
    #[must_use]
    pub fn of(pairs: &[(&Entry, &Request)]) -> Self {
        let difference = |(entry, request): &(&Entry, &Request)| {
            Some(request.duration? as f64 / 1000.0 - entry.duration_us as f64)
        };
        Self(pairs.iter().filter_map(difference).collect())
    }

    /// The middle one; `None` if there is none.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.0.median()
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "duration - %D of {} requests, us:", self.0.count())?;
        for (name, q) in [
            ("min", 0.0),
            ("median", 0.5),
            ("p90", 0.9),
            ("p99", 0.99),
            ("max", 1.0),
        ] {
            match self.0.quantile(q) {
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
    fn shows_its_figures() {
        let differences = Differences([-3.0, 1.0, 2.0, 5.0, 100.0].into_iter().collect());
        assert_eq!(differences.median(), Some(2.0));
        assert_eq!(
            differences.to_string(),
            "duration - %D of 5 requests, us: min -3 median +2 p90 +100 p99 +100 max +100"
        );
        assert_eq!(Differences::default().median(), None);
    }
}
