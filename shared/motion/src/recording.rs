//! Recordings: what a pose model saw in one video, frame by frame, person by person.

use serde::{Deserialize, Serialize};

use crate::Skeleton;

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
    /// World position in metres with the hips' midpoint as origin, to the right in the picture.
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

/// What a model saw in a video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Where the frames came from.
    pub source: Source,
    /// The order and meaning of every pose's points.
    pub skeleton: Skeleton,
    /// The model that found them.
    pub model: Model,
    /// Presentation time of each frame in seconds, strictly increasing; never `index / fps`.
    pub time_s: Vec<f64>,
    /// The people, each with a pose or a gap for every frame.
    pub people: Vec<Person>,
}
