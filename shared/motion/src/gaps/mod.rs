//! Gaps: which ones are short enough to be filled, and what they are filled with.

mod pchip;
mod spline;

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use pchip::fill;

/// Whether a landmark has a value in a frame, and where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No trusted value; the row's content means nothing.
    Missing,
    /// Seen and trusted.
    Seen,
    /// In a short gap, interpolated.
    Filled,
    /// Seen, but an outlier; it counts as missing, and the row's content means nothing.
    Rejected,
}

impl State {
    /// Whether the row's content means something.
    pub fn has_value(self) -> bool {
        matches!(self, Self::Seen | Self::Filled)
    }
}

/// Slack on durations, for times that went through decimal fractions.
pub(crate) const SLACK_S: f64 = 1e-9;

/// The curve that fills a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCurve {
    /// Piecewise cubic Hermite that does not overshoot: a landmark that hides for a moment goes no farther than where it
    /// was seen before and after.
    #[default]
    Pchip,
    /// A straight line.
    Linear,
    /// The cubic spline through everything seen without a long gap. It keeps speed and acceleration steady, and
    /// overshoots where a movement turns.
    Cubic,
}

impl GapCurve {
    /// Fills gaps. A gap lasts from the frame seen before it to the frame seen after it; it is filled if that is at most
    /// `longest_gap_s`. Nothing is filled before the first or after the last frame seen.
    ///
    /// Frames seen on the far side of a long gap have no influence on how a short one is filled.
    pub fn fill<const N: usize>(self, time_s: &[f64], rows: &mut [[f64; N]], states: &mut [State], longest_gap_s: f64) {
        match self {
            Self::Pchip => fill(time_s, rows, states, longest_gap_s),
            Self::Linear => spline::fill_linear(time_s, rows, states, longest_gap_s),
            Self::Cubic => spline::fill_cubic(time_s, rows, states, longest_gap_s),
        }
    }
}

impl fmt::Display for GapCurve {
    /// As a report says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pchip => "a cubic curve that does not overshoot (PCHIP)",
            Self::Linear => "a straight line",
            Self::Cubic => "a cubic spline",
        })
    }
}

/// The frames seen, in runs: within one, each frame is no farther than `longest_gap_s` from the one seen before it, or
/// follows it at once.
pub(crate) fn runs(time_s: &[f64], states: &[State], longest_gap_s: f64) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for frame in (0..states.len()).filter(|&frame| states[frame] == State::Seen) {
        match runs.last_mut() {
            Some(run)
                if run
                    .last()
                    .is_some_and(|&last| is_near(time_s, last, frame, longest_gap_s)) =>
            {
                run.push(frame);
            }
            _ => runs.push(vec![frame]),
        }
    }
    runs
}

fn is_near(time_s: &[f64], first: usize, second: usize, longest_gap_s: f64) -> bool {
    second - first == 1 || time_s[second] - time_s[first] <= longest_gap_s + SLACK_S
}

/// The stretches without a gap: frames with a value that follow each other no more than `longest_step_s` apart.
pub fn stretches(time_s: &[f64], states: &[State], longest_step_s: f64) -> Vec<Range<usize>> {
    let mut stretches: Vec<Range<usize>> = Vec::new();
    for frame in (0..states.len()).filter(|&frame| states[frame].has_value()) {
        match stretches.last_mut() {
            Some(open) if open.end == frame && time_s[frame] - time_s[frame - 1] <= longest_step_s + SLACK_S => {
                open.end = frame + 1;
            }
            _ => stretches.push(frame..frame + 1),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Filled, Missing, Seen};

    #[test]
    fn gaps_at_the_ends_and_long_gaps_stay_and_short_ones_are_filled() {
        let time_s: Vec<f64> = (0..12).map(|frame| f64::from(frame) * 0.1).collect();
        let mut rows: Vec<[f64; 1]> = (0..12).map(|frame| [f64::from(frame)]).collect();
        let mut states = [
            Missing, Seen, Seen, Missing, Seen, Missing, Missing, Missing, Seen, Missing, Seen, Missing,
        ];
        for (row, state) in rows.iter_mut().zip(&states) {
            if *state == Missing {
                row[0] = 1000.0;
            }
        }
        fill(&time_s, &mut rows, &mut states, 0.2);
        assert_eq!(
            states,
            [
                Missing, Seen, Seen, Filled, Seen, Missing, Missing, Missing, Seen, Filled, Seen, Missing
            ]
        );
        assert!((rows[3][0] - 3.0).abs() < 1e-12 && (rows[9][0] - 9.0).abs() < 1e-12);
        assert!((rows[6][0] - 1000.0).abs() < f64::EPSILON);
        assert_eq!(stretches(&time_s, &states, 0.2), [1..5, 8..11]);
    }

    #[test]
    fn a_long_step_between_frames_ends_a_stretch() {
        assert_eq!(stretches(&[0.0, 0.1, 0.9, 1.0], &[Seen; 4], 0.2), [0..2, 2..4]);
    }
}
