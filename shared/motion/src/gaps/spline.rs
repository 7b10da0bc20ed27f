//! Straight lines, and the cubic spline through everything seen without a long gap.

use super::{State, runs};
use crate::timebase::hermite;

/// Fills short gaps by straight lines.
pub(super) fn fill_linear<const N: usize>(
    time_s: &[f64],
    rows: &mut [[f64; N]],
    states: &mut [State],
    longest_gap_s: f64,
) {
    for run in runs(time_s, states, longest_gap_s) {
        for gap in run.windows(2).filter(|pair| pair[1] - pair[0] > 1) {
            let (start, end, width_s) = (rows[gap[0]], rows[gap[1]], time_s[gap[1]] - time_s[gap[0]]);
            for frame in gap[0] + 1..gap[1] {
                let share = (time_s[frame] - time_s[gap[0]]) / width_s;
                rows[frame] = std::array::from_fn(|lane| start[lane] + share * (end[lane] - start[lane]));
                states[frame] = State::Filled;
            }
        }
    }
}

/// Fills short gaps by the cubic spline through the run of frames seen around them, with the conditions of `SciPy`'s
/// `CubicSpline` at its ends ("not-a-knot": the first two pieces are one cubic, and so are the last two; three frames
/// are joined by a parabola, two by a line).
pub(super) fn fill_cubic<const N: usize>(
    time_s: &[f64],
    rows: &mut [[f64; N]],
    states: &mut [State],
    longest_gap_s: f64,
) {
    for run in runs(time_s, states, longest_gap_s) {
        if run.windows(2).all(|pair| pair[1] - pair[0] == 1) {
            continue;
        }
        let knots_s: Vec<f64> = run.iter().map(|&frame| time_s[frame]).collect();
        let values: Vec<[f64; N]> = run.iter().map(|&frame| rows[frame]).collect();
        let slopes = slopes(&knots_s, &values);
        for (index, gap) in run.windows(2).enumerate().filter(|(_, pair)| pair[1] - pair[0] > 1) {
            let width_s = knots_s[index + 1] - knots_s[index];
            for frame in gap[0] + 1..gap[1] {
                let share = (time_s[frame] - knots_s[index]) / width_s;
                let (from, to) = (&values[index], &values[index + 1]);
                rows[frame] = hermite(from, to, &slopes[index], &slopes[index + 1], width_s, share);
                states[frame] = State::Filled;
            }
        }
    }
}

/// The slopes at the knots that make the second derivative continuous (de Boor, A Practical Guide to Splines, §IV), for
/// two knots or more.
fn slopes<const N: usize>(knots_s: &[f64], values: &[[f64; N]]) -> Vec<[f64; N]> {
    let widths: Vec<f64> = knots_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let secants: Vec<[f64; N]> = values
        .windows(2)
        .zip(&widths)
        .map(|(pair, width)| std::array::from_fn(|lane| (pair[1][lane] - pair[0][lane]) / width))
        .collect();
    match (widths.as_slice(), secants.as_slice()) {
        ([_], [only]) => vec![*only; 2],
        ([first, second], [before, after]) => parabola([*first, *second], before, after),
        _ => not_a_knot(&widths, &secants),
    }
}

fn parabola<const N: usize>(widths: [f64; 2], before: &[f64; N], after: &[f64; N]) -> Vec<[f64; N]> {
    let bend: [f64; N] = std::array::from_fn(|lane| (after[lane] - before[lane]) / (widths[0] + widths[1]));
    let at = |secant: &[f64; N], offset: f64| std::array::from_fn(|lane| secant[lane] + offset * bend[lane]);
    vec![at(before, -widths[0]), at(before, widths[0]), at(after, widths[1])]
}

/// Elimination down a band of three. The matrix is not quite dominated by its diagonal at the ends, but its pivots stay
/// well above zero: after the first row each is at least the sum of both widths, and the last is at least half of a width
/// times the share of that width in both.
fn not_a_knot<const N: usize>(widths: &[f64], secants: &[[f64; N]]) -> Vec<[f64; N]> {
    let last = widths.len();
    let mut above = Vec::with_capacity(last);
    let mut slopes: Vec<[f64; N]> = Vec::with_capacity(last + 1);
    let both = widths[0] + widths[1];
    above.push(both / widths[1]);
    slopes.push(end(widths[0], widths[1], &secants[0], &secants[1]));
    for index in 1..last {
        let (before, after) = (widths[index - 1], widths[index]);
        let pivot = 2.0 * (before + after) - after * above[index - 1];
        let previous = slopes[index - 1];
        slopes.push(std::array::from_fn(|lane| {
            let wanted = 3.0 * (after * secants[index - 1][lane] + before * secants[index][lane]);
            (wanted - after * previous[lane]) / pivot
        }));
        above.push(before / pivot);
    }
    let (before, after) = (widths[last - 2], widths[last - 1]);
    let pivot = before - (before + after) * above[last - 1];
    let wanted: [f64; N] = end(after, before, &secants[last - 1], &secants[last - 2]);
    let previous = slopes[last - 1];
    slopes.push(std::array::from_fn(|lane| {
        (before * wanted[lane] - (before + after) * previous[lane]) / pivot
    }));
    for index in (0..last).rev() {
        let next = slopes[index + 1];
        for (slope, next) in slopes[index].iter_mut().zip(next) {
            *slope -= above[index] * next;
        }
    }
    slopes
}

/// What the slope at an end, and that beside it times the sum of both widths over the inner one, come to.
fn end<const N: usize>(outer: f64, inner: f64, outer_secant: &[f64; N], inner_secant: &[f64; N]) -> [f64; N] {
    let both = outer + inner;
    std::array::from_fn(|lane| {
        ((outer + 2.0 * both) * inner * outer_secant[lane] + outer * outer * inner_secant[lane]) / both / inner
    })
}
