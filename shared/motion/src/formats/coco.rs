//! Keypoints as annotations of COCO (cocodataset.org, "Data format", "Keypoint Detection"), to be written only.

use serde::Serialize;

use super::people::bounds_px;
use crate::{MotionError, Point, Pose, Recording, Space};

/// COCO's flag tells hidden keypoints from visible ones; landmarks from this visibility on are called visible.
const LEAST_VISIBLE: f32 = 0.5;

#[derive(Serialize)]
struct DataSet<'a> {
    info: Info<'a>,
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: [Category<'a>; 1],
}

#[derive(Serialize)]
struct Info<'a> {
    description: &'a str,
    contributor: &'static str,
    skeleton: &'static str,
    model: &'a str,
}

#[derive(Serialize)]
struct Image {
    id: usize,
    file_name: String,
    width: u32,
    height: u32,
    /// Not COCO's: the frame's time.
    time_s: f64,
}

#[derive(Serialize)]
struct Annotation {
    id: u64,
    image_id: usize,
    category_id: u8,
    keypoints: Vec<f32>,
    num_keypoints: usize,
    bbox: [f32; 4],
    area: f32,
    iscrowd: u8,
    score: f32,
    /// Not COCO's: the person's number, the same in all frames.
    track_id: u32,
}

#[derive(Serialize)]
struct Category<'a> {
    id: u8,
    name: &'static str,
    supercategory: &'static str,
    keypoints: &'a [&'static str],
    skeleton: Vec<[usize; 2]>,
}

/// Writes the recording in its own skeleton; convert it to [`crate::Skeleton::Coco17`] first for what COCO's readers expect. A
/// keypoint's flag is 0 where it is missing, 1 where its visibility is below 0.5, else 2. Frames are images named
/// `frame_000000`, and so on.
///
/// # Errors
///
/// [`MotionError::SpaceMissing`] without positions in the picture, [`MotionError::InvalidRecording`], or
/// [`MotionError::Encoding`].
pub fn recording_to_coco(recording: &Recording) -> Result<String, MotionError> {
    recording.validate()?;
    if !recording.spaces.has(Space::Image) {
        return Err(MotionError::SpaceMissing("the picture"));
    }
    let images = recording.time_s.iter().enumerate().map(|(id, &time_s)| Image {
        id,
        file_name: format!("frame_{id:06}"),
        width: recording.source.width_px,
        height: recording.source.height_px,
        time_s,
    });
    let poses = (0..recording.time_s.len()).flat_map(|frame| {
        let people = recording.people.iter();
        people.filter_map(move |person| Some((frame, person.id, person.poses[frame].as_ref()?)))
    });
    // `COCOeval` takes number 0 for nothing that matches.
    let mut id = 0;
    let annotations = poses.filter_map(|(frame, person, pose)| {
        let annotation = annotation(id + 1, frame, person, pose)?;
        id += 1;
        Some(annotation)
    });
    let data_set = DataSet {
        info: Info {
            description: &recording.source.name,
            contributor: "Marey",
            skeleton: recording.skeleton.name(),
            model: &recording.model.name,
        },
        images: images.collect(),
        annotations: annotations.collect(),
        categories: [Category {
            id: 1,
            name: "person",
            supercategory: "person",
            keypoints: recording.skeleton.landmark_names(),
            // COCO counts keypoints from 1.
            skeleton: recording
                .skeleton
                .bones()
                .iter()
                .map(|&(a, b)| [a + 1, b + 1])
                .collect(),
        }],
    };
    serde_json::to_string(&data_set).map_err(|error| MotionError::Encoding(error.to_string()))
}

/// `None` for a pose without any keypoint, which COCO has no use for.
fn annotation(id: u64, frame: usize, person: u32, pose: &Pose) -> Option<Annotation> {
    let bbox = bounds_px(pose)?;
    Some(Annotation {
        id,
        image_id: frame,
        category_id: 1,
        keypoints: pose.points.iter().flat_map(triple).collect(),
        num_keypoints: pose.points.iter().filter(|point| point.visibility > 0.0).count(),
        bbox,
        area: bbox[2] * bbox[3],
        iscrowd: 0,
        score: pose.score,
        track_id: person,
    })
}

fn triple(point: &Point) -> [f32; 3] {
    match point.visibility {
        nothing if nothing <= 0.0 => [0.0; 3],
        little if little < LEAST_VISIBLE => [point.x_px, point.y_px, 1.0],
        _ => [point.x_px, point.y_px, 2.0],
    }
}
