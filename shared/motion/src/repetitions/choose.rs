//! The choice of a signal where nobody has made one.

use std::borrow::Cow;

use rayon::prelude::*;

use super::configuration::{GaitCycles, Segmentation};
use super::ensemble::{Places, likeness};
use super::gait::walks;
use super::signal::{Axis, Signal};
use super::{Movement, segment, segments};
use crate::findings::{Event, Repetition, Repetitions};
use crate::timebase::longest_step_s;
use crate::{Angle, Landmark, Space, Spaces, View};

/// An angle that moves by less than this between its 1st and 99th percentile is at rest.
pub const LEAST_RANGE_DEG: f64 = 15.0;

/// Cycles that are less alike than this are no repetitions, on the scale of [`super::repeatability`].
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

/// The vertical positions that are tried where no angle repeats; ankles and nose, which tell the person's height, come last.
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
struct Moving<'a> {
    signal: Signal,
    values: Cow<'a, [Option<f64>]>,
    quantiles: [f64; 3],
}

impl<'a> Moving<'a> {
    /// The signal, unless it has no values or is at rest.
    fn of(signal: Signal, values: Cow<'a, [Option<f64>]>, least: f64) -> Option<Self> {
        let mut known: Vec<f64> = values.iter().flatten().copied().collect();
        let last = known.len().checked_sub(1)? as f64;
        let [low, middle, high] = [0.01, 0.5, 0.99].map(|share: f64| (share * last).round() as usize);
        // The outer ones are sought on their sides of the middle only.
        let (below, &mut median, above) = known.select_nth_unstable_by(middle, f64::total_cmp);
        let of = |side: &mut [f64], place: usize| *side.select_nth_unstable_by(place, f64::total_cmp).1;
        let lowest = if low < middle { of(below, low) } else { median };
        let highest = if high > middle {
            of(above, high - middle - 1)
        } else {
            median
        };
        let quantiles = [lowest, median, highest];
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
    fn likeness(&self, cycles: &[Places]) -> f64 {
        likeness(cycles, &self.values).unwrap_or(0.0)
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
/// [`super::repeatability`] times range is the greatest. Notes say what was chosen and why; where nothing qualifies,
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
        return nothing(movement.spaces);
    };
    found.notes.push(format!(
        "Cut by {}: of everything that repeats it has the greatest repeating range ({:.0} % of its variation is common to {} cycles).",
        best.how,
        100.0 * best.likeness,
        best.count
    ));
    found
}

fn moving_angles<'a>(movement: &Movement<'a>) -> Vec<Moving<'a>> {
    let angles = Angle::ALL.into_iter().filter(|&angle| angle != Angle::WristFlexion);
    let signals = angles.flat_map(|angle| {
        angle
            .sides()
            .iter()
            .map(move |&side| Signal::angle(angle, side, space(movement.spaces)))
    });
    let signals: Vec<Signal> = signals.collect();
    signals
        .into_par_iter()
        .filter_map(|signal| Moving::of(signal, signal.lent_values(movement), LEAST_RANGE_DEG))
        .collect()
}

/// `None` where the person's height in the picture is not known.
fn moving_heights<'a>(movement: &Movement<'a>) -> Option<Vec<Moving<'a>>> {
    let signals = LANDMARKS.map(|landmark| height(landmark, movement.spaces));
    let heights: Vec<Cow<'a, [Option<f64>]>> = signals.par_iter().map(|signal| signal.lent_values(movement)).collect();
    let least_px = LEAST_RANGE_OF_HEIGHT * height_px(&heights)?;
    let heights = signals.into_par_iter().zip(heights);
    Some(
        heights
            .filter_map(|(signal, values)| Moving::of(signal, values, least_px))
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

fn nothing(spaces: Spaces) -> Repetitions {
    let place = match space(spaces) {
        Space::Image => "image",
        Space::World => "world",
    };
    Repetitions {
        signal: "automatic".to_owned(),
        unit: String::new(),
        segments: Vec::new(),
        curves: Vec::new(),
        configuration: None,
        partial: 0,
        notes: Vec::new(),
        withheld: Some(format!(
            "No angle in the {place} moves by {LEAST_RANGE_DEG} degrees or more, nor any landmark's height by {:.0} % of the person's, twice \
             or more in the same manner and in about the same time.",
            100.0 * LEAST_RANGE_OF_HEIGHT
        )),
    }
}

fn strongest(movement: &Movement<'_>, signals: &[Moving<'_>], angles: &[Moving<'_>]) -> Option<Candidate> {
    // A likeness is 1 at most, so that no signal is stronger than its range.
    let ranges: Vec<f64> = signals.iter().map(Moving::range).collect();
    let longest_step_s = longest_step_s(movement.time_s, movement.longest_gap_s);
    let judge = |index: usize| candidate(movement, &signals[index], angles, longest_step_s);
    greatest(&ranges, judge, |candidate| candidate.strength)
}

/// The greatest of what is judged, of equals the last one, given what each can have at most: the search goes from the greatest
/// bound down, and ends where no later one can win.
fn greatest<T: Send>(bounds: &[f64], judge: impl Fn(usize) -> Option<T> + Sync, size: impl Fn(&T) -> f64) -> Option<T> {
    let mut order: Vec<usize> = (0..bounds.len()).collect();
    order.sort_by(|&one, &other| bounds[other].total_cmp(&bounds[one]));
    let mut best: Option<(usize, T)> = None;
    for batch in order.chunks(rayon::current_num_threads()) {
        let bound = bounds[batch[0]];
        if best.as_ref().is_some_and(|(_, best)| size(best) > bound) {
            break;
        }
        let judged: Vec<_> = batch.par_iter().map(|&index| Some((index, judge(index)?))).collect();
        best = judged.into_iter().flatten().chain(best).max_by(|one, other| {
            let by_size = size(&one.1).total_cmp(&size(&other.1));
            by_size.then(one.0.cmp(&other.0))
        });
    }
    best.map(|(_, best)| best)
}

fn candidate(
    movement: &Movement<'_>,
    signal: &Moving<'_>,
    angles: &[Moving<'_>],
    longest_step_s: f64,
) -> Option<Candidate> {
    let how = signal.segmentation();
    let segments: Vec<_> = segments::cut_by_steps(movement, &signal.values, &how, longest_step_s)
        .into_iter()
        .filter(|one| one.whole)
        .collect();
    if !is_even(&segments) {
        return None;
    }
    let cycles = segments
        .iter()
        .filter_map(|one| Places::of(movement.time_s, one.start_s, one.end_s));
    let cycles: Vec<Places> = cycles.collect();
    let likeness = signal.likeness(&cycles);
    let repeats = likeness >= LEAST_REPEATABILITY && is_shared(angles, &cycles);
    repeats.then(|| Candidate {
        how,
        strength: likeness * signal.range(),
        likeness,
        count: segments.len(),
    })
}

/// Whether at least [`LEAST_SHARED`] of the movement of all angles repeats in these cycles, or no angle moves. Angles count by
/// the square of their range: the greatest are looked at first, and the others only as long as they can change the answer.
fn is_shared(angles: &[Moving<'_>], cycles: &[Places]) -> bool {
    let mut weighted: Vec<(f64, &Moving<'_>)> = angles.iter().map(|angle| (angle.range().powi(2), angle)).collect();
    weighted.sort_by(|one, other| other.0.total_cmp(&one.0));
    let mut open: f64 = weighted.iter().map(|(weight, _)| weight).sum();
    let least = LEAST_SHARED * open;
    let mut repeating = 0.0;
    for (weight, angle) in weighted {
        if repeating >= least || repeating + open < least {
            break;
        }
        repeating += weight * angle.likeness(cycles).max(0.0);
        open -= weight;
    }
    repeating >= least
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

/// Median distance in the picture from the middle of the ankles to the nose, as far as both are seen, given the heights of
/// [`LANDMARKS`].
fn height_px(heights: &[Cow<'_, [Option<f64>]>]) -> Option<f64> {
    let [.., left, right, nose] = heights else { return None };
    let feet = left
        .iter()
        .zip(right.iter())
        .map(|(left, right)| Some(f64::midpoint((*left)?, (*right)?)));
    let heights = nose
        .iter()
        .zip(feet)
        .filter_map(|(nose, feet)| Some((feet? - (*nose)?).abs()));
    let mut heights: Vec<f64> = heights.collect();
    let middle = heights.len() / 2;
    heights.get(middle)?;
    let median = *heights.select_nth_unstable_by(middle, f64::total_cmp).1;
    (median > 0.0).then_some(median)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::greatest;

    proptest! {
        /// Sizes are few, so that many are equal.
        #[test]
        fn the_search_that_ends_early_finds_what_an_exhaustive_one_does(
            signals in prop::collection::vec((0_u8..9, prop::option::of(0_u8..=4)), 0..40),
        ) {
            let bounds: Vec<f64> = signals.iter().map(|(range, _)| f64::from(*range)).collect();
            let judge = |index: usize| {
                let (range, quarters) = signals[index];
                Some((index, f64::from(range) * f64::from(quarters?) / 4.0))
            };
            let exhaustive = (0..signals.len()).filter_map(judge).max_by(|one, other| one.1.total_cmp(&other.1));
            prop_assert_eq!(greatest(&bounds, judge, |judged| judged.1), exhaustive);
        }
    }
}
