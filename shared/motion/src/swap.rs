//! Left taken for right: finds where a model exchanged the legs or the arms of one person for some frames, and puts it right.
//!
//! Limbs go on as they moved. Where they stand elsewhere from one frame to the next, and exactly where the other side's were expected,
//! the model exchanged them. Which exchanges there were is decided for the whole stretch at once: those for which the sum of all
//! deviations from constant velocity and of a price for each exchange is least (Viterbi 1967, on the two states "as before"
//! and "exchanged"). Legs that pass each other in a view from the side keep their pace, so they are no exchange.
//!
//! Continuity tells where sides change, not which of them is right. So only a naming that lasts no longer than half a second, and that
//! the model had otherwise before and after it, is put right; a change that is not taken back stays. Legs and arms are
//! looked at on their own.

use std::ops::Range;

use crate::findings::{Limbs, SwapRepair};
use crate::identity::Sighting;
use crate::{Landmark, Pose};

/// Price of an exchange, in trunks summed over the landmarks of both sides. Noise of a model, some hundredths of a trunk in each of ten
/// landmarks, gains less by an exchange; legs that are 10 cm apart gain three times as much.
const PRICE: f64 = 1.0;

/// A landmark is off by no more than this, in trunks: what jumps further is lost and tells nothing of sides.
const FURTHEST: f64 = 1.0;

/// A landmark counts as much as the model sees it, and from here on.
const LEAST_VISIBILITY: f32 = 0.3;

/// What lasts longer than this, in seconds, is left as it is: then it may be the rest that is wrong.
const LONGEST_S: f64 = 0.5;

/// Stretches that are further apart than this, in seconds, have nothing to do with each other.
const LONGEST_GAP_S: f64 = 0.2;

/// Legs, then arms: the left landmark of each pair. The right one follows it.
const LEGS: [Landmark; 5] = [
    Landmark::LeftHip,
    Landmark::LeftKnee,
    Landmark::LeftAnkle,
    Landmark::LeftHeel,
    Landmark::LeftFootIndex,
];
const ARMS: [Landmark; 6] = [
    Landmark::LeftShoulder,
    Landmark::LeftElbow,
    Landmark::LeftWrist,
    Landmark::LeftPinky,
    Landmark::LeftIndex,
    Landmark::LeftThumb,
];

impl Limbs {
    fn left(self) -> &'static [Landmark] {
        match self {
            Self::Legs => &LEGS,
            Self::Arms => &ARMS,
        }
    }
}

/// Where the legs or the arms of one person are exchanged.
///
/// `poses` holds a pose or a gap for each moment of `time_s`, which increases. Poses of fewer landmarks than BlazePose's 33 tell
/// nothing.
pub fn find(poses: &[Option<Pose>], time_s: &[f64]) -> Vec<SwapRepair> {
    let of = |limbs: Limbs| {
        let frames = exchanged(poses, time_s, limbs).into_iter();
        frames.map(move |frames| SwapRepair {
            limbs,
            start: frames.start,
            end: frames.end,
            start_s: time_s[frames.start],
            end_s: time_s[frames.end - 1],
        })
    };
    of(Limbs::Legs).chain(of(Limbs::Arms)).collect()
}

/// Exchanges left and right where they were found to be exchanged, in place.
pub fn repair(poses: &mut [Option<Pose>], swaps: &[SwapRepair]) {
    for swap in swaps {
        for pose in poses[swap.start..swap.end].iter_mut().flatten() {
            exchange(pose, swap.limbs);
        }
    }
}

fn exchange(pose: &mut Pose, limbs: Limbs) {
    for left in limbs.left() {
        pose.points.swap(left.index(), left.index() + 1);
    }
}

/// The frames in which the limbs are exchanged.
fn exchanged(poses: &[Option<Pose>], time_s: &[f64], limbs: Limbs) -> Vec<Range<usize>> {
    let frames = poses.len().min(time_s.len());
    let seen: Vec<Moment> = (0..frames)
        .filter_map(|frame| Moment::of(frame, time_s[frame], poses[frame].as_ref()?, limbs))
        .collect();
    let mut found = Vec::new();
    for stretch in seen.chunk_by(|a, b| b.time_s - a.time_s <= LONGEST_GAP_S) {
        found.extend(of_stretch(stretch));
    }
    found
}

/// Where both sides' landmarks are in a frame.
struct Moment {
    frame: usize,
    time_s: f64,
    trunk_px: f64,
    /// For each pair: left, right, and how much it counts.
    pairs: Vec<([[f64; 2]; 2], f64)>,
}

impl Moment {
    fn of(frame: usize, time_s: f64, pose: &Pose, limbs: Limbs) -> Option<Self> {
        if pose.points.len() < Landmark::ALL.len() {
            return None;
        }
        let pair = |left: &Landmark| {
            let sides = [pose.points[left.index()], pose.points[left.index() + 1]];
            let visibility = sides[0].visibility.min(sides[1].visibility);
            let weight = if visibility < LEAST_VISIBILITY { 0.0 } else { visibility };
            let places = sides.map(|point| [f64::from(point.x_px), f64::from(point.y_px)]);
            (places, f64::from(weight))
        };
        Some(Self {
            frame,
            time_s,
            trunk_px: Sighting::of(pose, time_s)?.trunk_px(),
            pairs: limbs.left().iter().map(pair).collect(),
        })
    }
}

/// The frames of a stretch that are named other than those around them, for a short while.
fn of_stretch(stretch: &[Moment]) -> Vec<Range<usize>> {
    let is_exchanged = parities(stretch);
    let mut bounds: Vec<usize> = (1..stretch.len())
        .filter(|&at| is_exchanged[at] != is_exchanged[at - 1])
        .collect();
    let mut found = Vec::new();
    let lasts_s = |from: usize, to: usize| stretch[to].time_s - stretch[from].time_s;
    // The shortest first: once it is put right, what was before and after it is one.
    while let Some(at) = (1..bounds.len())
        .min_by(|&a, &b| lasts_s(bounds[a - 1], bounds[a]).total_cmp(&lasts_s(bounds[b - 1], bounds[b])))
    {
        if lasts_s(bounds[at - 1], bounds[at]) > LONGEST_S {
            break;
        }
        found.push(bounds[at - 1]..bounds[at]);
        bounds.drain(at - 1..=at);
    }
    frames(stretch, &found)
}

/// The frames of places in a stretch; places that were found within others were right.
fn frames(stretch: &[Moment], found: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut goes_on = false;
    for (place, moment) in stretch.iter().enumerate() {
        let is_wrong = found.iter().filter(|range| range.contains(&place)).count() % 2 == 1;
        match runs.last_mut() {
            Some(last) if is_wrong && goes_on => last.end = moment.frame + 1,
            _ if is_wrong => runs.push(moment.frame..moment.frame + 1),
            _ => {}
        }
        goes_on = is_wrong;
    }
    runs
}

/// For each moment whether its sides are those of the first one exchanged, on the cheapest way through.
fn parities(stretch: &[Moment]) -> Vec<bool> {
    let trunk_px = median(stretch.iter().map(|moment| moment.trunk_px));
    // What the way costs up to a step, without and with an exchange in it, and which step before it that was.
    let mut costs = [0.0; 2];
    let mut came_from: Vec<[usize; 2]> = Vec::with_capacity(stretch.len());
    for place in 1..stretch.len() {
        let price = |exchange: usize| if exchange == 1 { PRICE } else { 0.0 };
        let mut next = [0.0; 2];
        let mut from = [0; 2];
        for exchange in 0..2 {
            (next[exchange], from[exchange]) = if place == 1 {
                (step(&stretch[0], &stretch[1], exchange, trunk_px), 0)
            } else {
                let way =
                    |before: usize| costs[before] + turn(&stretch[place - 2..=place], [before, exchange], trunk_px);
                let (without, with) = (way(0), way(1));
                if with < without { (with, 1) } else { (without, 0) }
            };
            next[exchange] += price(exchange);
        }
        costs = next;
        came_from.push(from);
    }
    let mut exchange = usize::from(costs[1] < costs[0]);
    let mut exchanges = vec![false; stretch.len()];
    for place in (1..stretch.len()).rev() {
        exchanges[place] = exchange == 1;
        exchange = came_from[place - 1][exchange];
    }
    let mut is_exchanged = false;
    exchanges
        .into_iter()
        .map(|exchange| {
            is_exchanged ^= exchange;
            is_exchanged
        })
        .collect()
}

/// How far limbs are from where they were in the moment before, if sides are exchanged (1) or not (0) in between; in trunks.
fn step(from: &Moment, to: &Moment, exchange: usize, trunk_px: f64) -> f64 {
    let pairs = from.pairs.iter().zip(&to.pairs);
    let off = pairs.map(|((before, weight_before), (after, weight_after))| {
        let weight = weight_before.min(*weight_after);
        let side = |side: usize| apart(before[side], after[side ^ exchange], trunk_px);
        weight * (side(0) + side(1))
    });
    off.sum()
}

/// How far limbs are from where their pace takes them over three moments, for exchanges in the first and second step; in trunks.
fn turn(moments: &[Moment], [first, second]: [usize; 2], trunk_px: f64) -> f64 {
    let [a, b, c] = moments else { return 0.0 };
    let ahead = (c.time_s - b.time_s) / (b.time_s - a.time_s);
    let mut sum = 0.0;
    for ((from, through), to) in a.pairs.iter().zip(&b.pairs).zip(&c.pairs) {
        let weight = from.1.min(through.1).min(to.1);
        for side in 0..2 {
            let (from, through, to) = (from.0[side], through.0[side ^ first], to.0[side ^ first ^ second]);
            let expected = [0, 1].map(|axis| through[axis] + (through[axis] - from[axis]) * ahead);
            sum += weight * apart(expected, to, trunk_px);
        }
    }
    sum
}

fn apart(a: [f64; 2], b: [f64; 2], trunk_px: f64) -> f64 {
    ((a[0] - b[0]).hypot(a[1] - b[1]) / trunk_px).min(FURTHEST)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    let middle = values.len() / 2;
    if values.is_empty() {
        return 1.0;
    }
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// What was put right, as a sentence; `None` where nothing was.
pub(crate) fn note(person: u32, repairs: &[SwapRepair]) -> Option<String> {
    let told = |limbs: Limbs| {
        let stretches: Vec<&SwapRepair> = repairs.iter().filter(|repair| repair.limbs == limbs).collect();
        let frames: usize = stretches.iter().map(|repair| repair.end - repair.start).sum();
        let places: Vec<String> = stretches
            .iter()
            .take(MOST_TOLD)
            .map(|repair| format!("{} to {}", repair.start + 1, repair.end))
            .collect();
        let more = if stretches.len() > MOST_TOLD { ", …" } else { "" };
        (frames > 0).then(|| format!("{} in {frames} frames ({}{more})", limbs.id(), places.join(", ")))
    };
    let told: Vec<String> = [Limbs::Legs, Limbs::Arms].into_iter().filter_map(told).collect();
    (!told.is_empty()).then(|| {
        format!(
            "Person {person}: the model took left for right, and that was put right: {}.",
            told.join("; ")
        )
    })
}

/// So many stretches are listed in a note; all of them are in the findings.
const MOST_TOLD: usize = 5;

#[cfg(test)]
mod tests;
