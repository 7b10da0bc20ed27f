//! Scale: how many metres a pixel is at the person.
//!
//! It holds where the person moves parallel to the image plane. A known length at the person is best, then the person's
//! height, and without either a typical height gives numbers of the right size but not measurements.

use rayon::prelude::*;

use crate::body::{Body, Mark, length};
use crate::definitions::{FOOT_TO_ANKLE, SHANK, Segment, THIGH, UP_THE_BACK};
use crate::find::Movement;
use crate::findings::Scale;
use crate::floor::Floor;
use crate::{Angle, Findings, Pose, Sex, Side, Space};

/// The mean height of adults born in 1996, women and men, in metres (NCD Risk Factor Collaboration 2016, eLife 5:e13410: 1.59
/// and 1.71 m).
const TYPICAL_HEIGHTS_M: [f64; 2] = [1.59, 1.71];

/// From the middle of the shoulders to the vertex is so many times as far as to the nose: the factor of `Sports2D`.
const VERTEX_PER_NOSE: f64 = 1.5;

/// A body that is bent further than this, in the mean of both hips and knees, is not measured: as `Sports2D`.
const GREATEST_BEND_DEG: f64 = 90.0;

/// If fewer frames than this are that straight, the straightest are taken: as `Sports2D`.
const LEAST_STRAIGHT_FRAMES: usize = 50;

/// Fewer frames with the whole body than this give no height.
const LEAST_FRAMES: usize = 3;

/// How much a scale is trusted if the body's height in pixels does not vary, by where it comes from.
const TRUST_IN_LENGTH: f64 = 1.0;
const TRUST_IN_HEIGHT: f64 = 0.9;
const TRUST_IN_TYPICAL_HEIGHT: f64 = 0.3;

/// How much a body's height is trusted that is seen from the front or from nobody knows where.
const LEAST_TRUST_IN_VIEW: f64 = 0.5;

/// The body's height in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HeightPx {
    pub(crate) px: f64,
    /// The middle half of the frames lies within this share of the median, up and down together.
    pub(crate) spread: f64,
}

/// Adds the scale and how the floor lies.
pub(crate) fn find(movement: &Movement<'_>, findings: &mut Findings, notes: &mut Vec<String>) {
    let height = height_px(movement);
    let known = movement
        .settings
        .px_per_m
        .map(|px_per_m| (1.0 / px_per_m, "known_length", TRUST_IN_LENGTH));
    let from_height = |height: HeightPx| {
        let subject = &movement.settings.subject;
        match subject.height_m {
            Some(height_m) => (height_m / height.px, "person_height", TRUST_IN_HEIGHT),
            None => (
                typical_height_m(subject.sex) / height.px,
                "typical_height",
                TRUST_IN_TYPICAL_HEIGHT,
            ),
        }
    };
    let view = if known.is_some() { 1.0 } else { trust_in_view(movement) };
    let Some((m_per_px, source, trust)) = known.or_else(|| height.map(from_height)) else {
        return;
    };
    // Without the body in pixels the floor is sought as if the person were of typical height.
    let body_px = height.map_or_else(
        || typical_height_m(movement.settings.subject.sex) / m_per_px,
        |height| height.px,
    );
    let floor = Floor::of(movement, body_px);
    notes.extend(floor.and_then(|floor| floor.note(movement.person.id)));
    findings.scale = Some(Scale {
        m_per_px,
        source: source.to_owned(),
        floor_angle_deg: floor.and_then(|floor| floor.angle_deg),
        floor_at_left_px: floor.map(|floor| floor.at_left_px),
        confidence: trust * view * steadiness(height),
    });
}

fn typical_height_m(sex: Sex) -> f64 {
    let [female, male] = TYPICAL_HEIGHTS_M;
    sex.pick(female, male)
}

/// Limbs that bend towards the camera are shortened: a rendered athlete of 1.75 m who squats reads 1.75 m from the side, 1.62 m at 45
/// degrees and 1.49 m from the front (`cargo xtask bench --accuracy`).
fn trust_in_view(movement: &Movement<'_>) -> f64 {
    let plane = movement.person.camera_plane;
    plane.map_or(LEAST_TRUST_IN_VIEW, |plane| {
        plane.deviation_deg.to_radians().cos().max(LEAST_TRUST_IN_VIEW)
    })
}

/// In `0..=1`: a body that keeps its height in the picture stays at its distance from the camera.
fn steadiness(height: Option<HeightPx>) -> f64 {
    height.map_or(1.0, |height| (1.0 - 2.0 * height.spread).max(0.0))
}

/// The height of the straightened body in pixels: heel to ankle, shank, thigh and back, each the mean of the sides that are seen,
/// and one and a half times the way from the middle of the shoulders to the nose; of that the mean of the middle half over the
/// frames in which hips and knees are bent little. This is `compute_height` of `Pose2Sim` as `Sports2D` uses it for models without a landmark on
/// the vertex (Pagnon and Kim 2024, doi:10.21105/joss.06849), save that one side is enough.
///
/// `None` where the whole body is seen in fewer than three frames.
pub(crate) fn height_px(movement: &Movement<'_>) -> Option<HeightPx> {
    let minimum_visibility = movement.settings.minimum_visibility;
    let bends_deg: Vec<Option<f64>> = mean_bends_deg(movement).collect();
    let mut frames: Vec<(f64, f64)> = movement
        .person
        .poses
        .par_iter()
        .zip(bends_deg)
        .filter_map(|(pose, bend_deg)| Some((bend_deg?, frame_height_px(pose.as_ref()?, minimum_visibility)?)))
        .collect();
    frames.par_sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let straight = frames.partition_point(|&(bend_deg, _)| bend_deg < GREATEST_BEND_DEG);
    frames.truncate(straight.max(LEAST_STRAIGHT_FRAMES));
    if frames.len() < LEAST_FRAMES {
        return None;
    }
    let mut heights_px: Vec<f64> = frames.into_iter().map(|(_, height_px)| height_px).collect();
    heights_px.par_sort_unstable_by(f64::total_cmp);
    let (low, high) = (heights_px.len() / 4, heights_px.len() * 3 / 4);
    let middle = &heights_px[low..high];
    Some(HeightPx {
        px: middle.iter().sum::<f64>() / middle.len() as f64,
        spread: (middle[middle.len() - 1] - middle[0]) / heights_px[heights_px.len() / 2],
    })
}

/// The mean size of the flexion of both hips and knees in the image, of those that are known.
fn mean_bends_deg<'a>(movement: &Movement<'a>) -> impl Iterator<Item = Option<f64>> + use<'a> {
    let joints = [Angle::KneeFlexion, Angle::HipFlexion].into_iter();
    let series: Vec<_> = joints
        .flat_map(|angle| angle.sides().iter().map(move |&side| (angle, side)))
        .filter_map(|(angle, side)| movement.person.series(angle, side, Space::Image))
        .collect();
    (0..movement.time_s.len()).map(move |frame| {
        let bends = series.iter().filter_map(|series| series.value_deg[frame]);
        let (sum, count) = bends.fold((0.0, 0.0), |(sum, count), bend_deg| (sum + bend_deg.abs(), count + 1.0));
        (count > 0.0).then(|| sum / count)
    })
}

fn frame_height_px(pose: &Pose, minimum_visibility: f32) -> Option<f64> {
    let body = Body::new(pose, minimum_visibility);
    let mean_px = |segment: Segment| {
        let on = |side| {
            Some(length(
                body.image(segment.from.on(Some(side)), segment.to.on(Some(side)))?,
            ))
        };
        match (on(Side::Left), on(Side::Right)) {
            (Some(left), Some(right)) => Some(f64::midpoint(left, right)),
            (one, other) => one.or(other),
        }
    };
    let neck_px = length(body.image(Mark::Shoulders.on(None), Mark::Nose.on(None))?);
    let trunk_and_leg_px: Option<f64> = [FOOT_TO_ANKLE, SHANK, THIGH, UP_THE_BACK]
        .into_iter()
        .map(mean_px)
        .sum();
    Some(trunk_and_leg_px? + VERTEX_PER_NOSE * neck_px)
}
