//! The places that events are read from, over time, with the picture turned so that the floor is level.

use std::ops::Range;

use super::signal::median;
use crate::angles::{deviation_deg, left_from_either};
use crate::body::{Body, Mark, Place};
use crate::{CameraPlane, Landmark, Pose, Side};

/// A place in a frame: along the floor to the right, and up from it, in pixels.
pub(crate) type Spot = Option<[f64; 2]>;

/// A leg's landmarks over time.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) hip: Vec<Spot>,
    pub(crate) knee: Vec<Spot>,
    pub(crate) ankle: Vec<Spot>,
    pub(crate) heel: Vec<Spot>,
    pub(crate) toe: Vec<Spot>,
    /// Lesser visibility of heel and toe; 0 where there is no pose.
    pub(crate) visibility: Vec<f64>,
}

/// What events are read from.
#[derive(Debug)]
pub(crate) struct Tracks<'a> {
    pub(crate) time_s: &'a [f64],
    poses: &'a [Option<Pose>],
    minimum_visibility: f32,
    /// Middle of the hips.
    pub(crate) hips: Vec<Spot>,
    /// Middle of the shoulders.
    pub(crate) shoulders: Vec<Spot>,
    legs: [Leg; 2],
    /// Length of thigh and shank together in pixels: the median over the frames in which a leg is seen, of the longer
    /// leg. All thresholds on distances are shares of it, so that neither the size of the picture nor the distance
    /// from the camera matters.
    pub(crate) leg_px: f64,
}

/// Both sides, in the order of [`Tracks`]' legs.
pub(crate) const SIDES: [Side; 2] = [Side::Left, Side::Right];

impl<'a> Tracks<'a> {
    /// Takes the places out of cleaned poses. `None` if no frame shows a whole leg.
    pub(crate) fn new(
        poses: &'a [Option<Pose>],
        time_s: &'a [f64],
        minimum_visibility: f32,
        floor_angle_deg: f64,
    ) -> Option<Self> {
        let (sin, cos) = floor_angle_deg.to_radians().sin_cos();
        let track = |place: Place| -> Vec<Spot> {
            let spot = |pose: &Option<Pose>| {
                let [right, below] = Body::new(pose.as_ref()?, minimum_visibility).seen_px(place)?;
                Some([right * cos - below * sin, -below * cos - right * sin])
            };
            poses.iter().map(spot).collect()
        };
        let leg = |side: Side| {
            let [hip, knee, ankle, heel, toe] = landmarks(side);
            let ((hip, knee), (ankle, (heel, toe, visibility))) = rayon::join(
                || (track(hip.into()), track(knee.into())),
                || {
                    let visibility = poses.iter().map(|pose| visibility(pose.as_ref(), heel, toe));
                    let foot = (track(heel.into()), track(toe.into()), visibility.collect());
                    (track(ankle.into()), foot)
                },
            );
            let leg = Leg {
                hip,
                knee,
                ankle,
                heel,
                toe,
                visibility,
            };
            (leg_length_px(&leg), leg)
        };
        let ((left, right), (hips, shoulders)) = rayon::join(
            || rayon::join(|| leg(Side::Left), || leg(Side::Right)),
            || (track(Mark::Hips.on(None)), track(Mark::Shoulders.on(None))),
        );
        Some(Self {
            time_s,
            poses,
            minimum_visibility,
            hips,
            shoulders,
            leg_px: match (left.0, right.0) {
                (Some(left), Some(right)) => left.max(right),
                (one, other) => one.or(other)?,
            },
            legs: [left.1, right.1],
        })
    }

    /// Of a recording that shows nobody's legs: no frame at all.
    pub(crate) fn nobody() -> Self {
        let leg = || Leg {
            hip: Vec::new(),
            knee: Vec::new(),
            ankle: Vec::new(),
            heel: Vec::new(),
            toe: Vec::new(),
            visibility: Vec::new(),
        };
        Self {
            time_s: &[],
            poses: &[],
            minimum_visibility: 0.0,
            hips: Vec::new(),
            shoulders: Vec::new(),
            legs: [leg(), leg()],
            leg_px: 1.0,
        }
    }

    pub(crate) fn leg(&self, side: Side) -> &Leg {
        match side {
            Side::Left => &self.legs[0],
            Side::Right => &self.legs[1],
        }
    }

    /// How far the person is turned out of the image plane in a range of frames.
    pub(crate) fn camera_plane(&self, frames: Range<usize>) -> Option<CameraPlane> {
        let deviations = self.poses[frames].iter().flatten();
        let deviations = deviations
            .filter_map(|pose| left_from_either(&Body::new(pose, self.minimum_visibility)))
            .map(deviation_deg);
        median(deviations.collect()).map(CameraPlane::from_deviation_deg)
    }
}

/// The ranges of frames in which something is known without a break.
pub(crate) fn runs(known: impl Iterator<Item = bool>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (frame, known) in known.enumerate() {
        match runs.last_mut() {
            Some(run) if known && run.end == frame => run.end += 1,
            _ if known => runs.push(frame..frame + 1),
            _ => {}
        }
    }
    runs
}

fn landmarks(side: Side) -> [Landmark; 5] {
    use Landmark as L;
    match side {
        Side::Left => [L::LeftHip, L::LeftKnee, L::LeftAnkle, L::LeftHeel, L::LeftFootIndex],
        Side::Right => [
            L::RightHip,
            L::RightKnee,
            L::RightAnkle,
            L::RightHeel,
            L::RightFootIndex,
        ],
    }
}

fn visibility(pose: Option<&Pose>, heel: Landmark, toe: Landmark) -> f64 {
    let of = |landmark| {
        pose.and_then(|pose| pose.point(landmark))
            .map_or(0.0, |point| point.visibility)
    };
    f64::from(of(heel).min(of(toe)))
}

fn leg_length_px(leg: &Leg) -> Option<f64> {
    let lengths = leg.hip.iter().zip(&leg.knee).zip(&leg.ankle);
    let lengths = lengths.filter_map(|((&hip, &knee), &ankle)| Some(apart(hip?, knee?) + apart(knee?, ankle?)));
    median(lengths.collect()).filter(|&length| length > 0.0)
}

pub(crate) fn apart(from: [f64; 2], to: [f64; 2]) -> f64 {
    (to[0] - from[0]).hypot(to[1] - from[1])
}
