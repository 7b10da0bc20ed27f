//! LOESS: each value is read off a line laid through its nearest neighbours.

use std::ops::Range;

use super::middle;

/// Residuals beyond this many medians have no weight in the next iteration (Cleveland 1979).
const MEDIANS: f64 = 6.0;

/// Residuals below this share of the greatest value are rounding and tell nothing.
const ROUNDING: f64 = 1e-12;

/// Smooths the signal in place by locally weighted linear regression (Cleveland 1979, "Robust Locally Weighted
/// Regression and Smoothing Scatterplots", JASA 74, 829–836), as `lowess` of `statsmodels` does with `delta=0`: lines
/// through the `window` nearest rows, weighted by the tricube of their distance in time over that of the farthest, then
/// `iterations` times again with a bisquare weight by the residuals of the time before.
///
/// It uses the true times, which must increase strictly. Returns false and leaves the signal alone if it has fewer rows
/// than the window, which must be 3 or more. A value whose whole neighbourhood was ruled out by its residuals stays as it
/// was seen, where `statsmodels` gives none.
#[must_use = "a signal that is too short was not filtered"]
pub fn loess<const N: usize>(time_s: &[f64], rows: &mut [[f64; N]], window: usize, iterations: usize) -> bool {
    if rows.len() < window {
        return false;
    }
    let seen = rows.to_vec();
    lay_lines(time_s, &seen, None, window, rows);
    for _ in 0..iterations {
        let trust = trust(&seen, rows);
        lay_lines(time_s, &seen, Some(&trust), window, rows);
    }
    true
}

/// One regression for each row. Without `trust` the lines' weights are the same for all signals.
fn lay_lines<const N: usize>(
    time_s: &[f64],
    seen: &[[f64; N]],
    trust: Option<&[[f64; N]]>,
    window: usize,
    rows: &mut [[f64; N]],
) {
    let mut near = 0..window;
    let mut nearness = vec![0.0; window];
    let mut shares = vec![0.0; window];
    for (index, row) in rows.iter_mut().enumerate() {
        let at_s = time_s[index];
        while near.end < time_s.len() && at_s > f64::midpoint(time_s[near.start], time_s[near.end]) {
            near = near.start + 1..near.end + 1;
        }
        let radius_s = (at_s - time_s[near.start]).max(time_s[near.end - 1] - at_s);
        for (weight, other_s) in nearness.iter_mut().zip(&time_s[near.clone()]) {
            *weight = tricube((other_s - at_s).abs() / radius_s);
        }
        let times_s = &time_s[near.clone()];
        match trust {
            None => {
                shares.copy_from_slice(&nearness);
                if !line_shares(times_s, at_s, &mut shares) {
                    *row = seen[index];
                    continue;
                }
                *row = [0.0; N];
                for (share, values) in shares.iter().zip(&seen[near.clone()]) {
                    for (sum, value) in row.iter_mut().zip(values) {
                        *sum += share * value;
                    }
                }
            }
            Some(trust) => {
                for lane in 0..N {
                    for ((share, weight), trust) in shares.iter_mut().zip(&nearness).zip(&trust[near.clone()]) {
                        *share = weight * trust[lane];
                    }
                    row[lane] = if line_shares(times_s, at_s, &mut shares) {
                        dot(&shares, seen, near.clone(), lane)
                    } else {
                        seen[index][lane]
                    };
                }
            }
        }
    }
}

fn dot<const N: usize>(shares: &[f64], seen: &[[f64; N]], near: Range<usize>, lane: usize) -> f64 {
    shares
        .iter()
        .zip(&seen[near])
        .map(|(share, row)| share * row[lane])
        .sum()
}

/// Turns weights into the share that each value has in the weighted line at a moment; false if there is no weight.
fn line_shares(time_s: &[f64], at_s: f64, weights: &mut [f64]) -> bool {
    let sum: f64 = weights.iter().sum();
    if sum <= 1e-12 {
        return false;
    }
    let mut mean_s = 0.0;
    for (weight, time_s) in weights.iter_mut().zip(time_s) {
        *weight /= sum;
        mean_s += *weight * (time_s - at_s);
    }
    let spread: f64 = weights
        .iter()
        .zip(time_s)
        .map(|(weight, time_s)| weight * (time_s - at_s - mean_s).powi(2))
        .sum();
    // All weight on one moment: the line is level.
    if spread > 0.0 {
        for (weight, time_s) in weights.iter_mut().zip(time_s) {
            *weight *= 1.0 - mean_s * (time_s - at_s - mean_s) / spread;
        }
    }
    true
}

fn tricube(distance: f64) -> f64 {
    (1.0 - distance.powi(3)).max(0.0).powi(3)
}

/// Bisquare weights of the residuals.
fn trust<const N: usize>(seen: &[[f64; N]], fitted: &[[f64; N]]) -> Vec<[f64; N]> {
    let mut trust = seen.to_vec();
    for lane in 0..N {
        let residuals: Vec<f64> = seen
            .iter()
            .zip(fitted)
            .map(|(seen, fitted)| (seen[lane] - fitted[lane]).abs())
            .collect();
        let scale = MEDIANS * middle(&mut residuals.clone());
        let rounding = ROUNDING * seen.iter().map(|row| row[lane].abs()).fold(0.0, f64::max);
        for (trust, residual) in trust.iter_mut().zip(residuals) {
            // Where half of the values or more lie on their lines, the others are ruled out.
            let far = if scale > rounding {
                residual / scale
            } else {
                f64::from(u8::from(residual > rounding))
            };
            trust[lane] = (1.0 - far * far).max(0.0).powi(2);
        }
    }
    trust
}
