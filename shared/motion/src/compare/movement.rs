//! Joints moving through two or three dimensions, and what their motion is compared by.

use serde::{Deserialize, Serialize};

use super::procrustes::{AlignmentSummary, Rotation, align};
use super::{Alignment, Features};
use crate::{MotionError, Point, Pose, Skeleton};

/// Where every joint is in every frame, as far as that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Movement<const D: usize> {
    joints: usize,
    /// Frame after frame.
    points: Vec<Option<[f64; D]>>,
}

/// Whether one movement is laid onto the other before they are compared. The names are `NeuroPose`'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// It stays where it is.
    #[default]
    None,
    /// Each frame is turned and shifted by itself: what is left is how the poses differ in shape.
    ProcrustesPerFrame,
    /// One turn and shift for all frames: the camera's place no longer matters, but how the body turns does.
    ProcrustesPerSequence,
}

impl<const D: usize> Movement<D> {
    /// Points of so many joints, frame after frame.
    ///
    /// # Errors
    ///
    /// [`MotionError::NotComparable`] if the number of joints is zero or does not divide that of the points.
    pub fn new(joints: usize, points: Vec<Option<[f64; D]>>) -> Result<Self, MotionError> {
        if joints == 0 || !points.len().is_multiple_of(joints) {
            let reason = format!("{} points do not make frames of {joints} joints", points.len());
            return Err(MotionError::NotComparable(reason));
        }
        Ok(Self { joints, points })
    }

    fn of_poses(
        skeleton: Skeleton,
        poses: &[Option<Pose>],
        minimum_visibility: f32,
        position: impl Fn(&Point) -> [f64; D],
    ) -> Self {
        let joints = skeleton.len();
        let place = |pose: &Option<Pose>, joint: usize| {
            let point = pose.as_ref()?.points.get(joint)?;
            point.is_trusted(minimum_visibility).then(|| position(point))
        };
        let points = poses
            .iter()
            .flat_map(|pose| (0..joints).map(move |joint| place(pose, joint)));
        Self {
            joints,
            points: points.collect(),
        }
    }

    /// Number of joints.
    pub fn joints(&self) -> usize {
        self.joints
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.points.len() / self.joints
    }

    /// Where a joint is in a frame.
    pub fn point(&self, frame: usize, joint: usize) -> Option<[f64; D]> {
        self.points[frame * self.joints + joint]
    }

    /// Where all joints are in a frame.
    pub fn frame(&self, frame: usize) -> &[Option<[f64; D]>] {
        &self.points[frame * self.joints..(frame + 1) * self.joints]
    }

    /// The same movement with other points.
    #[must_use]
    fn map(&self, mut change: impl FnMut(usize, [f64; D]) -> Option<[f64; D]>) -> Self {
        let points = self.points.iter().enumerate();
        Self {
            joints: self.joints,
            points: points
                .map(|(place, point)| point.and_then(|point| change(place / self.joints, point)))
                .collect(),
        }
    }

    /// All coordinates of all joints, in the order of the joints.
    pub fn features(&self) -> Features {
        Self::rows(D * self.joints, self.points.iter().copied())
    }

    /// The coordinates of one joint.
    ///
    /// # Errors
    ///
    /// [`MotionError::NotComparable`] if there is no such joint.
    pub fn joint(&self, joint: usize) -> Result<Features, MotionError> {
        self.check(joint)?;
        Ok(Self::rows(D, (0..self.frames()).map(|frame| self.point(frame, joint))))
    }

    /// The vector from one joint to another.
    ///
    /// # Errors
    ///
    /// [`MotionError::NotComparable`] if there is no such joint.
    pub fn relation(&self, from: usize, to: usize) -> Result<Features, MotionError> {
        self.check(from)?;
        self.check(to)?;
        let vector = |frame| Some(difference(self.point(frame, to)?, self.point(frame, from)?));
        Ok(Self::rows(D, (0..self.frames()).map(vector)))
    }

    /// For each triplet of joints the angle at the middle one between the directions to the others, in radians from 0
    /// to π; unknown where a joint lies on the middle one.
    ///
    /// # Errors
    ///
    /// [`MotionError::NotComparable`] if there is no such joint or no triplet.
    pub fn triplet_angles_rad(&self, triplets: &[[usize; 3]]) -> Result<Features, MotionError> {
        for &joint in triplets.iter().flatten() {
            self.check(joint)?;
        }
        let angle = |frame: usize, [one, middle, other]: [usize; 3]| {
            let middle = self.point(frame, middle)?;
            let one = difference(self.point(frame, one)?, middle);
            let other = difference(self.point(frame, other)?, middle);
            let across = (0..D).flat_map(|p| (0..p).map(move |q| one[p] * other[q] - one[q] * other[p]));
            let across = across.fold(0.0, f64::hypot);
            let is_apart = [one, other].iter().all(|side| dot(side, side) > 0.0);
            is_apart.then(|| across.atan2(dot(&one, &other)))
        };
        let values = (0..self.frames()).flat_map(|frame| triplets.iter().map(move |&triplet| angle(frame, triplet)));
        Features::new(triplets.len(), values.map(|value| value.unwrap_or(f64::NAN)).collect())
    }

    /// The movement shifted and sized so that all its points lie between 0 and 1 on every axis: by the longest side of
    /// what they fill, or each axis by its own. This is `NeuroPose`'s `normalize_pose_sequence`.
    ///
    /// # Errors
    ///
    /// [`MotionError::NotComparable`] if all points lie in one place, or none is known.
    pub fn in_unit_cube(&self, axis_wise: bool) -> Result<Self, MotionError> {
        let known = || self.points.iter().flatten();
        let least: [f64; D] =
            std::array::from_fn(|axis| known().map(|point| point[axis]).fold(f64::INFINITY, f64::min));
        let ranges: [f64; D] = std::array::from_fn(|axis| {
            known().map(|point| point[axis]).fold(f64::NEG_INFINITY, f64::max) - least[axis]
        });
        let longest = ranges.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !(longest > 0.0 && longest.is_finite()) {
            return Err(MotionError::NotComparable("a movement fills no space".to_owned()));
        }
        let size = |axis: usize| match (axis_wise, ranges[axis]) {
            (true, range) if range > 0.0 => range,
            (true, _) => 1.0,
            (false, _) => longest,
        };
        Ok(self.map(|_, point| Some(std::array::from_fn(|axis| (point[axis] - least[axis]) / size(axis)))))
    }

    fn rows(width: usize, points: impl Iterator<Item = Option<[f64; D]>>) -> Features {
        let values = points.flat_map(|point| point.unwrap_or([f64::NAN; D]));
        Features::of(width, values.collect())
    }

    fn check(&self, joint: usize) -> Result<(), MotionError> {
        if joint < self.joints {
            return Ok(());
        }
        let reason = format!("there is no joint {joint} among {}", self.joints);
        Err(MotionError::NotComparable(reason))
    }
}

impl<const D: usize> Movement<D>
where
    [[f64; D]; D]: Rotation,
{
    /// The movement laid onto another, of which the frames of each pair belong together. Joints that are unknown in
    /// either are left out; a frame that no transform could be found for has no points.
    ///
    /// Where several pairs have the same frame of this movement, [`Align::ProcrustesPerFrame`] fits it to all of
    /// them at once.
    ///
    /// # Errors
    ///
    /// [`MotionError::NotComparable`] if the numbers of joints differ or nothing is known in both.
    pub fn laid_onto(
        &self,
        target: &Self,
        pairs: &[(usize, usize)],
        how: Align,
        scale: bool,
    ) -> Result<(Self, Option<AlignmentSummary>), MotionError> {
        if self.joints != target.joints {
            let reason = format!("one movement has {} joints, the other {}", self.joints, target.joints);
            return Err(MotionError::NotComparable(reason));
        }
        let common = |&(own, other): &(usize, usize)| {
            let points = self.frame(own).iter().zip(target.frame(other));
            points.filter_map(|(own, other)| Some(((*own)?, (*other)?)))
        };
        match how {
            Align::None => Ok((self.clone(), None)),
            Align::ProcrustesPerSequence => {
                let all: Vec<_> = pairs.iter().flat_map(common).collect();
                let found = align(&all, scale)?;
                let laid = self.map(|_, point| Some(found.transform.apply(point)));
                Ok((laid, AlignmentSummary::of(&[found])))
            }
            Align::ProcrustesPerFrame => {
                let mut found: Vec<Option<Alignment<D>>> = vec![None; self.frames()];
                for group in pairs.chunk_by(|one, next| one.0 == next.0) {
                    let all: Vec<_> = group.iter().flat_map(common).collect();
                    if !all.is_empty() {
                        found[group[0].0] = Some(align(&all, scale)?);
                    }
                }
                let told = AlignmentSummary::of(&found.iter().flatten().copied().collect::<Vec<_>>());
                if told.is_none() {
                    let reason = "no frame has a joint that is known in both".to_owned();
                    return Err(MotionError::NotComparable(reason));
                }
                let laid = self.map(|frame, point| found[frame].map(|found| found.transform.apply(point)));
                Ok((laid, told))
            }
        }
    }
}

impl Movement<2> {
    /// As in a mirror: the movement of somebody who faces the other way in the picture.
    #[must_use]
    pub fn facing_the_other_way(&self) -> Self {
        self.map(|_, [x, y]| Some([-x, y]))
    }

    /// Image positions in pixels, right and down; landmarks that are less visible are unknown.
    pub fn image_px(skeleton: Skeleton, poses: &[Option<Pose>], minimum_visibility: f32) -> Self {
        Self::of_poses(skeleton, poses, minimum_visibility, |point| {
            [point.x_px, point.y_px].map(f64::from)
        })
    }

    /// Image positions from the middle of the hips, in trunk lengths: where in the picture a person stands and how large
    /// does not matter. The trunk's length, from the middle of the shoulders to the middle of the hips, is the median over
    /// the movement, as the trunk is foreshortened when it leans out of the image. Unknown where a hip is.
    ///
    /// # Errors
    ///
    /// [`MotionError::NotComparable`] if shoulders and hips are never seen together, or the skeleton has none.
    pub fn normalised(
        skeleton: Skeleton,
        poses: &[Option<Pose>],
        minimum_visibility: f32,
    ) -> Result<Self, MotionError> {
        let movement = Self::image_px(skeleton, poses, minimum_visibility);
        let between = |left: &str, right: &str, frame: usize| {
            let joint = |name| skeleton.landmark_names().iter().position(|&other| other == name);
            let (left, right) = (
                movement.point(frame, joint(left)?)?,
                movement.point(frame, joint(right)?)?,
            );
            Some([0, 1].map(|axis| f64::midpoint(left[axis], right[axis])))
        };
        let hips: Vec<_> = (0..movement.frames())
            .map(|frame| between("left_hip", "right_hip", frame))
            .collect();
        let trunk = |(frame, hips): (usize, &Option<[f64; 2]>)| {
            let trunk = difference(between("left_shoulder", "right_shoulder", frame)?, (*hips)?);
            Some(trunk[0].hypot(trunk[1]))
        };
        let mut trunks_px: Vec<f64> = hips.iter().enumerate().filter_map(trunk).collect();
        trunks_px.sort_unstable_by(f64::total_cmp);
        match trunks_px.get(trunks_px.len() / 2) {
            Some(&trunk_px) if trunk_px > 0.0 => Ok(movement.map(|frame, point| {
                let hips = hips[frame]?;
                Some(difference(point, hips).map(|value| value / trunk_px))
            })),
            _ => {
                let reason = "shoulders and hips are never seen together, so that the body has no size".to_owned();
                Err(MotionError::NotComparable(reason))
            }
        }
    }
}

impl Movement<3> {
    /// Turned by half a turn about the vertical: the movement of somebody who faces the other way in the picture.
    #[must_use]
    pub fn facing_the_other_way(&self) -> Self {
        self.map(|_, [x, y, z]| Some([-x, y, -z]))
    }

    /// World positions in metres from where the recording has its origin: the middle of the hips, or in a recording that was made elsewhere
    /// that of its file. Landmarks that are less visible are unknown.
    pub fn world_m(skeleton: Skeleton, poses: &[Option<Pose>], minimum_visibility: f32) -> Self {
        Self::of_poses(skeleton, poses, minimum_visibility, |point| {
            [point.x_m, point.y_m, point.z_m].map(f64::from)
        })
    }

    /// World positions in metres from the middle of the hips, wherever the recording has its origin: where in a laboratory a person stands
    /// does not matter. Unknown where a hip has no place at all; one that is less visible will do.
    pub fn world_from_hips_m(skeleton: Skeleton, poses: &[Option<Pose>], minimum_visibility: f32) -> Self {
        let joint = |name| skeleton.landmark_names().iter().position(|&other| other == name);
        let hips = [joint("left_hip"), joint("right_hip")];
        let middle = |pose: &Pose| -> Option<[f64; 3]> {
            let of = |joint: Option<usize>| pose.points.get(joint?).filter(|point| !point.is_missing());
            let [left, right] = [of(hips[0])?, of(hips[1])?].map(|hip| [hip.x_m, hip.y_m, hip.z_m].map(f64::from));
            Some(std::array::from_fn(|axis| f64::midpoint(left[axis], right[axis])))
        };
        let middles: Vec<_> = poses.iter().map(|pose| middle(pose.as_ref()?)).collect();
        Self::world_m(skeleton, poses, minimum_visibility).map(|frame, point| Some(difference(point, middles[frame]?)))
    }
}

fn difference<const D: usize>(a: [f64; D], b: [f64; D]) -> [f64; D] {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

fn dot<const D: usize>(a: &[f64; D], b: &[f64; D]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
