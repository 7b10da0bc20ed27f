//! Walking bouts: where somebody walks at all.
//!
//! The legs of a walker pass each other like the blades of scissors: the distance between the ankles along the way is in turn
//! positive and negative, at a steady pace. Jumping jacks open the legs, but the ankles never pass each other; a squat or
//! standing does not open them.

use std::ops::Range;

use super::signal::median;
use super::tracks::{SIDES, Tracks};
use crate::{CameraPlane, Side, View};

/// The ankles are apart by at least so many leg lengths in the middle of a step. A slow walker's step is about half a leg
/// long (Hollman et al. 2011); seen up to 55 degrees off the side it looks a little over half of that.
const LEAST_SPREAD: f64 = 0.2;

/// Nearer together than this share of a leg the ankles are passing: noise there does not make steps.
const PASSING: f64 = 0.06;

/// A step takes at least and at most so long in seconds: from a sprinter's 280 steps per minute to a stroll of 40.
const STEP_S: Range<f64> = 0.21..1.5;

/// Successive steps of a bout differ in time by less than this factor. Slow hemiparetic gait has about 1.5 between its sides.
const STEADY: f64 = 1.8;

/// Fewer steps than this, two strides, are not yet walking: somebody who shifts the feet.
const LEAST_STEPS: usize = 4;

/// The body gets on by at least so many leg lengths a step, or else the walker stays in place, as on a treadmill.
const LEAST_TRAVEL: f64 = 0.12;

/// The toes point ahead of the heels by at least this share of a leg, or else the way ahead cannot be seen.
const LEAST_FACING: f64 = 0.05;

/// How the walker gets on in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Travel {
    /// Across the picture.
    Across,
    /// Not at all, as on a treadmill or where the camera goes along.
    InPlace,
}

/// Steady steps, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bout {
    /// The frames that belong to it: half a step more on each side than its middles of steps.
    pub(crate) frames: Range<usize>,
    /// +1 where the walker goes to the right in the picture, else −1.
    pub(crate) ahead: f64,
    pub(crate) travel: Travel,
    /// How far the way rises in the picture for each pixel to the right: somebody who walks away from the camera, too, has
    /// the feet higher in the picture with every step. 0 in place.
    pub(crate) rise: f64,
    /// Median time of a step in seconds.
    pub(crate) step_s: f64,
    /// From where the camera sees the walker during the bout.
    pub(crate) camera_plane: CameraPlane,
}

impl Bout {
    /// Whether a moment lies within it.
    pub(crate) fn holds(&self, time_s: &[f64], moment_s: f64) -> bool {
        let times = &time_s[self.frames.clone()];
        times.first().is_some_and(|&first_s| first_s <= moment_s)
            && times.last().is_some_and(|&last_s| moment_s <= last_s)
    }
}

/// Where somebody walks, and why not everything that looks like steps does.
#[derive(Debug, Default)]
pub(crate) struct Bouts {
    pub(crate) bouts: Vec<Bout>,
    /// Sentences about what was seen and left out.
    pub(crate) refused: Vec<&'static str>,
}

/// The middle of a step: the moment at which the legs are widest apart.
#[derive(Debug, Clone, Copy)]
struct Middle {
    index: usize,
    /// Whether the left ankle is to the right in the picture.
    left_is_right: bool,
    /// The frame at which this half of the scissors began.
    begin: usize,
    /// The frame at which it ended.
    end: usize,
}

/// Finds the bouts.
pub(crate) fn bouts(tracks: &Tracks<'_>) -> Bouts {
    let [left, right] = SIDES.map(|side| &tracks.leg(side).ankle);
    let spread: Vec<Option<f64>> = left
        .iter()
        .zip(right)
        .map(|(&left, &right)| Some((left?[0] - right?[0]) / tracks.leg_px))
        .collect();
    let known = spread
        .iter()
        .zip(&tracks.hips)
        .map(|(spread, hips)| spread.is_some() && hips.is_some());
    let mut found = Bouts::default();
    for run in tracks.runs(0, known) {
        let values: Vec<f64> = spread[run.clone()].iter().flatten().copied().collect();
        let middles = middles(&values, run.start);
        for chain in chains(tracks, &middles) {
            match bout(tracks, chain, &run) {
                Ok(bout) => found.bouts.push(bout),
                Err(reason) if !found.refused.contains(&reason) => found.refused.push(reason),
                Err(_) => {}
            }
        }
    }
    found
}

/// The halves of the scissors, with hysteresis between them.
fn middles(spread: &[f64], first: usize) -> Vec<Middle> {
    let mut middles: Vec<Middle> = Vec::new();
    for (index, &value) in spread.iter().enumerate() {
        if value.abs() < PASSING {
            continue;
        }
        let index = first + index;
        match middles.last_mut() {
            Some(last) if last.left_is_right == (value > 0.0) => {
                if value.abs() > spread[last.index - first].abs() {
                    last.index = index;
                }
                last.end = index + 1;
            }
            _ => middles.push(Middle {
                index,
                left_is_right: value > 0.0,
                begin: index,
                end: index + 1,
            }),
        }
    }
    // A half at the ends of the run counts only if its widest spread is inside it.
    middles.retain(|middle| {
        spread[middle.index - first].abs() >= LEAST_SPREAD
            && middle.index > first
            && middle.index + 1 < first + spread.len()
    });
    middles
}

/// Splits the middles into chains of steady, alternating steps in one direction.
fn chains<'m>(tracks: &Tracks<'_>, middles: &'m [Middle]) -> Vec<&'m [Middle]> {
    let time_s = |middle: &Middle| tracks.time_s[middle.index];
    let goes_on = |chain: &[Middle], next: &Middle| {
        let [.., last] = chain else { return true };
        let step_s = time_s(next) - time_s(last);
        if next.left_is_right == last.left_is_right || !STEP_S.contains(&step_s) {
            return false;
        }
        let [.., before, last] = chain else { return true };
        let before_s = time_s(last) - time_s(before);
        step_s < STEADY * before_s && before_s < STEADY * step_s && !turns(tracks, chain, travel(tracks, last, next))
    };
    let mut chains = Vec::new();
    let mut start = 0;
    for end in 1..=middles.len() {
        if end == middles.len() || !goes_on(&middles[start..end], &middles[end]) {
            if end - start > LEAST_STEPS {
                chains.push(&middles[start..end]);
            }
            // The middle that broke the rhythm may begin the next chain together with the one before it.
            let joined = end < middles.len() && end - start > 1 && goes_on(&middles[end - 1..end], &middles[end]);
            start = if joined { end - 1 } else { end };
        }
    }
    chains
}

/// Whether a step leads the other way than the last step of a chain that got on at all: who turns round steps in place meanwhile.
fn turns(tracks: &Tracks<'_>, chain: &[Middle], step: f64) -> bool {
    let mut steps = chain.windows(2).rev().map(|pair| travel(tracks, &pair[0], &pair[1]));
    let before = steps.find(|before| before.abs() >= LEAST_TRAVEL);
    step.abs() >= LEAST_TRAVEL && before.is_some_and(|before| before * step < 0.0)
}

/// How far the hips get on between two middles, in leg lengths.
fn travel(tracks: &Tracks<'_>, from: &Middle, to: &Middle) -> f64 {
    match (tracks.hips[from.index], tracks.hips[to.index]) {
        (Some(from), Some(to)) => (to[0] - from[0]) / tracks.leg_px,
        _ => 0.0,
    }
}

fn bout(tracks: &Tracks<'_>, chain: &[Middle], run: &Range<usize>) -> Result<Bout, &'static str> {
    let (first, last) = (chain[0], chain[chain.len() - 1]);
    let steps_s = chain
        .windows(2)
        .map(|pair| tracks.time_s[pair[1].index] - tracks.time_s[pair[0].index]);
    let step_s = median(steps_s.collect()).unwrap_or(STEP_S.start);
    // Half a step more, but not into what came before or comes after.
    let begin_s = tracks.time_s[first.index] - 0.6 * step_s;
    let end_s = tracks.time_s[last.index] + 0.6 * step_s;
    let begin = tracks
        .time_s
        .partition_point(|&time| time < begin_s)
        .max(run.start)
        .min(first.begin.max(run.start));
    let end = tracks
        .time_s
        .partition_point(|&time| time <= end_s)
        .min(run.end)
        .max(last.end.min(run.end));
    let frames = begin..end;
    if !upright(tracks, frames.clone()) {
        return Err("the legs alternate, but the body is not upright");
    }
    let camera_plane = tracks
        .camera_plane(frames.clone())
        .ok_or("the legs alternate, but neither shoulders nor hips tell from where the camera looks")?;
    if camera_plane.view == View::Frontal {
        return Err(
            "the walker is seen from the front or back, so that the feet do not pass each other in the picture",
        );
    }
    let facing = facing(tracks, frames.clone());
    let per_step = travel(tracks, &first, &last) / (chain.len() - 1) as f64;
    let (ahead, travel) = if per_step.abs() >= LEAST_TRAVEL {
        (per_step.signum(), Travel::Across)
    } else {
        (facing.signum(), Travel::InPlace)
    };
    if facing.abs() < LEAST_FACING {
        return Err("the legs alternate, but the feet do not show which way is ahead");
    }
    if facing * ahead < 0.0 {
        return Err("the walker goes backwards, and so has no heel strikes");
    }
    let rise = match travel {
        Travel::Across => rise(tracks, frames.clone()),
        Travel::InPlace => 0.0,
    };
    Ok(Bout {
        frames,
        ahead,
        travel,
        rise,
        step_s,
        camera_plane,
    })
}

/// Whether the body is upright in the median.
fn upright(tracks: &Tracks<'_>, frames: Range<usize>) -> bool {
    let told: Vec<bool> = frames.filter_map(|frame| tracks.is_upright(frame)).collect();
    2 * told.iter().filter(|&&upright| upright).count() > told.len()
}

/// The slope of the line of least squares through the places of heels and toes.
fn rise(tracks: &Tracks<'_>, frames: Range<usize>) -> f64 {
    let of_side = |side: Side| {
        let leg = tracks.leg(side);
        [&leg.heel[frames.clone()], &leg.toe[frames.clone()]]
    };
    let spots: Vec<[f64; 2]> = SIDES
        .into_iter()
        .flat_map(of_side)
        .flatten()
        .flatten()
        .copied()
        .collect();
    let mean = [0, 1].map(|axis| spots.iter().map(|spot| spot[axis]).sum::<f64>() / spots.len() as f64);
    let (mut across, mut along) = (0.0, 0.0);
    for spot in &spots {
        across += (spot[0] - mean[0]) * (spot[1] - mean[1]);
        along += (spot[0] - mean[0]).powi(2);
    }
    if along > 0.0 { across / along } else { 0.0 }
}

/// How far the toes point to the right of the heels in the mean, in leg lengths.
fn facing(tracks: &Tracks<'_>, frames: Range<usize>) -> f64 {
    let feet =
        frames.flat_map(|frame| SIDES.map(|side: Side| (tracks.leg(side).heel[frame], tracks.leg(side).toe[frame])));
    let lengths: Vec<f64> = feet.filter_map(|(heel, toe)| Some(toe?[0] - heel?[0])).collect();
    if lengths.is_empty() {
        return 0.0;
    }
    lengths.iter().sum::<f64>() / lengths.len() as f64 / tracks.leg_px
}
