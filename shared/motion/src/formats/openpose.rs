//! Keypoints as `OpenPose` writes them, a JSON document for each frame (`doc/02_output.md`, "JSON Output Format"; version 1.3).
//!
//! A document lists people; each has `x, y, c` for every keypoint in pixels, or three zeros where it was not found. There are no times,
//! no size of the picture and, as a rule, no identities.

use serde::{Deserialize, Serialize};

use super::format::{ReadOptions, WasRead};
use super::people::{Follower, Listed, times};
use crate::{Model, MotionError, Point, Pose, Recording, Skeleton, Source, Space, Spaces};

/// `OpenPose`'s own number of its layout.
const VERSION: f64 = 1.3;

/// Coordinates that are all smaller are shares of the picture and not pixels.
const LARGEST_SHARE: f32 = 1.5;

/// Where the 18 keypoints of `OpenPose`'s COCO model are among the 25 of `BODY_25`.
const COCO_18: [usize; 18] = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

#[derive(Deserialize)]
struct Document {
    people: Vec<Keypoints>,
}

#[derive(Deserialize)]
struct Keypoints {
    #[serde(default)]
    person_id: Vec<i64>,
    #[serde(alias = "pose_keypoints")]
    pose_keypoints_2d: Vec<f64>,
}

/// Documents of frames, one after the other, on the way to a recording.
#[derive(Default)]
pub struct OpenPoseFrames {
    people: Follower,
    skeleton: Option<Skeleton>,
    greatest_px: f32,
    has_identities: bool,
}

impl OpenPoseFrames {
    /// Adds the next frame's document.
    ///
    /// # Errors
    ///
    /// [`MotionError::MalformedJson`] with the frame's number from 0 and the line and column in its document,
    /// [`MotionError::UnsupportedFile`] for keypoints of no known skeleton, or [`MotionError::TooLarge`].
    pub fn push(&mut self, json: &str) -> Result<(), MotionError> {
        let frame = self.people.frames();
        let document: Document = serde_json::from_str(json)
            .map_err(|error| MotionError::MalformedJson(format!("frame {frame}: {error}")))?;
        self.add(&document)
    }

    fn add(&mut self, document: &Document) -> Result<(), MotionError> {
        let mut listed = Vec::with_capacity(document.people.len());
        for person in document
            .people
            .iter()
            .filter(|person| !person.pose_keypoints_2d.is_empty())
        {
            let pose = self.pose(&person.pose_keypoints_2d)?;
            let id = person.person_id.first().and_then(|&id| u32::try_from(id).ok());
            self.has_identities |= id.is_some();
            listed.extend(pose.map(|pose| Listed { id, pose }));
        }
        self.people.push(listed)
    }

    /// The pose, or `None` where no keypoint was found.
    fn pose(&mut self, values: &[f64]) -> Result<Option<Pose>, MotionError> {
        let frame = self.people.frames();
        let count = values.len() / 3;
        let skeleton = if count == COCO_18.len() {
            Some(Skeleton::Body25)
        } else {
            Skeleton::of_len(count)
        };
        let skeleton = skeleton.filter(|_| values.len().is_multiple_of(3)).ok_or_else(|| {
            MotionError::UnsupportedFile(format!(
                "a person in frame {frame} has {} numbers, which are the keypoints of no skeleton that Marey knows",
                values.len()
            ))
        })?;
        if *self.skeleton.get_or_insert(skeleton) != skeleton {
            return Err(MotionError::MalformedJson(format!(
                "frame {frame} has another number of keypoints than those before"
            )));
        }
        let mut points = vec![Point::MISSING; skeleton.len()];
        for (index, triple) in values.chunks_exact(3).enumerate() {
            let place = if count == COCO_18.len() { COCO_18[index] } else { index };
            points[place] = point(triple);
        }
        let seen: Vec<&Point> = points.iter().filter(|point| point.visibility > 0.0).collect();
        for point in &seen {
            self.greatest_px = self.greatest_px.max(point.x_px.abs()).max(point.y_px.abs());
        }
        if seen.is_empty() {
            return Ok(None);
        }
        let score = seen.iter().map(|point| point.visibility).sum::<f32>() / seen.len() as f32;
        Ok(Some(Pose {
            score: score.min(1.0),
            points,
        }))
    }

    /// The recording, with times from [`ReadOptions::time_s`] or [`ReadOptions::rate_hz`].
    ///
    /// # Errors
    ///
    /// [`MotionError::RateMissing`] if neither is given, [`MotionError::UnsupportedFile`] for coordinates that are no pixels, or
    /// [`MotionError::InvalidRecording`] for times that do not increase.
    pub fn finish(self, options: &ReadOptions) -> Result<WasRead, MotionError> {
        if self.greatest_px > 0.0 && self.greatest_px <= LARGEST_SHARE {
            return Err(MotionError::UnsupportedFile(
                "its coordinates are shares of the picture and not pixels; OpenPose writes pixels with --keypoint_scale 0".to_owned(),
            ));
        }
        if self.people.frames() == 0 {
            return Err(MotionError::MalformedJson("it holds no frame".to_owned()));
        }
        let time_s = times(self.people.frames(), options.time_s.as_deref(), options.rate_hz)?;
        let mut notes =
            vec!["OpenPose's files have no times: the frames were given theirs by whoever read them.".to_owned()];
        let has_identities = self.has_identities;
        let people = self.people.finish();
        if people.len() > 1 && !has_identities {
            notes.push(format!(
                "OpenPose's files do not say who is who: {} people were told apart by where they are from frame to frame.",
                people.len()
            ));
        }
        let recording = Recording {
            source: Source {
                name: options.name.clone(),
                width_px: 0,
                height_px: 0,
            },
            skeleton: self.skeleton.or(options.skeleton).unwrap_or(Skeleton::Body25),
            model: Model {
                name: "openpose_file".to_owned(),
                sha256: String::new(),
            },
            spaces: Spaces::Image,
            time_s,
            people,
        };
        recording.validate()?;
        Ok(WasRead { recording, notes })
    }
}

/// Reads documents of frames that stand one after the other, as in JSON Lines.
///
/// # Errors
///
/// As [`OpenPoseFrames::push`] and [`OpenPoseFrames::finish`] say.
pub fn recording_from_openpose(text: &str, options: &ReadOptions) -> Result<WasRead, MotionError> {
    let mut frames = OpenPoseFrames::default();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Document>() {
        let frame = frames.people.frames();
        let document = document.map_err(|error| MotionError::MalformedJson(format!("frame {frame}: {error}")))?;
        frames.add(&document)?;
    }
    frames.finish(options)
}

/// A keypoint; missing where its confidence is zero or a number is not one.
fn point(triple: &[f64]) -> Point {
    let [x, y, confidence] = [0, 1, 2].map(|index| triple.get(index).map_or(0.0, |&value| value as f32));
    // Peaks of the heat map are a little above 1 at times.
    let confidence = confidence.min(1.0);
    let point = Point {
        x_px: x,
        y_px: y,
        visibility: confidence,
        presence: confidence,
        ..Point::MISSING
    };
    if confidence > 0.0 && point.is_finite() {
        point
    } else {
        Point::MISSING
    }
}

#[derive(Serialize)]
struct WrittenDocument {
    version: f64,
    people: Vec<WrittenPerson>,
}

#[derive(Serialize)]
struct WrittenPerson {
    person_id: [i64; 1],
    pose_keypoints_2d: Vec<f32>,
    face_keypoints_2d: [f32; 0],
    hand_left_keypoints_2d: [f32; 0],
    hand_right_keypoints_2d: [f32; 0],
    pose_keypoints_3d: [f32; 0],
    face_keypoints_3d: [f32; 0],
    hand_left_keypoints_3d: [f32; 0],
    hand_right_keypoints_3d: [f32; 0],
}

/// Writes a document for each frame, in the recording's own skeleton; convert it to [`Skeleton::Body25`] first for what `OpenPose`'s
/// readers expect. `person_id` is Marey's number of the person.
///
/// # Errors
///
/// [`MotionError::SpaceMissing`] without positions in the picture, [`MotionError::InvalidRecording`], or
/// [`MotionError::Encoding`].
pub fn recording_to_openpose(recording: &Recording) -> Result<Vec<String>, MotionError> {
    recording.validate()?;
    if !recording.spaces.has(Space::Image) {
        return Err(MotionError::SpaceMissing("the picture"));
    }
    let document = |frame: usize| {
        let people = recording.people.iter().filter_map(|person| {
            let pose = person.poses[frame].as_ref()?;
            Some(WrittenPerson {
                person_id: [person.id.into()],
                pose_keypoints_2d: pose.points.iter().flat_map(triple).collect(),
                face_keypoints_2d: [],
                hand_left_keypoints_2d: [],
                hand_right_keypoints_2d: [],
                pose_keypoints_3d: [],
                face_keypoints_3d: [],
                hand_left_keypoints_3d: [],
                hand_right_keypoints_3d: [],
            })
        });
        let document = WrittenDocument {
            version: VERSION,
            people: people.collect(),
        };
        serde_json::to_string(&document).map_err(|error| MotionError::Encoding(error.to_string()))
    };
    (0..recording.time_s.len()).map(document).collect()
}

fn triple(point: &Point) -> [f32; 3] {
    if point.visibility > 0.0 {
        [point.x_px, point.y_px, point.visibility]
    } else {
        [0.0; 3]
    }
}
