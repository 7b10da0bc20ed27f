//! One pose as vectors between trusted landmarks, in the image and in the world.

use crate::{Landmark, Point, Pose, Side};

/// A vector in the image: right and **up**, in pixels.
pub(crate) type Image = [f64; 2];
/// A vector in the world: right, down and away from the camera, in metres.
pub(crate) type World = [f64; 3];

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

/// Middle of the shoulders, which stands for the base of the neck.
pub(crate) const SHOULDERS: Place = Place::Between(Landmark::LeftShoulder, Landmark::RightShoulder);
/// Middle of the hips.
pub(crate) const HIPS: Place = Place::Between(Landmark::LeftHip, Landmark::RightHip);
/// Middle of the ears.
pub(crate) const EARS: Place = Place::Between(Landmark::LeftEar, Landmark::RightEar);

impl<'a> Body<'a> {
    pub(crate) fn new(pose: &'a Pose, minimum_visibility: f32) -> Self {
        Self {
            points: &pose.points,
            minimum_visibility,
        }
    }

    fn point(&self, landmark: Landmark) -> Option<&Point> {
        self.points
            .get(landmark.index())
            .filter(|point| point.visibility >= self.minimum_visibility)
    }

    fn at<const N: usize>(&self, place: Place, position: impl Fn(&Point) -> [f64; N]) -> Option<[f64; N]> {
        match place {
            Place::At(landmark) => self.point(landmark).map(position),
            Place::Between(one, other) => {
                let (one, other) = (position(self.point(one)?), position(self.point(other)?));
                Some(std::array::from_fn(|axis| f64::midpoint(one[axis], other[axis])))
            }
        }
    }

    /// From one place to another in the image; `None` unless both are trusted and apart.
    pub(crate) fn image(&self, from: impl Into<Place>, to: impl Into<Place>) -> Option<Image> {
        let position = |point: &Point| [f64::from(point.x_px), -f64::from(point.y_px)];
        apart(self.at(from.into(), position)?, self.at(to.into(), position)?)
    }

    /// From one place to another in the world; `None` unless both are trusted and apart.
    pub(crate) fn world(&self, from: impl Into<Place>, to: impl Into<Place>) -> Option<World> {
        let position = |point: &Point| [point.x_m, point.y_m, point.z_m].map(f64::from);
        apart(self.at(from.into(), position)?, self.at(to.into(), position)?)
    }

    /// The person's left in the world, of length one: the mean direction from the right to the left shoulder and hip.
    pub(crate) fn left(&self) -> Option<World> {
        let shoulders = unit(self.world(Landmark::RightShoulder, Landmark::LeftShoulder)?)?;
        let hips = unit(self.world(Landmark::RightHip, Landmark::LeftHip)?)?;
        unit(add(shoulders, hips))
    }
}

/// The landmarks of one side that angles are made of.
#[derive(Clone, Copy)]
pub(crate) struct Limb {
    pub(crate) shoulder: Landmark,
    pub(crate) elbow: Landmark,
    pub(crate) wrist: Landmark,
    /// Middle of the knuckles of index and little finger: the hand's own axis, whichever way it is turned.
    pub(crate) knuckles: Place,
    pub(crate) hip: Landmark,
    pub(crate) knee: Landmark,
    pub(crate) ankle: Landmark,
    pub(crate) heel: Landmark,
    pub(crate) toe: Landmark,
}

impl Limb {
    pub(crate) const fn of(side: Side) -> Self {
        match side {
            Side::Left => Self {
                shoulder: Landmark::LeftShoulder,
                elbow: Landmark::LeftElbow,
                wrist: Landmark::LeftWrist,
                knuckles: Place::Between(Landmark::LeftIndex, Landmark::LeftPinky),
                hip: Landmark::LeftHip,
                knee: Landmark::LeftKnee,
                ankle: Landmark::LeftAnkle,
                heel: Landmark::LeftHeel,
                toe: Landmark::LeftFootIndex,
            },
            Side::Right => Self {
                shoulder: Landmark::RightShoulder,
                elbow: Landmark::RightElbow,
                wrist: Landmark::RightWrist,
                knuckles: Place::Between(Landmark::RightIndex, Landmark::RightPinky),
                hip: Landmark::RightHip,
                knee: Landmark::RightKnee,
                ankle: Landmark::RightAnkle,
                heel: Landmark::RightHeel,
                toe: Landmark::RightFootIndex,
            },
        }
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
