//! The choice of a signal where nobody has made one.

use super::configuration::{GaitCycles, Segmentation};
use super::ensemble::{PERCENTS, normalized, repeatability};
use super::gait::walks;
use super::signal::{Axis, Signal};
use super::{Movement, segment, segments};
use crate::findings::{Event, Repetition, Repetitions};
use crate::{Angle, Landmark, Space, Spaces, View};

/// An angle that moves by less than this between its 1st and 99th percentile is at rest.
pub const LEAST_RANGE_DEG: f64 = 15.0;

/// Cycles that are less alike than this are no repetitions, on the scale of [`repeatability`].
pub const LEAST_REPEATABILITY: f64 = 0.8;

/// If less of all angles' movement than this repeats in the cycles of a signal, it repeats by chance.
pub const LEAST_SHARED: f64 = 0.5;

/// A landmark that moves by less than this share of the person's height in the picture is at rest.
const LEAST_RANGE_OF_HEIGHT: f64 = 0.08;

/// A peak must stand out by this share of the signal's range.
const PROMINENCE_OF_RANGE: f64 = 0.5;

/// The quickest repetition that is looked for, in seconds.
const MINIMUM_DISTANCE_S: f64 = 0.4;

/// Repetitions last about as long as each other: the standard deviation of their durations is at most this share of the mean.
const MOST_UNEVEN: f64 = 0.5;

/// A signal that spends its time above this share of its range rests at the top.
const RESTS_HIGH: f64 = 0.6;

/// The vertical positions that are tried where no angle repeats.
const LANDMARKS: [Landmark; 7] = [
    Landmark::LeftWrist,
    Landmark::RightWrist,
    Landmark::LeftHip,
    Landmark::RightHip,
    Landmark::LeftAnkle,
    Landmark::RightAnkle,
    Landmark::Nose,
];

/// A signal that moves: its values, and the 1st, 50th and 99th percentile of them.
struct Moving {
    signal: Signal,
    values: Vec<Option<f64>>,
    quantiles: [f64; 3],
}

impl Moving {
    /// The signal, unless it has no values or is at rest.
    fn of(movement: &Movement<'_>, signal: Signal, least: f64) -> Option<Self> {
        let values = signal.values(movement);
        let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)? as f64;
        let quantiles = [0.01, 0.5, 0.99].map(|share| sorted[(share * last).round() as usize]);
        let moving = Self {
            signal,
            values,
            quantiles,
        };
        (moving.range() >= least).then_some(moving)
    }

    fn range(&self) -> f64 {
        self.quantiles[2] - self.quantiles[0]
    }

    fn segmentation(&self) -> Segmentation {
        let [low, middle, _] = self.quantiles;
        Segmentation {
            invert: middle - low > RESTS_HIGH * self.range(),
            minimum_distance_s: MINIMUM_DISTANCE_S,
            minimum_prominence: PROMINENCE_OF_RANGE * self.range(),
            minimum_duration_s: MINIMUM_DISTANCE_S,
            ..Segmentation::of(self.signal)
        }
    }

    /// How alike the signal is in all of the cycles.
    fn likeness(&self, time_s: &[f64], segments: &[Repetition]) -> f64 {
        let cycles = segments
            .iter()
            .filter_map(|one| normalized(time_s, &self.values, one.start_s, one.end_s));
        repeatability(&cycles.collect::<Vec<[f64; PERCENTS]>>()).unwrap_or(0.0)
    }
}

/// A signal that repeats, and how well.
struct Candidate {
    how: Segmentation,
    /// The range that repeats: repeatability times range.
    strength: f64,
    likeness: f64,
    count: usize,
}

/// Finds the repetitions of a movement by itself: gait cycles where there are heel strikes for two or more, else those of the
/// angle in the image that repeats most strongly (in the world if there is no image), else those of the landmark whose height does. Of a person seen from the
/// front or back, whose angles cannot be read from the picture, the landmarks are tried first.
///
/// A signal qualifies if at least two whole cycles stand out by half of its range, last about as long as each other and are alike
/// ([`LEAST_REPEATABILITY`]), and if what else moves repeats with it ([`LEAST_SHARED`]). Among those the one wins whose
/// [`repeatability`] times range is the greatest. Notes say what was chosen and why; where nothing qualifies,
/// [`Repetitions::withheld`] says so.
pub fn choose(movement: &Movement<'_>, events: &[Event]) -> Repetitions {
    if let Some(mut cycles) = walks(movement, events) {
        cycles.notes.push(format!(
            "Cut into gait cycles, as there are heel strikes of the same foot {} to {} s apart.",
            GaitCycles::MINIMUM_CYCLE_S,
            GaitCycles::LONGEST_CYCLE_S
        ));
        return cycles;
    }
    let angles = moving_angles(movement);
    let heights = || moving_heights(movement).and_then(|heights| strongest(movement, &heights, &angles));
    let is_frontal = movement
        .person
        .camera_plane
        .is_some_and(|plane| plane.view == View::Frontal);
    let best = if is_frontal {
        heights().or_else(|| strongest(movement, &angles, &angles))
    } else {
        strongest(movement, &angles, &angles).or_else(heights)
    };
    let found = best.and_then(|best| Some((segment(movement, &best.how).ok()?, best)));
    let Some((mut found, best)) = found else {
        return nothing();
    };
    found.notes.push(format!(
        "Cut by {}: of everything that repeats it has the greatest repeating range ({:.0} % of its variation is common to {} cycles).",
        best.how,
        100.0 * best.likeness,
        best.count
    ));
    found
}

fn moving_angles(movement: &Movement<'_>) -> Vec<Moving> {
    let angles = Angle::ALL.into_iter().filter(|&angle| angle != Angle::WristFlexion);
    let signals = angles.flat_map(|angle| {
        angle
            .sides()
            .iter()
            .map(move |&side| Signal::angle(angle, side, space(movement.spaces)))
    });
    signals
        .filter_map(|signal| Moving::of(movement, signal, LEAST_RANGE_DEG))
        .collect()
}

/// `None` where the person's height in the picture is not known.
fn moving_heights(movement: &Movement<'_>) -> Option<Vec<Moving>> {
    let least_px = LEAST_RANGE_OF_HEIGHT * height_px(movement)?;
    Some(
        LANDMARKS
            .into_iter()
            .filter_map(|landmark| Moving::of(movement, height(landmark, movement.spaces), least_px))
            .collect(),
    )
}

const fn height(landmark: Landmark, spaces: Spaces) -> Signal {
    Signal::JointAxis {
        landmark,
        axis: Axis::Y,
        space: space(spaces),
    }
}

/// The picture, or the world of a recording that has none.
const fn space(spaces: Spaces) -> Space {
    if spaces.has(Space::Image) {
        Space::Image
    } else {
        Space::World
    }
}

fn nothing() -> Repetitions {
    Repetitions {
        signal: "automatic".to_owned(),
        unit: String::new(),
        segments: Vec::new(),
        curves: Vec::new(),
        configuration: None,
        partial: 0,
        notes: Vec::new(),
        withheld: Some(format!(
            "No angle in the image moves by {LEAST_RANGE_DEG} degrees or more, nor any landmark's height by {:.0} % of the person's, twice \
             or more in the same manner and in about the same time.",
            100.0 * LEAST_RANGE_OF_HEIGHT
        )),
    }
}

fn strongest(movement: &Movement<'_>, signals: &[Moving], angles: &[Moving]) -> Option<Candidate> {
    let candidates = signals.iter().filter_map(|signal| candidate(movement, signal, angles));
    candidates.max_by(|one, other| one.strength.total_cmp(&other.strength))
}

fn candidate(movement: &Movement<'_>, signal: &Moving, angles: &[Moving]) -> Option<Candidate> {
    let how = signal.segmentation();
    let segments: Vec<_> = segments::cut(movement, &signal.values, &how)
        .into_iter()
        .filter(|one| one.whole)
        .collect();
    if !is_even(&segments) {
        return None;
    }
    let likeness = signal.likeness(movement.time_s, &segments);
    let repeats = likeness >= LEAST_REPEATABILITY && shared(movement.time_s, angles, &segments) >= LEAST_SHARED;
    repeats.then(|| Candidate {
        how,
        strength: likeness * signal.range(),
        likeness,
        count: segments.len(),
    })
}

/// How much of the movement of all angles repeats in these cycles; 1 where no angle moves.
fn shared(time_s: &[f64], angles: &[Moving], segments: &[Repetition]) -> f64 {
    let weight = |angle: &Moving| angle.range() * angle.range();
    let all: f64 = angles.iter().map(weight).sum();
    let repeating: f64 = angles
        .iter()
        .map(|angle| weight(angle) * angle.likeness(time_s, segments).max(0.0))
        .sum();
    if all > 0.0 { repeating / all } else { 1.0 }
}

/// Whether there are two repetitions or more that last about as long as each other.
fn is_even(segments: &[Repetition]) -> bool {
    let count = segments.len() as f64;
    let durations_s = || segments.iter().map(Repetition::duration_s);
    let mean_s = durations_s().sum::<f64>() / count;
    let squares = durations_s()
        .map(|duration_s| (duration_s - mean_s).powi(2))
        .sum::<f64>();
    segments.len() >= 2 && (squares / (count - 1.0)).sqrt() <= MOST_UNEVEN * mean_s
}

/// Median distance in the picture from the middle of the ankles to the nose, as far as both are seen.
fn height_px(movement: &Movement<'_>) -> Option<f64> {
    let at = |landmark| height(landmark, movement.spaces).values(movement);
    let (nose, left, right) = (at(Landmark::Nose), at(Landmark::LeftAnkle), at(Landmark::RightAnkle));
    let feet = left
        .iter()
        .zip(&right)
        .map(|(left, right)| Some(f64::midpoint((*left)?, (*right)?)));
    let heights = nose
        .iter()
        .zip(feet)
        .filter_map(|(nose, feet)| Some((feet? - (*nose)?).abs()));
    let mut heights: Vec<f64> = heights.collect();
    heights.sort_unstable_by(f64::total_cmp);
    heights.get(heights.len() / 2).copied().filter(|height| *height > 0.0)
}
