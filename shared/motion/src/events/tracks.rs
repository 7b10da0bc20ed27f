//! The places that events are read from, over time, with the picture turned so that the floor is level.

use std::ops::Range;

use super::signal::median;
use crate::angles::{deviation_deg, left_from_either};
use crate::body::{Body, Mark, Place};
use crate::differences::stretches_of;
use crate::timebase::longest_step_s;
use crate::{CameraPlane, Landmark, Pose, Settings, Side, View};

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
    /// From where the camera looks, if somebody said so.
    view: Option<View>,
    /// Frames that lie further apart do not belong together, in seconds.
    longest_step_s: f64,
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

/// Height of the hips over the foot that carries, against what it is made of. Both are ratios within a frame, so that coming nearer to the
/// camera changes neither.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stature {
    /// In lengths of thigh and shank: 1 for a straight leg.
    pub(crate) in_legs: f64,
    /// In lengths of the trunk: about 1.7 standing (Winter, Biomechanics and Motor Control of Human Movement, 4th ed., figure 4.1), half of it
    /// on a chair, also from the front, where the thighs point at the camera and look short.
    pub(crate) in_trunks: f64,
}

/// Both sides, in the order of [`Tracks`]' legs.
pub(crate) const SIDES: [Side; 2] = [Side::Left, Side::Right];

impl<'a> Tracks<'a> {
    /// Takes the places out of cleaned poses. `None` if no frame shows a whole leg.
    pub(crate) fn new(
        poses: &'a [Option<Pose>],
        time_s: &'a [f64],
        settings: &Settings,
        floor_angle_deg: f64,
    ) -> Option<Self> {
        let minimum_visibility = settings.minimum_visibility;
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
            view: settings.view,
            longest_step_s: longest_step_s(time_s, settings.longest_gap_s),
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
            view: None,
            longest_step_s: 0.0,
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

    /// Whether shoulders are over hips and hips over ankles, within 45 degrees; `None` where they are not seen.
    pub(crate) fn is_upright(&self, frame: usize) -> Option<bool> {
        let is_up = |from: [f64; 2], to: [f64; 2]| to[1] - from[1] > (to[0] - from[0]).abs();
        let hips = self.hips[frame]?;
        let feet: Vec<_> = SIDES.iter().filter_map(|&side| self.leg(side).ankle[frame]).collect();
        if feet.is_empty() {
            return None;
        }
        let feet = [0, 1].map(|axis| feet.iter().map(|foot| foot[axis]).sum::<f64>() / feet.len() as f64);
        Some(is_up(feet, hips) && is_up(hips, self.shoulders[frame]?))
    }

    /// How straight the person stands: the height of the hips over the lower ankle, which is the one that carries, in lengths of that leg
    /// and of the trunk, as both look in this frame.
    pub(crate) fn stature(&self, frame: usize) -> Option<Stature> {
        let (hips, shoulders) = (self.hips[frame]?, self.shoulders[frame]?);
        let ankle = |side: &Side| self.leg(*side).ankle[frame];
        let lower = SIDES
            .into_iter()
            .filter(|side| ankle(side).is_some())
            .min_by(|one, other| {
                let height = |side: &Side| ankle(side).map_or(f64::INFINITY, |ankle| ankle[1]);
                height(one).total_cmp(&height(other))
            })?;
        let leg = self.leg(lower);
        let (hip, knee, ankle) = (leg.hip[frame]?, leg.knee[frame]?, leg.ankle[frame]?);
        let height = hips[1] - ankle[1];
        Some(Stature {
            in_legs: height / (apart(hip, knee) + apart(knee, ankle)),
            in_trunks: height / apart(hips, shoulders),
        })
    }

    /// The ranges of frames from one on, in which something is known without a break; a pause of the recording is one too.
    pub(crate) fn runs(&self, first: usize, known: impl Iterator<Item = bool>) -> Vec<Range<usize>> {
        let known: Vec<Option<()>> = known.map(|known| known.then_some(())).collect();
        let runs = stretches_of(&self.time_s[first..], &known, self.longest_step_s);
        runs.into_iter().map(|run| first + run.start..first + run.end).collect()
    }

    /// How far the person is turned out of the image plane in a range of frames.
    pub(crate) fn camera_plane(&self, frames: Range<usize>) -> Option<CameraPlane> {
        let deviations = self.poses[frames].iter().flatten();
        let deviations = deviations
            .filter_map(|pose| left_from_either(&Body::new(pose, self.minimum_visibility)))
            .map(deviation_deg);
        let seen = median(deviations.collect()).map(CameraPlane::from_deviation_deg);
        seen.or(self.view.map(CameraPlane::of_view))
    }
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
