//! Velocities and accelerations: differences of positions and angles over true, uneven times.
//!
//! The parabola through a frame and its two neighbours gives the slope and the bend at the frame. For even times these are the
//! central differences of Winter (Biomechanics and Motor Control of Human Movement, 4th ed., §3.4.3); for uneven ones the slope
//! is that of `numpy.gradient` (`edge_order=2`; Quarteroni, Sacco and Saleri, Numerical Mathematics, §10.10). Both are exact
//! for parabolas, such as free flight. Differences multiply noise, so they are taken of filtered values; nothing is
//! filtered once more.

use std::ops::Range;

use crate::gaps::SLACK_S;
use crate::timebase::{self, bend, slope};
use crate::{Analysis, AngleSeries};

/// The runs of frames that belong together: their key is there and stays the same, and no two neighbours lie further
/// apart than `longest_step_s`.
pub(crate) fn stretches_of<K: PartialEq>(time_s: &[f64], keys: &[Option<K>], longest_step_s: f64) -> Vec<Range<usize>> {
    let mut stretches: Vec<Range<usize>> = Vec::new();
    for (frame, key) in keys.iter().enumerate() {
        let Some(key) = key else { continue };
        let goes_on = frame > 0
            && keys[frame - 1].as_ref() == Some(key)
            && time_s[frame] - time_s[frame - 1] <= longest_step_s + SLACK_S;
        match stretches.last_mut() {
            Some(stretch) if goes_on && stretch.end == frame => stretch.end = frame + 1,
            _ => stretches.push(frame..frame + 1),
        }
    }
    stretches
}

/// Change per second within each stretch; `None` outside of them and in stretches of one frame. The first and the last frame of
/// a stretch have the slope of the parabola through the three frames at that end, or of the line through two.
pub(crate) fn velocity<const N: usize>(
    time_s: &[f64],
    positions: &[Option<[f64; N]>],
    stretches: &[Range<usize>],
) -> Vec<Option<[f64; N]>> {
    each(time_s, positions, stretches, 2, |time_s, rows, index| {
        Some(slope(time_s, rows, index))
    })
}

/// Change of the velocity per second within each stretch; `None` also in its first and last frame, which lack a neighbour.
pub(crate) fn acceleration<const N: usize>(
    time_s: &[f64],
    positions: &[Option<[f64; N]>],
    stretches: &[Range<usize>],
) -> Vec<Option<[f64; N]>> {
    each(time_s, positions, stretches, 3, |time_s, rows, index| {
        let has_neighbours = index > 0 && index + 1 < rows.len();
        has_neighbours.then(|| bend(time_s, rows, index).map(|bend| 2.0 * bend))
    })
}

fn each<const N: usize>(
    time_s: &[f64],
    positions: &[Option<[f64; N]>],
    stretches: &[Range<usize>],
    least_frames: usize,
    derive: impl Fn(&[f64], &[[f64; N]], usize) -> Option<[f64; N]>,
) -> Vec<Option<[f64; N]>> {
    let mut derived = vec![None; positions.len()];
    for stretch in stretches.iter().filter(|stretch| stretch.len() >= least_frames) {
        let rows: Vec<[f64; N]> = positions[stretch.clone()].iter().copied().flatten().collect();
        debug_assert_eq!(rows.len(), stretch.len(), "a stretch has a position in every frame");
        for (index, frame) in stretch.clone().enumerate() {
            derived[frame] = derive(&time_s[stretch.clone()], &rows, index);
        }
    }
    derived
}

impl Analysis {
    /// Frames that lie further apart than this do not belong to one stretch, in seconds.
    pub fn longest_step_s(&self) -> f64 {
        timebase::longest_step_s(&self.time_s, self.settings.longest_gap_s)
    }

    /// Angular velocity of a series of this analysis in each frame, in degrees per second: the slope of the parabola
    /// through the frame and its neighbours at their true times. `None` where the angle is unknown or stands alone.
    ///
    /// Where an angle jumps at the ends of its range, the way around is taken: a limb that turns full circle turns
    /// evenly.
    pub fn velocity_deg_per_s(&self, series: &AngleSeries) -> Vec<Option<f64>> {
        let stretches = stretches_of(&self.time_s, &presence(&series.value_deg), self.longest_step_s());
        let is_turn = series.angle.bounds(series.space).is_turn();
        let mut angles_deg: Vec<Option<[f64; 1]>> = series.value_deg.iter().map(|value| value.map(|v| [v])).collect();
        if is_turn {
            for stretch in &stretches {
                unwrap(&mut angles_deg[stretch.clone()]);
            }
        }
        let velocity = velocity(&self.time_s, &angles_deg, &stretches);
        velocity.into_iter().map(|value| value.map(|[value]| value)).collect()
    }
}

/// A key for frames that have a value.
pub(crate) fn presence<T>(values: &[Option<T>]) -> Vec<Option<()>> {
    values.iter().map(|value| value.as_ref().map(|_| ())).collect()
}

/// Adds turns so that no step is longer than half a turn.
fn unwrap(angles_deg: &mut [Option<[f64; 1]>]) {
    let mut before_deg = None;
    for [angle_deg] in angles_deg.iter_mut().flatten() {
        if let Some(before_deg) = before_deg {
            let step_deg: f64 = *angle_deg - before_deg;
            *angle_deg -= 360.0 * (step_deg / 360.0).round();
        }
        before_deg = Some(*angle_deg);
    }
}
