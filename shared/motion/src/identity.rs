//! Whether somebody who is seen somewhere can be the one who was seen elsewhere before, and how likely that is.
//!
//! Poses of two people in one series would be filtered into limbs that nobody has. So a pose that is too far from where a person
//! can have got to begins, or goes on with, another person.

use crate::people::Appearance;
use crate::{Landmark, Pose};

/// A pose this many trunks away is another person even if no time has passed: the error of the model between frames.
const LEEWAY: f64 = 0.35;

/// Faster than this nobody moves, in lengths of the trunk per second. The trunk is about half a metre (0.288 of the body's
/// height: Drillis and Contini 1966), so this is 12 m/s, a sprinter at his fastest.
const FASTEST_PER_S: f64 = 24.0;

/// For so many seconds somebody out of sight may go on at that pace.
const SPRINT_S: f64 = 0.1;

/// Afterwards a walk is likelier than a sprint, and a swap likelier than both: 2 m/s, in trunks per second.
const USUAL_PER_S: f64 = 4.0;

/// After this long a lost person may be anywhere, in seconds; the size still has to agree.
const FORGOTTEN_S: f64 = 2.0;

/// A person does not grow or shrink by more than this factor while he is out of sight.
const LARGEST_CHANGE: f64 = 1.8;

/// Somebody out of sight is remembered for so long, in seconds, if he looks the same; without knowing how people look, for ever.
const REMEMBERED_S: f64 = 300.0;

/// Clothes further apart than this are of two people; see [`Appearance::distance`].
pub(crate) const OTHER_CLOTHES: f64 = 0.55;

/// A pose that follows so soon, in seconds, is told by its place alone: light changes, and others pass in front.
const AT_ONCE_S: f64 = 0.25;

/// How far off a prediction is without anybody being at fault, in trunks: at once, and for each second that it looks ahead.
const PREDICTION_ERROR: f64 = 0.25;
const PREDICTION_ERROR_PER_S: f64 = 1.0;

/// Weights of place, size and clothes in the cost of a link, which sum up to 1.
const WEIGHTS: [f64; 3] = [0.45, 0.15, 0.4];

/// Where somebody was at a moment: centre and size of the trunk, of all landmarks the ones that a model moves least.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sighting {
    centre_px: [f64; 2],
    shoulders_px: [f64; 2],
    trunk_px: f64,
    time_s: f64,
}

impl Sighting {
    /// What a pose tells of where somebody is; `None` without a trunk, as where the hips are behind a desk.
    pub fn of(pose: &Pose, time_s: f64) -> Option<Self> {
        let place = |landmark| pose.point(landmark).filter(|point| !point.is_missing());
        let middle = |a: Landmark, b: Landmark| {
            let (a, b) = (place(a)?, place(b)?);
            Some([
                f64::midpoint(a.x_px.into(), b.x_px.into()),
                f64::midpoint(a.y_px.into(), b.y_px.into()),
            ])
        };
        let hips = middle(Landmark::LeftHip, Landmark::RightHip)?;
        let shoulders = middle(Landmark::LeftShoulder, Landmark::RightShoulder)?;
        let trunk_px = (hips[0] - shoulders[0]).hypot(hips[1] - shoulders[1]);
        (trunk_px.is_finite() && trunk_px > 0.0).then_some(Self {
            centre_px: hips,
            shoulders_px: shoulders,
            trunk_px,
            time_s,
        })
    }

    /// Length of the trunk, px.
    pub fn trunk_px(&self) -> f64 {
        self.trunk_px
    }

    /// When, s.
    pub fn time_s(&self) -> f64 {
        self.time_s
    }

    /// Middle of the hips, px.
    pub fn centre_px(&self) -> [f64; 2] {
        self.centre_px
    }

    /// Middle of the trunk, px.
    pub fn middle_px(&self) -> [f64; 2] {
        [0, 1].map(|axis| f64::midpoint(self.centre_px[axis], self.shoulders_px[axis]))
    }

    /// How far apart two trunks are, in lengths of the longer one: the mean of the distances of hips and shoulders.
    pub fn trunks_apart(&self, other: &Self) -> f64 {
        let apart_px = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        let hips_px = apart_px(self.centre_px, other.centre_px);
        let shoulders_px = apart_px(self.shoulders_px, other.shoulders_px);
        f64::midpoint(hips_px, shoulders_px) / self.trunk_px.max(other.trunk_px)
    }

    /// How far apart two sightings are, px.
    pub fn distance_px(&self, other: &Self) -> f64 {
        (self.centre_px[0] - other.centre_px[0]).hypot(self.centre_px[1] - other.centre_px[1])
    }

    /// Whether this person can be the one who is seen there later.
    pub fn can_become(&self, later: &Self) -> bool {
        let change = if self.trunk_px > 0.0 {
            later.trunk_px / self.trunk_px
        } else {
            1.0
        };
        let elapsed_s = (later.time_s - self.time_s).max(0.0);
        if elapsed_s > FORGOTTEN_S {
            return (1.0 / LARGEST_CHANGE..=LARGEST_CHANGE).contains(&change);
        }
        // A trunk that bends towards the camera looks short; the larger of the two sizes is nearer to the truth.
        let size_px = self.trunk_px.max(later.trunk_px);
        let reach = FASTEST_PER_S * elapsed_s.min(SPRINT_S) + USUAL_PER_S * (elapsed_s - SPRINT_S).max(0.0);
        self.distance_px(later) <= size_px * (LEEWAY + reach)
    }
}

/// One end of a stretch of time in which somebody was followed without doubt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct End {
    pub(crate) sighting: Sighting,
    /// Of the hips, px per second.
    pub(crate) velocity_px_s: [f64; 2],
}

impl End {
    /// Where the hips are at another moment if the pace stays.
    pub(crate) fn predicted_px(&self, time_s: f64) -> [f64; 2] {
        let ahead_s = time_s - self.sighting.time_s;
        // Nobody is expected to go on for long.
        let ahead_s = ahead_s.clamp(-FORGOTTEN_S / 2.0, FORGOTTEN_S / 2.0);
        std::array::from_fn(|axis| self.sighting.centre_px[axis] + self.velocity_px_s[axis] * ahead_s)
    }

    /// What it costs, in `0..1`, to take the one who begins at `later` for the one who ends here; `None` where that is impossible.
    ///
    /// The cost is the weighted sum of three parts, each from 0 to 1: how far both predictions at constant velocity, forward from here
    /// and backward from there, miss the other end; how much the size differs; how different the clothes look.
    pub(crate) fn cost_of_becoming(
        &self,
        later: &Self,
        looks: Option<&Appearance>,
        later_looks: Option<&Appearance>,
    ) -> Option<f64> {
        let (from, to) = (&self.sighting, &later.sighting);
        let gap_s = to.time_s - from.time_s;
        if gap_s <= 0.0 || !from.can_become(to) {
            return None;
        }
        let clothes = looks
            .zip(later_looks)
            .and_then(|(looks, later_looks)| looks.distance(later_looks));
        let is_other = clothes.is_some_and(|distance| distance > OTHER_CLOTHES);
        if clothes.is_some() && gap_s > REMEMBERED_S || is_other && gap_s > AT_ONCE_S {
            return None;
        }
        let size_px = from.trunk_px.max(to.trunk_px);
        let miss = |end: &Self, other: &Sighting| {
            let [x, y] = end.predicted_px(other.time_s);
            (x - other.centre_px[0]).hypot(y - other.centre_px[1]) / size_px
        };
        let misses = f64::midpoint(miss(self, to), miss(later, from));
        let surprise = misses / (PREDICTION_ERROR + PREDICTION_ERROR_PER_S * gap_s);
        let size = (to.trunk_px / from.trunk_px).ln().abs() / LARGEST_CHANGE.ln();
        let parts = [surprise / (1.0 + surprise), size.min(1.0), clothes.unwrap_or(0.5)];
        Some(parts.iter().zip(WEIGHTS).map(|(part, weight)| part * weight).sum())
    }
}
