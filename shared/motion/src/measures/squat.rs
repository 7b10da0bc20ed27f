//! Squats: how deep, at the bottom of each.

use std::ops::Range;

use super::{Kind, Sample, withheld};
use crate::events::bouts::Bout;
use crate::events::jumps::Jump;
use crate::events::signal::{Extreme, minima, vertex_s};
use crate::events::tracks::{SIDES, Tracks, apart};
use crate::{CameraPlane, Measure, Scale, Side, View};

const HIP_OVER_KNEE: Kind = Kind::new("squat_hip_over_knee", "Squat depth: hip over knee at the bottom", "m");
const THIGH: Kind = Kind::new(
    "squat_thigh_angle",
    "Squat depth: thigh over the horizontal at the bottom",
    "deg",
);
const KNEE: Kind = Kind::new("squat_knee_flexion", "Squat depth: knee flexion at the bottom", "deg");

const METHOD: &str = "bottom_of_hips_over_ankles";

/// The hips sink by at least so many leg lengths. With 40 degrees of knee flexion and a level shank they sink by a quarter.
const LEAST_SINKING: f64 = 0.12;

/// The feet stay within so many leg lengths from half the descent to half the ascent.
const PLANTED: f64 = 0.15;

/// A dip so close to a jump, in seconds, is its swing or its landing.
const BESIDE_JUMP_S: f64 = 1.0;

/// At the top of a squat the hips are over the foot that carries by at least so much of the leg's own length.
const STRAIGHT: f64 = 0.8;

/// At the bottom of a squat the shoulders are over the hips by at least so much of the trunk's length: it leans by less than 66 degrees.
const LEAST_UPRIGHT: f64 = 0.4;

/// A dip of the hips.
struct Bottom {
    frame: usize,
    /// From where it is seen, if that is known.
    plane: Option<CameraPlane>,
}

impl Bottom {
    /// How far what is seen is the leg's own; `None` where thighs and shanks point at the camera.
    fn view(&self) -> Option<f64> {
        let plane = self.plane.filter(|plane| plane.view != View::Frontal)?;
        Some(plane.deviation_deg.to_radians().cos())
    }
}

/// All measures of squats.
pub(crate) fn measures(tracks: &Tracks<'_>, bouts: &[Bout], jumps: &[Jump], scale: Option<&Scale>) -> Vec<Measure> {
    let dips = bottoms(tracks, bouts, jumps);
    let seen: Vec<(usize, f64)> = dips.iter().filter_map(|dip| Some((dip.frame, dip.view()?))).collect();
    let reason = match dips.as_slice() {
        [] => "no squat was found: the hips of somebody upright never sank and rose over planted feet",
        _ if !seen.is_empty() => "hip, knee or ankle are not seen at the bottom",
        dips if dips.iter().all(|dip| dip.plane.is_none()) => "it is not known from where the camera looks",
        _ => "squats are seen from the front or back, so that thighs and shanks point at the camera",
    };
    let mut measures = Vec::new();
    for side in SIDES {
        let leg = tracks.leg(side);
        let of = |value: &dyn Fn(usize) -> Option<f64>| -> Vec<Sample> {
            let sample = |&(frame, view): &(usize, f64)| {
                Some(Sample {
                    value: value(frame)?,
                    confidence: view * leg.visibility[frame],
                })
            };
            seen.iter().filter_map(sample).collect()
        };
        let rise_px = |frame: usize| Some(leg.hip[frame]?[1] - leg.knee[frame]?[1]);
        let depths = of(&rise_px);
        measures.push(match scale {
            None if !depths.is_empty() => HIP_OVER_KNEE.measure(
                Some(side),
                METHOD,
                withheld("no scale is known: give the person's height or a known length"),
            ),
            _ => {
                let (m_per_px, trust) = scale.map_or((1.0, 0.0), |scale| (scale.m_per_px, scale.confidence));
                let metres = |sample: &Sample| Sample {
                    value: sample.value * m_per_px,
                    confidence: sample.confidence * trust,
                };
                let metres: Vec<Sample> = depths.iter().map(metres).collect();
                HIP_OVER_KNEE.of(Some(side), METHOD, &metres, reason)
            }
        });
        measures.push(THIGH.of(Some(side), METHOD, &of(&|frame| thigh_deg(tracks, side, frame)), reason));
        measures.push(KNEE.of(Some(side), METHOD, &of(&|frame| knee_deg(tracks, side, frame)), reason));
    }
    measures
}

/// The bottom of each dip of the hips over planted feet, from or to standing upright. Push-ups and bridges sink and rise too.
fn bottoms(tracks: &Tracks<'_>, bouts: &[Bout], jumps: &[Jump]) -> Vec<Bottom> {
    let height = |frame: usize| Some((tracks.hips[frame]?[1] - feet(tracks, frame)?[1]) / tracks.leg_px);
    let heights: Vec<Option<f64>> = (0..tracks.time_s.len()).map(height).collect();
    let mut bottoms = Vec::new();
    for run in tracks.runs(0, heights.iter().map(Option::is_some)) {
        let values: Vec<f64> = heights[run.clone()].iter().flatten().copied().collect();
        let time_s = &tracks.time_s[run.clone()];
        for dip in &minima(time_s, &values, LEAST_SINKING) {
            let half = values[dip.index] + dip.prominence / 2.0;
            let is_up = |&index: &usize| values[index] >= half;
            let from = (0..dip.index).rev().find(is_up).unwrap_or(0);
            let to = (dip.index..values.len()).find(is_up).unwrap_or(values.len() - 1);
            let frames = run.start + from..run.start + to + 1;
            let bottom_s = vertex_s(time_s, &values, dip.index);
            let walking = bouts.iter().any(|bout| bout.frames.contains(&(run.start + dip.index)));
            let jumping = jumps
                .iter()
                .any(|jump| bottom_s > jump.take_off_s - BESIDE_JUMP_S && bottom_s < jump.landing_s + BESIDE_JUMP_S);
            let standing = tops(&values, dip)
                .into_iter()
                .any(|top| stands(tracks, run.start + top));
            let upright = leans_little(tracks, run.start + dip.index);
            if walking || jumping || !standing || !upright || !planted(tracks, frames.clone()) {
                continue;
            }
            bottoms.push(Bottom {
                frame: run.start + dip.index,
                plane: tracks.camera_plane(frames),
            });
        }
    }
    bottoms
}

/// A dip ends where the hips are back at so much of the lower of its rims.
const BACK: f64 = 0.95;

/// Where a dip begins and ends: the nearest places on both sides that are as high as the lower of its rims, but for [`BACK`]. What was
/// before and after it, such as lying down for push-ups and getting up from them, is not of it.
fn tops(heights: &[f64], dip: &Extreme) -> [usize; 2] {
    let rim = heights[dip.index] + BACK * dip.prominence;
    let is_top = |&index: &usize| heights[index] >= rim;
    [
        (0..dip.index).rev().find(is_top).unwrap_or(0),
        (dip.index..heights.len()).find(is_top).unwrap_or(heights.len() - 1),
    ]
}

/// Whether the shoulders are well over the hips, as at the bottom of every squat, and not level with them, as on hands and feet.
fn leans_little(tracks: &Tracks<'_>, frame: usize) -> bool {
    let (Some(hips), Some(shoulders)) = (tracks.hips[frame], tracks.shoulders[frame]) else {
        return false;
    };
    shoulders[1] - hips[1] >= LEAST_UPRIGHT * apart(hips, shoulders)
}

fn stands(tracks: &Tracks<'_>, frame: usize) -> bool {
    tracks.is_upright(frame) == Some(true) && tracks.stature(frame).is_some_and(|stature| stature.in_legs >= STRAIGHT)
}

fn feet(tracks: &Tracks<'_>, frame: usize) -> Option<[f64; 2]> {
    let [left, right] = SIDES.map(|side| tracks.leg(side).ankle[frame]);
    let (left, right) = (left?, right?);
    Some([0, 1].map(|axis| f64::midpoint(left[axis], right[axis])))
}

fn planted(tracks: &Tracks<'_>, frames: Range<usize>) -> bool {
    let Some(first) = feet(tracks, frames.start) else {
        return false;
    };
    frames
        .filter_map(|frame| feet(tracks, frame))
        .all(|feet| apart(first, feet) <= PLANTED * tracks.leg_px)
}

/// The thigh over the horizontal: 0 parallel to the floor, positive with the hip over the knee.
fn thigh_deg(tracks: &Tracks<'_>, side: Side, frame: usize) -> Option<f64> {
    let leg = tracks.leg(side);
    let (hip, knee) = (leg.hip[frame]?, leg.knee[frame]?);
    Some((hip[1] - knee[1]).atan2((hip[0] - knee[0]).abs()).to_degrees())
}

/// The angle between thigh and shank, 0 for a straight leg.
fn knee_deg(tracks: &Tracks<'_>, side: Side, frame: usize) -> Option<f64> {
    let leg = tracks.leg(side);
    let (hip, knee, ankle) = (leg.hip[frame]?, leg.knee[frame]?, leg.ankle[frame]?);
    let (thigh, shank) = (
        [knee[0] - hip[0], knee[1] - hip[1]],
        [ankle[0] - knee[0], ankle[1] - knee[1]],
    );
    let (cross, along) = (
        thigh[0] * shank[1] - thigh[1] * shank[0],
        thigh[0] * shank[0] + thigh[1] * shank[1],
    );
    Some(cross.atan2(along).to_degrees().abs())
}
