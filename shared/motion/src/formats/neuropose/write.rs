//! Recordings to `NeuroPose`'s files.

use std::fmt::Write;

use super::super::markers::rate_hz;
use super::super::people::bounds_px;
use super::{MM_PER_M, VERSION};
use crate::{MotionError, Pose, Recording, Space};

/// Writes a `VideoPredictions` in the recording's own skeleton; convert it to [`crate::Skeleton::BerkeleyMhad43`] first for what
/// `NeuroPose`'s analyser expects. Missing joints are `NaN`. Frames have a number and no time: unevenly spaced ones are told by their
/// mean rate.
///
/// # Errors
///
/// [`MotionError::SpaceMissing`] if the recording lacks a space, or [`MotionError::InvalidRecording`].
pub fn recording_to_neuropose(recording: &Recording) -> Result<String, MotionError> {
    recording.validate()?;
    for (space, name) in [(Space::Image, "the picture"), (Space::World, "the world")] {
        if !recording.spaces.has(space) {
            return Err(MotionError::SpaceMissing(name));
        }
    }
    let mut json = format!(
        r#"{{"schema_version":{VERSION},"metadata":{{"frame_count":{},"fps":{:?},"width":{},"height":{}}},"frames":{{"#,
        recording.time_s.len(),
        rate_hz(&recording.time_s),
        recording.source.width_px,
        recording.source.height_px
    );
    for frame in 0..recording.time_s.len() {
        let separator = if frame == 0 { "" } else { "," };
        let poses: Vec<&Pose> = recording
            .people
            .iter()
            .filter_map(|person| person.poses[frame].as_ref())
            .collect();
        // Writing to a string cannot fail.
        let _ = write!(json, r#"{separator}"frame_{frame:06}":{{"boxes":["#);
        list(&mut json, &poses, |json, pose| {
            let [x, y, width, height] = bounds_px(pose).unwrap_or_default();
            numbers(json, [x, y, width, height, pose.score]);
        });
        json.push_str(r#"],"poses3d":["#);
        joints(&mut json, &poses, |point| {
            [point.x_m, point.y_m, point.z_m].map(|value| (f64::from(value) * MM_PER_M) as f32)
        });
        json.push_str(r#"],"poses2d":["#);
        joints(&mut json, &poses, |point| [point.x_px, point.y_px]);
        json.push_str("]}");
    }
    json.push_str(r#"},"segmentations":{},"provenance":null}"#);
    Ok(json)
}

/// Writes a `results.json` with one video under its source's name.
///
/// # Errors
///
/// As [`recording_to_neuropose`].
pub fn recording_to_neuropose_results(recording: &Recording) -> Result<String, MotionError> {
    let video = recording_to_neuropose(recording)?;
    let name =
        serde_json::to_string(&recording.source.name).map_err(|error| MotionError::Encoding(error.to_string()))?;
    Ok(format!("{{{name}:{video}}}"))
}

fn joints<const N: usize>(json: &mut String, poses: &[&Pose], position: impl Fn(&crate::Point) -> [f32; N]) {
    list(json, poses, |json, pose| {
        json.push('[');
        list(json, &pose.points, |json, point| {
            let is_seen = point.visibility > 0.0;
            numbers(json, if is_seen { position(point) } else { [f32::NAN; N] });
        });
        json.push(']');
    });
}

fn list<T>(json: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        write(json, item);
    }
}

fn numbers<const N: usize>(json: &mut String, values: [f32; N]) {
    json.push('[');
    list(json, &values, |json, value| {
        // The format for people who debug always has a point, which keeps integers apart from numbers, and says NaN.
        let _ = write!(json, "{value:?}");
    });
    json.push(']');
}
