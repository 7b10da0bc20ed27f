//! Filters: what takes the jitter out of a landmark's track once it is free of gaps.
//!
//! A signal here is a slice of rows of `N` values, one row per moment: the coordinates of one landmark lie side by
//! side, so a recursion, which cannot be made parallel in time, is carried out for all of them at once.
//!
//! Each filter is a function of its own that knows nothing of landmarks; [`Filter`] is the choice of one of them with its
//! parameters. Which of them need even times, how short a signal may be and what each was checked against is in
//! docs/MOTION.md.

mod butterworth;
mod gaussian;
mod kalman;
mod loess;
mod median;
mod one_euro;
mod settings;
pub(crate) mod smoother;
mod spline;

pub use butterworth::{Butterworth, GREATEST_ORDER};
pub use gaussian::gaussian;
pub use kalman::kalman;
pub use loess::loess;
pub use median::median;
pub use one_euro::one_euro;
pub use settings::{
    ButterworthSettings, Filter, GREATEST_REACH_FRAMES, GREATEST_SIGMA_FRAMES, GREATEST_WINDOW_FRAMES,
    GaussianSettings, GcvSplineSettings, KalmanSettings, LoessSettings, MOST_ITERATIONS, MedianSettings,
    OneEuroSettings,
};
pub(crate) use settings::{above_0, within};
pub use spline::{LEAST_ROWS, gcv_spline, lambda_of_cutoff, smoothing_spline};

/// The middle of the values that are in order when sorted: of an even number the mean of both in the middle, as `NumPy`
/// has it. The values lie in another order afterwards; there must be one at least.
pub(crate) fn middle(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    let is_odd = values.len() % 2 == 1;
    let (below, &mut upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if is_odd {
        upper
    } else {
        let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
        f64::midpoint(lower, upper)
    }
}
