//! What many numbers come to.

use serde::Serialize;

/// Times of frames, ms. Percentiles are interpolated between the two nearest ranks: the p-th lies at `(n - 1) p` of the sorted values,
/// counted from 0. That is the default of `numpy.percentile` (method `linear`; definition 7 of Hyndman and Fan, *Sample
/// Quantiles in Statistical Packages*, The American Statistician 50, 1996), and what NeuroPose's `benchmark` gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "every number that leaves has its unit in its name"
)]
pub(crate) struct Summary {
    pub(crate) mean_ms: f64,
    /// Standard deviation of these values, as of a whole population.
    pub(crate) deviation_ms: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) most_ms: f64,
}

impl Summary {
    /// `None` of nothing.
    pub(crate) fn of(values_ms: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values_ms.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let most_ms = *sorted.last()?;
        let mean_ms = mean(&sorted);
        let squares = sorted.iter().map(|value| (value - mean_ms).powi(2)).sum::<f64>();
        Some(Self {
            mean_ms,
            deviation_ms: (squares / sorted.len() as f64).sqrt(),
            p50_ms: percentile(&sorted, 0.50),
            p95_ms: percentile(&sorted, 0.95),
            p99_ms: percentile(&sorted, 0.99),
            most_ms,
        })
    }
}

/// The mean; not a number of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The value below which the share `p` in `0..=1` of the sorted values lies; not a number of nothing.
fn percentile(sorted: &[f64], p: f64) -> f64 {
    let place = p * sorted.len().saturating_sub(1) as f64;
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or(f64::NAN);
    let (low, high) = (at(place.floor()), at(place.ceil()));
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    /// `numpy.percentile([15, 20, 35, 40, 50], [50, 95, 99])` and its mean and standard deviation, numpy 2.3.
    #[test]
    fn percentiles_are_numpys() {
        let summary = Summary::of([40.0, 15.0, 50.0, 20.0, 35.0]).unwrap();
        near(summary.mean_ms, 32.0);
        near(summary.deviation_ms, 12.884_098_726_725_126);
        near(summary.p50_ms, 35.0);
        near(summary.p95_ms, 48.0);
        near(summary.p99_ms, 49.6);
        near(summary.most_ms, 50.0);
    }

    #[test]
    fn of_one_value_all_is_that_value_and_of_none_there_is_nothing() {
        let summary = Summary::of([7.0]).unwrap();
        for value in [summary.mean_ms, summary.p50_ms, summary.p99_ms, summary.most_ms] {
            near(value, 7.0);
        }
        near(summary.deviation_ms, 0.0);
        assert_eq!(Summary::of([]), None);
    }

    #[test]
    fn of_two_values_the_middle_lies_between() {
        let summary = Summary::of([3.0, 1.0]).unwrap();
        near(summary.p50_ms, 2.0);
        near(summary.p95_ms, 2.9);
    }
}
