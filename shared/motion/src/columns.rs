//! A few frames at once as columns of numbers: what is computed for one frame after the other in a plain loop over columns, the
//! compiler turns into vector instructions. Not a number stands for what is not known, and goes through all arithmetic.

use std::borrow::Cow;

use crate::body::Place;
use crate::{Landmark, Point, Pose};

/// Frames in a column: few enough that the columns of a body stay in a core's own caches.
pub(crate) const FRAMES: usize = 64;

/// A number in each of the frames.
pub(crate) type Column = [f64; FRAMES];

/// A vector in each of the frames, as a column for each of its axes.
pub(crate) type Vectors<const N: usize> = [Column; N];

/// A column of what is computed for each frame.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "a call for each frame would not become vector instructions"
)]
pub(crate) fn column(of: impl Fn(usize) -> f64) -> Column {
    let mut column = [0.0; FRAMES];
    for (frame, value) in column.iter_mut().enumerate() {
        *value = of(frame);
    }
    column
}

/// The vector of one frame.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
pub(crate) fn at<const N: usize>(vectors: &Vectors<N>, frame: usize) -> [f64; N] {
    std::array::from_fn(|axis| vectors[axis][frame])
}

/// Vectors of what is computed for each frame.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
pub(crate) fn vectors<const N: usize>(of: impl Fn(usize) -> [f64; N]) -> Vectors<N> {
    let mut vectors = [[0.0; FRAMES]; N];
    for frame in 0..FRAMES {
        let vector = of(frame);
        for (column, value) in vectors.iter_mut().zip(vector) {
            column[frame] = value;
        }
    }
    vectors
}

/// The landmarks that segments begin or end at, by their numbers: ears, shoulders to index fingers, and hips to toes.
const MEASURED: [usize; 22] = {
    let mut measured = [Landmark::LeftEar as usize; 22];
    measured[1] = Landmark::RightEar as usize;
    let mut number = 0;
    while number < 10 {
        measured[2 + number] = Landmark::LeftShoulder as usize + number;
        measured[12 + number] = Landmark::LeftHip as usize + number;
        number += 1;
    }
    measured
};

/// Where the landmarks that segments begin or end at are in a few frames, as far as they are trusted.
pub(crate) struct Places<const N: usize> {
    landmarks: Vec<Vectors<N>>,
}

impl<const N: usize> Places<N> {
    /// Room for the landmarks; none is known yet.
    pub(crate) fn new() -> Self {
        Self {
            landmarks: vec![[[f64::NAN; FRAMES]; N]; Landmark::ALL.len()],
        }
    }

    /// Takes the places out of the poses of at most [`FRAMES`] frames; in the frames that are left over nothing is known.
    pub(crate) fn load(
        &mut self,
        poses: &[Option<Pose>],
        minimum_visibility: f32,
        position: impl Fn(&Point) -> [f64; N],
    ) {
        for frame in 0..FRAMES {
            let points = poses
                .get(frame)
                .and_then(Option::as_ref)
                .map_or(&[][..], |pose| &pose.points);
            for landmark in MEASURED {
                let place = &mut self.landmarks[landmark];
                let trusted = points
                    .get(landmark)
                    .filter(|point| point.is_trusted(minimum_visibility));
                let position = trusted.map_or([f64::NAN; N], &position);
                for axis in 0..N {
                    place[axis][frame] = position[axis];
                }
            }
        }
    }

    fn at(&self, place: Place) -> Cow<'_, Vectors<N>> {
        let of = |landmark: Landmark| &self.landmarks[landmark.index()];
        match place {
            Place::At(landmark) => Cow::Borrowed(of(landmark)),
            Place::Between(one, other) => {
                let (one, other) = (of(one), of(other));
                let middle = vectors(|frame| std::array::from_fn(|axis| 0.5 * (one[axis][frame] + other[axis][frame])));
                Cow::Owned(middle)
            }
        }
    }

    /// From one place to another; known where both are trusted and apart.
    pub(crate) fn between(&self, from: Place, to: Place) -> Vectors<N> {
        let (from, to) = (self.at(from), self.at(to));
        vectors(|frame| {
            let vector: [f64; N] = std::array::from_fn(|axis| to[axis][frame] - from[axis][frame]);
            // Zero if all are, and without a branch for each.
            let extent = vector
                .iter()
                .map(|value| value.abs())
                .fold(0.0, |one, other| one + other);
            vector.map(|value| if extent == 0.0 { f64::NAN } else { value })
        })
    }
}
