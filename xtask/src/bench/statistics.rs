//! Repeated measurements of one thing, and what is told of them.

use serde::Serialize;

/// Measurements of one thing in the order in which they were taken; at least one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Series {
    /// Half of them are at most this; of an even number, the mean of the two in the middle.
    pub(crate) median: f64,
    /// The one that was disturbed least.
    pub(crate) best: f64,
    /// All of them.
    pub(crate) all: Vec<f64>,
}

impl Series {
    /// Times and sizes: the least is the best. `None` when there are none.
    pub(crate) fn of_costs(all: Vec<f64>) -> Option<Self> {
        let sorted = sorted(&all);
        let best = *sorted.first()?;
        Some(Self {
            median: median(&sorted),
            best,
            all,
        })
    }

    /// Speeds and ratios: the greatest is the best. `None` when there are none.
    pub(crate) fn of_rates(all: Vec<f64>) -> Option<Self> {
        let sorted = sorted(&all);
        let best = *sorted.last()?;
        Some(Self {
            median: median(&sorted),
            best,
            all,
        })
    }

    /// Ratios to another series, round by round: what disturbs the machine for longer than a round cancels out.
    pub(crate) fn over(&self, other: &Self) -> Option<Self> {
        Self::of_rates(self.all.iter().zip(&other.all).map(|(a, b)| a / b).collect())
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The middle of sorted values, of which there is at least one.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_costs_is_the_least_and_of_rates_the_greatest() {
        let values = vec![30.0, 10.0, 20.0];
        let costs = Series::of_costs(values.clone()).unwrap();
        let rates = Series::of_rates(values.clone()).unwrap();
        assert_eq!((costs.median, costs.best), (20.0, 10.0));
        assert_eq!((rates.median, rates.best), (20.0, 30.0));
        assert_eq!(costs.all, values, "the order in which they were taken stays");
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        let median = |values: &[f64]| Series::of_costs(values.to_vec()).map(|series| series.median);
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), Some(3.0));
        assert_eq!(median(&[7.0]), Some(7.0));
    }

    #[test]
    fn nothing_measured_is_no_series() {
        assert_eq!(Series::of_costs(Vec::new()), None);
        assert_eq!(Series::of_rates(Vec::new()), None);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let ours = Series::of_rates(vec![100.0, 50.0, 90.0]).unwrap();
        let peers = Series::of_rates(vec![50.0, 25.0, 30.0]).unwrap();
        let ratio = ours.over(&peers).unwrap();
        assert_eq!(ratio.all, [2.0, 2.0, 3.0], "the slow second round slowed both");
        assert_eq!((ratio.median, ratio.best), (2.0, 3.0));
    }
}
