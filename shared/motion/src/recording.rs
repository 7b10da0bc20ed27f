//! Recordings: what a pose model saw in one video, frame by frame, person by person.

use std::collections::HashSet;
use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Landmark, MotionError, Skeleton, Space};

/// Where a recording's frames came from. Sizes are those of the upright picture, after any rotation of the container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// File name or title, for people; never a path.
    pub name: String,
    /// Width of the upright picture in pixels.
    pub width_px: u32,
    /// Height of the upright picture in pixels.
    pub height_px: u32,
}

/// The model that produced a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Name and version, such as `blazepose_full`.
    pub name: String,
    /// SHA-256 of the weights file, lower-case hexadecimal.
    pub sha256: String,
}

/// One landmark of one person in one frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Image position in pixels of the upright picture, right of its left edge.
    pub x_px: f32,
    /// Image position in pixels, below the picture's top edge.
    pub y_px: f32,
    /// Depth in the scale of `x_px`, relative to the hips' midpoint; negative is nearer to the camera.
    pub z_px: f32,
    /// World position in metres with the hips' midpoint as origin, to the right in the picture. In a recording that was made
    /// elsewhere the origin is that of its file.
    pub x_m: f32,
    /// World position in metres, downwards.
    pub y_m: f32,
    /// World position in metres, away from the camera.
    pub z_m: f32,
    /// Probability in `0..=1` that the landmark is in the picture and not occluded.
    pub visibility: f32,
    /// Probability in `0..=1` that the landmark is in the picture.
    pub presence: f32,
}

/// One person in one frame: a point for each landmark of the skeleton.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Probability in `0..=1` that this is a person.
    pub score: f32,
    /// As many points as the skeleton has landmarks, in its order.
    pub points: Vec<Point>,
}

/// One person through a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Identity within the recording, from 0.
    pub id: u32,
    /// A pose per frame, or `None` where the person was not found; as long as [`Recording::time_s`].
    pub poses: Vec<Option<Pose>>,
}

/// In which spaces a recording has positions. Coordinates of a space that it lacks are zero and mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spaces {
    /// Positions in the picture and in the world, as pose models give them.
    #[default]
    Both,
    /// Positions in the picture only, as `OpenPose` gives them.
    Image,
    /// Positions in the world only, as motion capture gives them.
    World,
}

impl Spaces {
    /// Whether there are positions in a space.
    pub const fn has(self, space: Space) -> bool {
        match self {
            Self::Both => true,
            Self::Image => matches!(space, Space::Image),
            Self::World => matches!(space, Space::World),
        }
    }

    /// Stable name in files.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Image => "image",
            Self::World => "world",
        }
    }

    /// The spaces of a name, if there are such.
    pub fn from_id(id: &str) -> Option<Self> {
        [Self::Both, Self::Image, Self::World]
            .into_iter()
            .find(|spaces| spaces.id() == id)
    }

    /// Whether nothing is lacking.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
    pub(crate) const fn is_both(&self) -> bool {
        matches!(self, Self::Both)
    }
}

/// What a model saw in a video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Where the frames came from.
    pub source: Source,
    /// The order and meaning of every pose's points.
    pub skeleton: Skeleton,
    /// The model that found them.
    pub model: Model,
    /// In which spaces the points have positions; recordings of layout version 1 have both.
    #[serde(default)]
    pub spaces: Spaces,
    /// Presentation time of each frame in seconds, strictly increasing; never `index / fps`.
    pub time_s: Vec<f64>,
    /// The people, each with a pose or a gap for every frame.
    pub people: Vec<Person>,
}

impl Pose {
    /// The point of a landmark, or `None` where the pose is of a skeleton that lacks it.
    pub fn point(&self, landmark: Landmark) -> Option<&Point> {
        self.points.get(landmark.index())
    }

    /// The pose in a picture that is so many times as wide and as high; depth goes with the width.
    #[must_use]
    pub fn scaled(mut self, x: f32, y: f32) -> Self {
        for point in &mut self.points {
            point.x_px *= x;
            point.y_px *= y;
            point.z_px *= x;
        }
        self
    }
}

impl Recording {
    /// Checks what the types alone cannot promise: times strictly increase, every person has a pose or a gap for every
    /// frame, every pose has the skeleton's number of points, identities are unique, every number is finite and
    /// every probability lies in `0..=1`.
    ///
    /// # Errors
    ///
    /// [`MotionError::InvalidRecording`], naming the first frame or person that breaks a rule.
    pub fn validate(&self) -> Result<(), MotionError> {
        check_times(&self.time_s).map_err(MotionError::InvalidRecording)?;
        let mut ids = HashSet::new();
        for person in &self.people {
            if !ids.insert(person.id) {
                return Err(MotionError::InvalidRecording(format!(
                    "two people have the number {}",
                    person.id
                )));
            }
            self.validate_person(person)?;
        }
        Ok(())
    }

    /// The frames of a range as a recording of its own: times, people and their numbers stay as they are, also of people who
    /// are not seen in it.
    ///
    /// # Errors
    ///
    /// [`MotionError::InvalidSettings`] if the range ends before it begins or beyond the recording.
    pub fn slice(&self, frames: Range<usize>) -> Result<Self, MotionError> {
        let out_of_range = || {
            let (start, end, count) = (frames.start, frames.end, self.time_s.len());
            MotionError::InvalidSettings(format!("frames {start} to {end} of {count} were asked for"))
        };
        let time_s = self.time_s.get(frames.clone()).ok_or_else(out_of_range)?.to_vec();
        let person = |person: &Person| {
            let poses = person.poses.get(frames.clone()).ok_or_else(out_of_range)?.to_vec();
            Ok(Person { id: person.id, poses })
        };
        Ok(Self {
            source: self.source.clone(),
            skeleton: self.skeleton,
            model: self.model.clone(),
            spaces: self.spaces,
            time_s,
            people: self.people.iter().map(person).collect::<Result<_, _>>()?,
        })
    }

    fn validate_person(&self, person: &Person) -> Result<(), MotionError> {
        let invalid = |reason: String| MotionError::InvalidRecording(format!("person {}: {reason}", person.id));
        if person.poses.len() != self.time_s.len() {
            return Err(invalid(format!(
                "{} poses for {} frames",
                person.poses.len(),
                self.time_s.len()
            )));
        }
        let fault = |(frame, pose): (usize, &Option<Pose>)| self.fault(frame, pose.as_ref()?);
        match person.poses.par_iter().enumerate().find_map_first(fault) {
            Some(fault) => Err(invalid(fault)),
            None => Ok(()),
        }
    }

    /// What is wrong with a pose.
    fn fault(&self, frame: usize, pose: &Pose) -> Option<String> {
        if pose.points.len() != self.skeleton.len() {
            return Some(format!(
                "frame {frame} has {} landmarks where {} has {}",
                pose.points.len(),
                self.skeleton.name(),
                self.skeleton.len()
            ));
        }
        if !is_probability(pose.score) {
            return Some(format!("frame {frame} has a score outside 0 to 1"));
        }
        if are_sound(&pose.points) {
            return None;
        }
        let landmark = pose.points.iter().position(|point| !point.is_sound())?;
        let name = self.skeleton.landmark_names()[landmark];
        Some(format!(
            "frame {frame} has a position of {name} that is not finite or a probability outside 0 to 1"
        ))
    }
}

impl Point {
    /// A landmark of which nothing is known: a visibility of 0 at no place.
    pub const MISSING: Self = Self {
        x_px: 0.0,
        y_px: 0.0,
        z_px: 0.0,
        x_m: 0.0,
        y_m: 0.0,
        z_m: 0.0,
        visibility: 0.0,
        presence: 0.0,
    };

    /// Whether nothing is known of the landmark, not even an uncertain place.
    pub fn is_missing(&self) -> bool {
        *self == Self::MISSING
    }

    /// Whether the landmark counts as seen: its visibility is at least that, and above 0, as nothing is known of what was not seen at
    /// all.
    pub fn is_trusted(&self, minimum_visibility: f32) -> bool {
        Self::trusts(self.visibility, minimum_visibility)
    }

    /// [`Self::is_trusted`] for a visibility on its own, such as the lesser one of two landmarks.
    pub fn trusts(visibility: f32, minimum_visibility: f32) -> bool {
        visibility > 0.0 && visibility >= minimum_visibility
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        let coordinates = [self.x_px, self.y_px, self.z_px, self.x_m, self.y_m, self.z_m];
        coordinates.iter().all(|value| value.is_finite()) && self.visibility.is_finite() && self.presence.is_finite()
    }

    fn is_sound(&self) -> bool {
        self.is_finite() && is_probability(self.visibility) && is_probability(self.presence)
    }
}

/// Whether every point [`Point::is_sound`]: all numbers at once and without a branch for each, as hardly ever is one not sound.
fn are_sound(points: &[Point]) -> bool {
    // A number that is finite gives zero, and so does a probability less what of it lies in `0..=1`.
    let faults = points.iter().fold([0.0; 8], |faults: [f32; 8], point| {
        let outside = |value: f32| (value - value.clamp(0.0, 1.0)).abs();
        let of_point = [
            0.0 * point.x_px,
            0.0 * point.y_px,
            0.0 * point.z_px,
            0.0 * point.x_m,
            0.0 * point.y_m,
            0.0 * point.z_m,
            outside(point.visibility),
            outside(point.presence),
        ];
        std::array::from_fn(|lane| faults[lane] + of_point[lane])
    });
    faults.iter().all(|&fault| fault == 0.0)
}

fn is_probability(value: f32) -> bool {
    (0.0..=1.0).contains(&value)
}

/// Says which frame time is not finite or not later than the one before.
pub(crate) fn check_times(time_s: &[f64]) -> Result<(), String> {
    if let Some(frame) = time_s.iter().position(|time| !time.is_finite()) {
        return Err(format!("the time of frame {frame} is not finite"));
    }
    match time_s.windows(2).position(|pair| pair[1] <= pair[0]) {
        Some(frame) => Err(format!("frame {} is not later than frame {frame}", frame + 1)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = f32> {
        prop_oneof![
            40 => -2.0..2.0_f32,
            1 => prop::num::f32::ANY,
            1 => prop::sample::select(vec![0.0, -0.0, 1.0, f32::MAX, f32::MIN_POSITIVE]),
        ]
    }

    fn probability() -> impl Strategy<Value = f32> {
        prop_oneof![20 => 0.0..=1.0_f32, 1 => number()]
    }

    fn point() -> impl Strategy<Value = Point> {
        let numbers = (prop::array::uniform6(number()), prop::array::uniform2(probability()));
        numbers.prop_map(|([x_px, y_px, z_px, x_m, y_m, z_m], [visibility, presence])| Point {
            x_px,
            y_px,
            z_px,
            x_m,
            y_m,
            z_m,
            visibility,
            presence,
        })
    }

    proptest! {
        #[test]
        fn points_are_sound_together_if_each_of_them_is(points in prop::collection::vec(point(), 0..4)) {
            prop_assert_eq!(are_sound(&points), points.iter().all(Point::is_sound));
        }
    }
}
