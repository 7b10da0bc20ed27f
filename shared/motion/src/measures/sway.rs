//! Balance: how the middle of the hips sways in the picture while somebody stands still.

use std::ops::Range;

use super::{Kind, single, withheld};
use crate::events::bouts::Bout;
use crate::events::signal::median;
use crate::events::tracks::{SIDES, Tracks, apart};
use crate::{Measure, Outcome, Scale};

const STANDING_TIME: Kind = Kind::new("standing_time", "Longest time of standing still", "s");
const PATH: Kind = Kind::new("sway_path_length", "Sway: path of the hips", "m");
const VELOCITY: Kind = Kind::new("sway_mean_velocity", "Sway: mean velocity of the hips", "m_per_s");
const AREA: Kind = Kind::new("sway_ellipse_area", "Sway: area of the 95 % ellipse", "cm2");

/// Standing for less than this, in seconds, is a pause. Prieto et al. 1996 recorded 30 s and left out the first ten.
const LEAST_S: f64 = 5.0;

/// The time that is worth half the trust, in seconds.
const HALF_TRUST_S: f64 = 10.0;

/// Each ankle stays within so many leg lengths of where it was, about 5 cm.
const PLANTED: f64 = 0.06;

/// The hips are over the foot that carries by at least so much of that leg's own length: the knee is straight.
const STRAIGHT: f64 = 0.9;

/// They are over it by at least so many lengths of the trunk: the person does not sit. Children have shorter legs than the 1.7 of adults.
const STANDING: f64 = 1.2;

/// One ankle this many leg lengths over the other: the person stands on one leg. For a camera at the height of the chest, 2.5 m away,
/// the farther of two feet on the floor looks higher by as much.
const LIFTED: f64 = 0.2;

/// An ellipse of fewer places than this says nothing.
const LEAST_PLACES: usize = 50;

/// What a landmark moves by although the person does not, in pixels (measured on frames that differ by noise alone).
const NOISE_PX: f64 = 0.8;

/// All measures of balance.
pub(crate) fn measures(tracks: &Tracks<'_>, bouts: &[Bout], scale: Option<&Scale>) -> Vec<Measure> {
    let none = "nobody stood still for five seconds with straight legs and both feet in place";
    let longest = standing(tracks, bouts)
        .into_iter()
        .max_by(|a, b| duration_s(tracks, a).total_cmp(&duration_s(tracks, b)));
    let Some(frames) = longest.filter(|frames| duration_s(tracks, frames) >= LEAST_S) else {
        let all = [STANDING_TIME, PATH, VELOCITY, AREA];
        return all
            .map(|kind| kind.measure(None, "prieto_1996", withheld(none)))
            .to_vec();
    };
    let method = if on_one_leg(tracks, frames.clone()) {
        "prieto_1996_on_one_leg"
    } else {
        "prieto_1996_on_two_legs"
    };
    let points: Vec<[f64; 2]> = tracks.hips[frames.clone()].iter().flatten().copied().collect();
    let seconds = duration_s(tracks, &frames);
    let time = STANDING_TIME.measure(None, method, single(seconds, seconds / (seconds + HALF_TRUST_S)));
    if points.len() < LEAST_PLACES {
        let few = "the hips are seen in fewer than 50 frames while the person stands still";
        let others = [PATH, VELOCITY, AREA].map(|kind| kind.measure(None, method, withheld(few)));
        return [time].into_iter().chain(others).collect();
    }
    let swayed = Sway::of(&points);
    let rms_px = (swayed.covariance[0] + swayed.covariance[1]).sqrt();
    let trust = seconds / (seconds + HALF_TRUST_S) * rms_px.powi(2) / (rms_px.powi(2) + NOISE_PX.powi(2));
    let scaled = |value_px: f64, power: i32| -> Outcome {
        match scale {
            Some(scale) => single(value_px * scale.m_per_px.powi(power), trust * scale.confidence),
            None => withheld("no scale is known: give the person's height or a known length"),
        }
    };
    vec![
        time,
        PATH.measure(None, method, scaled(swayed.path, 1)),
        VELOCITY.measure(None, method, scaled(swayed.path / seconds, 1)),
        AREA.measure(None, method, scaled(1e4 * swayed.ellipse_area(), 2)),
    ]
}

fn duration_s(tracks: &Tracks<'_>, frames: &Range<usize>) -> f64 {
    tracks.time_s[frames.end - 1] - tracks.time_s[frames.start]
}

/// The phases in which both feet stay in place and the legs are straight.
fn standing(tracks: &Tracks<'_>, bouts: &[Bout]) -> Vec<Range<usize>> {
    let ankles = |frame: usize| -> Option<[[f64; 2]; 2]> {
        let [left, right] = SIDES.map(|side| tracks.leg(side).ankle[frame]);
        Some([left?, right?])
    };
    let stands = |frame: usize| {
        let stature = tracks.stature(frame);
        let is_straight = stature.is_some_and(|stature| stature.in_legs >= STRAIGHT && stature.in_trunks >= STANDING);
        let is_standing = is_straight && tracks.is_upright(frame) == Some(true) && ankles(frame).is_some();
        is_standing && !bouts.iter().any(|bout| bout.frames.contains(&frame))
    };
    let mut phases = Vec::new();
    for run in tracks.runs(0, (0..tracks.time_s.len()).map(stands)) {
        let mut start = run.start;
        for frame in run.clone() {
            let stayed = ankles(start).zip(ankles(frame)).is_some_and(|(from, to)| {
                from.into_iter()
                    .zip(to)
                    .all(|(from, to)| apart(from, to) <= PLANTED * tracks.leg_px)
            });
            if !stayed {
                phases.push(start..frame);
                start = frame;
            }
        }
        phases.push(start..run.end);
    }
    phases
}

fn on_one_leg(tracks: &Tracks<'_>, frames: Range<usize>) -> bool {
    let [left, right] = SIDES.map(|side| &tracks.leg(side).ankle);
    let lifts = frames.filter_map(|frame| Some((left[frame]?[1] - right[frame]?[1]).abs()));
    median(lifts.collect()).is_some_and(|lift| lift > LIFTED * tracks.leg_px)
}

/// How a point strays from its mean place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sway {
    /// Sum of the distances from each frame to the next.
    pub(crate) path: f64,
    /// Variances of the first and second coordinate, and their covariance (n − 1).
    pub(crate) covariance: [f64; 3],
    pub(crate) count: usize,
}

impl Sway {
    pub(crate) fn of(points: &[[f64; 2]]) -> Self {
        let count = points.len() as f64;
        let mean = [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / count);
        let product = |one: usize, other: usize| {
            let products = points
                .iter()
                .map(|point| (point[one] - mean[one]) * (point[other] - mean[other]));
            products.sum::<f64>() / (count - 1.0)
        };
        Self {
            path: points.windows(2).map(|pair| apart(pair[0], pair[1])).sum(),
            covariance: [product(0, 0), product(1, 1), product(0, 1)],
            count: points.len(),
        }
    }

    /// Area of the ellipse that holds 95 % of the points (Prieto et al. 1996, IEEE Transactions on Biomedical Engineering 43,
    /// 956–966, eq. 18, with the quantile of the F distribution for 2 and n − 2 degrees of freedom, which has a closed form;
    /// Schubert and Kirchner 2014, Gait & Posture 39, 518–522, on its name: a prediction and not a confidence ellipse).
    pub(crate) fn ellipse_area(&self) -> f64 {
        let rest = self.count as f64 - 2.0;
        let quantile = rest / 2.0 * (0.05_f64.powf(-2.0 / rest) - 1.0);
        let [one, other, both] = self.covariance;
        2.0 * std::f64::consts::PI * quantile * (one * other - both * both).max(0.0).sqrt()
    }
}
