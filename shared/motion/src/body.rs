//! One pose as vectors between trusted landmarks, in the image and in the world.

use crate::{Landmark, Point, Pose, Side};

/// A vector in the image: right and **up**, in pixels.
pub(crate) type Image = [f64; 2];
/// A vector in the world: right, down and away from the camera, in metres.
pub(crate) type World = [f64; 3];

/// Upward in the world, if the camera is upright.
pub(crate) const UP: World = [0.0, -1.0, 0.0];

/// A pose whose landmarks count only where they are trusted.
#[derive(Clone, Copy)]
pub(crate) struct Body<'a> {
    points: &'a [Point],
    minimum_visibility: f32,
}

/// A landmark, or the middle of two.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    At(Landmark),
    Between(Landmark, Landmark),
}

impl From<Landmark> for Place {
    fn from(landmark: Landmark) -> Self {
        Self::At(landmark)
    }
}

/// A point of the body from which segments are made. Those of limbs exist on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Shoulder,
    Elbow,
    Wrist,
    /// Middle of the knuckles of index and little finger: the hand's own axis, whichever way it is turned.
    Knuckles,
    Hip,
    Knee,
    Ankle,
    Heel,
    Toe,
    LeftShoulder,
    RightShoulder,
    LeftHip,
    RightHip,
    /// Middle of the shoulders, which stands for the base of the neck.
    Shoulders,
    /// Middle of the hips.
    Hips,
    /// Middle of the ears, which are at the height of the head's centre of mass.
    Ears,
    Nose,
}

impl Mark {
    /// Where it is on a side of the body; marks that are not of a limb are the same for both, and for none. A limb's mark
    /// without a side is the left one.
    pub(crate) const fn on(self, side: Option<Side>) -> Place {
        use Landmark as L;
        let is_right = matches!(side, Some(Side::Right));
        let (left, right) = match self {
            Self::Shoulder => (L::LeftShoulder, L::RightShoulder),
            Self::Elbow => (L::LeftElbow, L::RightElbow),
            Self::Wrist => (L::LeftWrist, L::RightWrist),
            Self::Hip => (L::LeftHip, L::RightHip),
            Self::Knee => (L::LeftKnee, L::RightKnee),
            Self::Ankle => (L::LeftAnkle, L::RightAnkle),
            Self::Heel => (L::LeftHeel, L::RightHeel),
            Self::Toe => (L::LeftFootIndex, L::RightFootIndex),
            Self::Knuckles if is_right => return Place::Between(L::RightIndex, L::RightPinky),
            Self::Knuckles => return Place::Between(L::LeftIndex, L::LeftPinky),
            Self::LeftShoulder => return Place::At(L::LeftShoulder),
            Self::RightShoulder => return Place::At(L::RightShoulder),
            Self::LeftHip => return Place::At(L::LeftHip),
            Self::RightHip => return Place::At(L::RightHip),
            Self::Shoulders => return Place::Between(L::LeftShoulder, L::RightShoulder),
            Self::Hips => return Place::Between(L::LeftHip, L::RightHip),
            Self::Ears => return Place::Between(L::LeftEar, L::RightEar),
            Self::Nose => return Place::At(L::Nose),
        };
        Place::At(if is_right { right } else { left })
    }
}

impl<'a> Body<'a> {
    pub(crate) fn new(pose: &'a Pose, minimum_visibility: f32) -> Self {
        Self {
            points: &pose.points,
            minimum_visibility,
        }
    }

    #[inline]
    fn point(&self, landmark: Landmark) -> Option<&Point> {
        self.points
            .get(landmark.index())
            .filter(|point| point.is_trusted(self.minimum_visibility))
    }

    #[inline]
    fn at<const N: usize>(&self, place: Place, position: impl Fn(&Point) -> [f64; N]) -> Option<[f64; N]> {
        match place {
            Place::At(landmark) => self.point(landmark).map(position),
            Place::Between(one, other) => {
                let (one, other) = (position(self.point(one)?), position(self.point(other)?));
                Some(std::array::from_fn(|axis| f64::midpoint(one[axis], other[axis])))
            }
        }
    }

    /// Where a place is in the image: right of its left edge and **below** its top edge, in pixels.
    #[inline]
    pub(crate) fn seen_px(&self, place: impl Into<Place>) -> Option<[f64; 2]> {
        self.at(place.into(), |point| [point.x_px, point.y_px].map(f64::from))
    }

    /// From one place to another in the image; `None` unless both are trusted and apart.
    #[inline]
    pub(crate) fn image(&self, from: impl Into<Place>, to: impl Into<Place>) -> Option<Image> {
        let position = |point: &Point| [f64::from(point.x_px), -f64::from(point.y_px)];
        apart(self.at(from.into(), position)?, self.at(to.into(), position)?)
    }

    /// From one place to another in the world; `None` unless both are trusted and apart.
    #[inline]
    pub(crate) fn world(&self, from: impl Into<Place>, to: impl Into<Place>) -> Option<World> {
        let position = |point: &Point| [point.x_m, point.y_m, point.z_m].map(f64::from);
        apart(self.at(from.into(), position)?, self.at(to.into(), position)?)
    }
}

fn apart<const N: usize>(from: [f64; N], to: [f64; N]) -> Option<[f64; N]> {
    let vector: [f64; N] = std::array::from_fn(|axis| to[axis] - from[axis]);
    vector.iter().any(|&value| value != 0.0).then_some(vector)
}

pub(crate) fn add<const N: usize>(a: [f64; N], b: [f64; N]) -> [f64; N] {
    std::array::from_fn(|axis| a[axis] + b[axis])
}

pub(crate) fn scale<const N: usize>(a: [f64; N], factor: f64) -> [f64; N] {
    a.map(|value| value * factor)
}

pub(crate) fn dot<const N: usize>(a: [f64; N], b: [f64; N]) -> f64 {
    a.iter().zip(&b).map(|(a, b)| a * b).sum()
}

pub(crate) fn length<const N: usize>(a: [f64; N]) -> f64 {
    dot(a, a).sqrt()
}

pub(crate) fn unit<const N: usize>(a: [f64; N]) -> Option<[f64; N]> {
    let length = length(a);
    (length > 0.0).then(|| scale(a, 1.0 / length))
}

/// The part of a vector that is perpendicular to a direction of length one.
pub(crate) fn perpendicular(a: World, direction: World) -> World {
    add(a, scale(direction, -dot(a, direction)))
}

/// The cross product; positive where `b` lies to the left of `a`, anticlockwise.
pub(crate) fn cross2(a: Image, b: Image) -> f64 {
    a[0] * b[1] - a[1] * b[0]
}

/// The cross product in the world's right-handed axes (right, down, away).
pub(crate) fn cross3(a: World, b: World) -> World {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}
