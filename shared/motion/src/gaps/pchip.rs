//! Piecewise cubic Hermite interpolation that does not overshoot.

use super::{State, is_near};
use crate::timebase::hermite;

/// Fills gaps by piecewise cubic Hermite interpolation that does not overshoot (Fritsch and Butland 1984; the slopes
/// are those of `SciPy`'s `PchipInterpolator`). A gap lasts from the frame seen before it to the frame seen after it;
/// it is filled if that is at most `longest_gap_s`. Nothing is filled before the first or after the last frame seen.
///
/// Frames seen on the far side of a long gap have no influence on how a short one is filled.
pub fn fill<const N: usize>(time_s: &[f64], rows: &mut [[f64; N]], states: &mut [State], longest_gap_s: f64) {
    if states.iter().all(|&state| state == State::Seen) {
        return;
    }
    // A window of four frames seen in turn, so that each gap knows its neighbours' neighbours.
    let mut seen = (0..states.len())
        .filter(|&frame| states[frame] == State::Seen)
        .collect::<Vec<_>>()
        .into_iter();
    let mut window = [None, None, seen.next(), seen.next()];
    while let [_, _, Some(_), Some(_)] = window {
        window = [window[1], window[2], window[3], seen.next()];
        if let [before, Some(from), Some(to), after] = window
            && to - from > 1
            && is_near(time_s, from, to, longest_gap_s)
        {
            let before = before.filter(|&before| is_near(time_s, before, from, longest_gap_s));
            let after = after.filter(|&after| is_near(time_s, to, after, longest_gap_s));
            fill_one(time_s, rows, [before, Some(from), Some(to), after], from, to);
            states[from + 1..to].fill(State::Filled);
        }
    }
}

fn fill_one<const N: usize>(time_s: &[f64], rows: &mut [[f64; N]], seen: [Option<usize>; 4], from: usize, to: usize) {
    let width_s = time_s[to] - time_s[from];
    let secant = |first: usize, second: usize, lane: usize| {
        (rows[second][lane] - rows[first][lane]) / (time_s[second] - time_s[first])
    };
    let slope = |outer: Option<usize>, at_from: bool, lane: usize| {
        let inside = secant(from, to, lane);
        let own = if at_from { from } else { to };
        match (outer, if at_from { seen[3] } else { seen[0] }) {
            (Some(outer), _) => {
                let outside_s = (time_s[own] - time_s[outer]).abs();
                inner_slope(secant(outer.min(own), outer.max(own), lane), outside_s, inside, width_s)
            }
            (None, Some(across)) => {
                let other = if at_from { to } else { from };
                let beyond_s = (time_s[across] - time_s[other]).abs();
                end_slope(
                    inside,
                    width_s,
                    secant(across.min(other), across.max(other), lane),
                    beyond_s,
                )
            }
            (None, None) => inside,
        }
    };
    let from_slope = std::array::from_fn(|lane| slope(seen[0], true, lane));
    let to_slope = std::array::from_fn(|lane| slope(seen[3], false, lane));
    let (start, end) = (rows[from], rows[to]);
    for frame in from + 1..to {
        let share = (time_s[frame] - time_s[from]) / width_s;
        rows[frame] = hermite(&start, &end, &from_slope, &to_slope, width_s, share);
    }
}

/// Slope at a sample between two others: a weighted harmonic mean of the secants, or flat at an extremum.
fn inner_slope(outside: f64, outside_s: f64, inside: f64, inside_s: f64) -> f64 {
    if outside * inside <= 0.0 {
        return 0.0;
    }
    let (outside_weight, inside_weight) = (2.0 * inside_s + outside_s, inside_s + 2.0 * outside_s);
    (outside_weight + inside_weight) / (outside_weight / outside + inside_weight / inside)
}

/// Slope at the first or last sample: that of a parabola through three, limited so that the curve keeps its shape.
fn end_slope(near: f64, near_s: f64, far: f64, far_s: f64) -> f64 {
    let slope = ((2.0 * near_s + far_s) * near - near_s * far) / (near_s + far_s);
    if slope * near <= 0.0 {
        0.0
    } else if near * far <= 0.0 && slope.abs() > 3.0 * near.abs() {
        3.0 * near
    } else {
        slope
    }
}
