//! The four signals that a movement can be cut by, and their values in each frame.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Movement;
use super::landmarks::Different;
use crate::branch::without_jump;
use crate::{Angle, AngleSeries, Landmark, PersonAnalysis, Point, Pose, Side, Space, series_id};

/// A number per frame, taken from one person's cleaned movement. The kinds are those of `NeuroPose`'s extractors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Signal {
    /// One coordinate of a landmark, in `px` or `m`; y points down.
    JointAxis {
        /// Whose coordinate.
        landmark: Landmark,
        /// Which coordinate.
        axis: Axis,
        /// In the picture or in the world.
        space: Space,
    },
    /// The distance between two landmarks: in the picture over x and y in `px`, in the world over x, y and z in `m`.
    JointPairDistance {
        /// From the one to the other.
        landmarks: Different<2>,
        /// In the picture or in the world.
        space: Space,
    },
    /// How fast a landmark moves since the frame before, in `px_per_s` or `m_per_s`. There is none in the first frame and
    /// after a gap.
    JointSpeed {
        /// What moves.
        landmark: Landmark,
        /// In the picture or in the world.
        space: Space,
    },
    /// An angle in degrees.
    JointAngle(AngleOf),
}

/// Which angle a [`Signal::JointAngle`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum AngleOf {
    /// One of the analysis, with its sign and range, as docs/MOTION.md defines it.
    Named {
        /// Which angle.
        angle: Angle,
        /// Whose side; `None` for trunk and pelvis.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        side: Option<Side>,
        /// In the picture or in the world.
        space: Space,
    },
    /// The inner angle at the second of three landmarks, `0..=180`, between the lines to the first and to the third.
    Landmarks {
        /// First, vertex, third.
        landmarks: Different<3>,
        /// In the picture or in the world.
        space: Space,
    },
}

/// A coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// To the right in the picture.
    X,
    /// Down.
    Y,
    /// Away from the camera.
    Z,
}

impl Axis {
    /// Its letter.
    pub const fn id(self) -> &'static str {
        match self {
            Self::X => "x",
            Self::Y => "y",
            Self::Z => "z",
        }
    }
}

impl Signal {
    /// The angle of a series of the analysis.
    pub const fn angle(angle: Angle, side: Option<Side>, space: Space) -> Self {
        Self::JointAngle(AngleOf::Named { angle, side, space })
    }

    /// Unit of the values: `deg`, `px`, `m`, `px_per_s` or `m_per_s`.
    pub const fn unit(&self) -> &'static str {
        match self {
            Self::JointAngle(_) => "deg",
            Self::JointAxis { space, .. } | Self::JointPairDistance { space, .. } => match space {
                Space::Image => "px",
                Space::World => "m",
            },
            Self::JointSpeed { space, .. } => match space {
                Space::Image => "px_per_s",
                Space::World => "m_per_s",
            },
        }
    }

    /// In which space it lies.
    pub const fn space(&self) -> Space {
        match self {
            Self::JointAxis { space, .. }
            | Self::JointPairDistance { space, .. }
            | Self::JointSpeed { space, .. }
            | Self::JointAngle(AngleOf::Named { space, .. } | AngleOf::Landmarks { space, .. }) => *space,
        }
    }

    /// The value in each frame; an angle that crosses the end of its bounds goes on beyond it. `None` where a landmark was neither trusted nor
    /// filled, and everywhere in a space that the recording lacks or if the poses were taken out of the analysis.
    pub fn values(&self, movement: &Movement<'_>) -> Vec<Option<f64>> {
        self.lent_values(movement).into_owned()
    }

    /// [`Self::values`], without a copy of those that the analysis has already.
    pub(super) fn lent_values<'a>(self, movement: &Movement<'a>) -> Cow<'a, [Option<f64>]> {
        let Movement {
            time_s,
            person,
            minimum_visibility,
            ..
        } = *movement;
        let needs_poses = !matches!(self, Self::JointAngle(AngleOf::Named { .. }));
        if !movement.spaces.has(self.space()) || needs_poses && person.poses.len() != time_s.len() {
            return vec![None; time_s.len()].into();
        }
        if let Self::JointAngle(AngleOf::Named { angle, side, space }) = self {
            let series = person.series(angle, side, space);
            let values = |series: &'a AngleSeries| without_jump(angle.bounds(space), &series.value_deg);
            return series.map_or_else(|| vec![None; time_s.len()].into(), values);
        }
        let place = |pose: &Pose, landmark: Landmark, space: Space| {
            let point = pose.point(landmark)?;
            point.is_trusted(minimum_visibility).then(|| position(point, space))
        };
        let values = match self {
            Self::JointAxis { landmark, axis, space } => per_pose(person, |pose| {
                let point = pose.point(landmark)?;
                point
                    .is_trusted(minimum_visibility)
                    .then(|| coordinate(point, axis, space))
            }),
            Self::JointPairDistance { landmarks, space } => per_pose(person, |pose| {
                let [one, other] = landmarks.get();
                Some(distance(place(pose, one, space)?, place(pose, other, space)?))
            }),
            Self::JointSpeed { landmark, space } => {
                let places = person.poses.iter().map(|pose| place(pose.as_ref()?, landmark, space));
                speeds(time_s, &places.collect::<Vec<_>>())
            }
            Self::JointAngle(AngleOf::Named { .. }) => Vec::new(),
            Self::JointAngle(AngleOf::Landmarks { landmarks, space }) => per_pose(person, |pose| {
                let [first, vertex, third] = landmarks.get();
                angle_deg(
                    place(pose, first, space)?,
                    place(pose, vertex, space)?,
                    place(pose, third, space)?,
                )
            }),
        };
        values.into()
    }
}

fn per_pose(person: &PersonAnalysis, value: impl Fn(&Pose) -> Option<f64>) -> Vec<Option<f64>> {
    let poses = person.poses.iter();
    poses.map(|pose| pose.as_ref().and_then(&value)).collect()
}

/// In the picture the third number is 0: the model's depth there is in no known unit.
fn position(point: &Point, space: Space) -> [f64; 3] {
    match space {
        Space::Image => [f64::from(point.x_px), f64::from(point.y_px), 0.0],
        Space::World => [point.x_m, point.y_m, point.z_m].map(f64::from),
    }
}

fn coordinate(point: &Point, axis: Axis, space: Space) -> f64 {
    f64::from(match (space, axis) {
        (Space::Image, Axis::X) => point.x_px,
        (Space::Image, Axis::Y) => point.y_px,
        (Space::Image, Axis::Z) => point.z_px,
        (Space::World, Axis::X) => point.x_m,
        (Space::World, Axis::Y) => point.y_m,
        (Space::World, Axis::Z) => point.z_m,
    })
}

fn distance(one: [f64; 3], other: [f64; 3]) -> f64 {
    let squares = one.iter().zip(other).map(|(one, other)| (one - other) * (one - other));
    squares.sum::<f64>().sqrt()
}

fn speeds(time_s: &[f64], places: &[Option<[f64; 3]>]) -> Vec<Option<f64>> {
    let first = places.first().map(|_| None);
    let rest = places.windows(2).zip(time_s.windows(2));
    let rest = rest.map(|(places, time_s)| Some(distance(places[0]?, places[1]?) / (time_s[1] - time_s[0])));
    first.into_iter().chain(rest).collect()
}

/// `None` where two of the points coincide.
fn angle_deg(first: [f64; 3], vertex: [f64; 3], third: [f64; 3]) -> Option<f64> {
    let (one, other) = (distance(first, vertex), distance(third, vertex));
    if one == 0.0 || other == 0.0 {
        return None;
    }
    let dot: f64 = (0..3)
        .map(|axis| (first[axis] - vertex[axis]) * (third[axis] - vertex[axis]))
        .sum();
    Some((dot / (one * other)).clamp(-1.0, 1.0).acos().to_degrees())
}

/// A stable name such as `joint_angle:left_knee_flexion_image`.
impl fmt::Display for Signal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JointAxis { landmark, axis, space } => {
                write!(out, "joint_axis:{}_{}_{}", landmark.name(), axis.id(), space.id())
            }
            Self::JointPairDistance { landmarks, space } => {
                let [one, other] = landmarks.get();
                write!(
                    out,
                    "joint_pair_distance:{}+{}_{}",
                    one.name(),
                    other.name(),
                    space.id()
                )
            }
            Self::JointSpeed { landmark, space } => write!(out, "joint_speed:{}_{}", landmark.name(), space.id()),
            Self::JointAngle(AngleOf::Named { angle, side, space }) => {
                write!(out, "joint_angle:{}", series_id(*angle, *side, *space))
            }
            Self::JointAngle(AngleOf::Landmarks { landmarks, space }) => {
                let [first, vertex, third] = landmarks.get().map(Landmark::name);
                write!(out, "joint_angle:{first}+{vertex}+{third}_{}", space.id())
            }
        }
    }
}
