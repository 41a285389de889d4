//! The figures of a set of measurements.

/// Measurements in order of size.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<f64>);

impl FromIterator<f64> for Figures {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        let mut all: Vec<f64> = values.into_iter().collect();
        all.sort_by(f64::total_cmp);
        Self(all)
    }
}

impl Figures {
    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The middle one; `None` if there is none.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    /// The one that the share `q` of them does not exceed.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        self.0.get((last as f64 * q).round() as usize).copied()
    }

    /// All together.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.0.iter().sum()
    }

    /// The same without signs.
    #[must_use]
    pub fn sizes(&self) -> Self {
        self.0.iter().map(|value| value.abs()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        let figures: Figures = [5.0, -30.0, 1.0, 100.0, 2.0].into_iter().collect();
        assert_eq!((figures.count(), figures.sum()), (5, 78.0));
        assert_eq!(figures.median(), Some(2.0));
        assert_eq!(figures.quantile(1.0), Some(100.0));
        assert_eq!(figures.sizes().median(), Some(5.0));
        assert_eq!(Figures::default().median(), None);
    }
}
