//! Whole videos against MediaPipe 0.10.21 (`tests/reference/mediapipe_tracked.py`).
//!
//! Agreement is loose by nature: the model itself moves by 0.8 px when 2 % of the pixels change by one level, and a
//! tracker feeds every difference back into the next frame.

#![expect(clippy::unwrap_used, reason = "a test whose material is broken should stop")]

mod common;

use std::{
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
};

use common::{models, shared};
use marey_motion::Pose;
use marey_vision::{ImageView, PoseEstimator, PoseOptions};
use serde_json::Value;

/// MediaPipe's Python solution stamps frames this far apart, whatever the video's rate.
const FRAME_S: f64 = 0.033_333;

/// Points that MediaPipe itself believes are seen; where the others are is anybody's guess.
const SEEN: f64 = 0.5;

fn decode(video: &Path) -> Option<Child> {
    let child = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(video)
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-fps_mode", "passthrough", "-"])
        .stdout(Stdio::piped())
        .spawn();
    match child {
        Ok(child) => Some(child),
        Err(error) => {
            eprintln!("skipped: tracking needs ffmpeg: {error}");
            None
        }
    }
}

/// How far poses are from the recorded ones: per frame the mean over the points that are seen, as a share of the long
/// side of the box around the recorded person.
#[derive(Default)]
struct Distances {
    per_frame: Vec<f64>,
    /// Frames in which one of the two saw a person and the other did not.
    apart: usize,
}

impl Distances {
    fn add(&mut self, pose: Option<&Pose>, recorded: &Value) {
        let (Some(pose), Some(recorded)) = (pose, recorded.as_array()) else {
            self.apart += usize::from(pose.is_some() == recorded.is_null());
            return;
        };
        let points: Vec<[f64; 3]> = recorded
            .iter()
            .map(|point| [0, 1, 2].map(|index| point[index].as_f64().unwrap()))
            .collect();
        let extent = |axis: usize| {
            let values = points.iter().map(|point| point[axis]);
            values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min)
        };
        let size_px = extent(0).max(extent(1));
        let seen: Vec<f64> = pose
            .points
            .iter()
            .zip(&points)
            .filter(|(_, [_, _, visibility])| *visibility >= SEEN)
            .map(|(point, [x, y, _])| (f64::from(point.x_px) - x).hypot(f64::from(point.y_px) - y))
            .collect();
        self.per_frame
            .push(seen.iter().sum::<f64>() / seen.len() as f64 / size_px);
    }

    fn median(&self) -> f64 {
        let mut sorted = self.per_frame.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// Share of the frames that are within a distance.
    fn within(&self, limit: f64) -> f64 {
        self.per_frame.iter().filter(|&&distance| distance < limit).count() as f64 / self.per_frame.len() as f64
    }
}

fn compare(video: &str, recording: &str, smooth: bool, least_within: f64) {
    let Some((runtime, models)) = models(recording) else {
        return;
    };
    let Some(path) = shared(&format!("videos/{video}"), recording) else {
        return;
    };
    let Some(mut decoder) = decode(&path) else { return };
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/reference")
        .join(recording);
    let recorded: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let (width, height) = (
        recorded["width"].as_u64().unwrap(),
        recorded["height"].as_u64().unwrap(),
    );
    let mut expected = recorded["frames"].as_array().unwrap().iter().peekable();

    let options = PoseOptions {
        smooth,
        ..PoseOptions::default()
    };
    let mut estimator = PoseEstimator::new(&runtime, &models, options).unwrap();
    let mut frame = vec![0; (width * height * 3) as usize];
    let mut pixels = decoder.stdout.take().unwrap();
    let mut distances = Distances::default();
    let mut index = 0_u64;
    while pixels.read_exact(&mut frame).is_ok() {
        let image = ImageView::rgb(&frame, width as u32, height as u32).unwrap();
        let pose = estimator.process(image, index as f64 * FRAME_S).unwrap();
        if let Some(golden) = expected.next_if(|golden| golden["frame"] == index) {
            distances.add(pose.as_ref(), &golden["points_px"]);
        }
        index += 1;
    }
    assert!(decoder.wait().unwrap().success());
    assert!(expected.next().is_none(), "the video is shorter than the recording");
    eprintln!(
        "{recording}: median {:.3} %, within 1 % in {:.0} % of {} frames, detector ran {} times in {index}",
        distances.median() * 100.0,
        distances.within(0.01) * 100.0,
        distances.per_frame.len(),
        estimator.timings().detector_runs,
    );
    assert!(distances.per_frame.len() >= 20);
    assert!(distances.median() < 0.005, "median distance {}", distances.median());
    assert!(distances.within(0.01) > least_within, "{:?}", distances.per_frame);
    assert!(distances.apart <= 2, "{} frames apart", distances.apart);
    assert!(estimator.timings().detector_runs < index / 2, "the tracker follows");
}

#[test]
fn a_beam_exercise_is_tracked_as_mediapipe_tracks_it() {
    compare(
        "pose2sim_single_cam01.mp4",
        "pose2sim_single_cam01_raw.json",
        false,
        0.95,
    );
}

#[test]
fn a_beam_exercise_is_smoothed_as_mediapipe_smooths_it() {
    compare(
        "pose2sim_single_cam01.mp4",
        "pose2sim_single_cam01_smooth.json",
        true,
        0.95,
    );
}

// Here somebody walks in from the edge and turns over: the model is in doubt, and so is the agreement.

#[test]
fn jumping_jacks_and_a_flip_are_tracked_as_mediapipe_tracks_them() {
    compare("sports2d_demo.mp4", "sports2d_demo_raw.json", false, 0.75);
}

#[test]
fn jumping_jacks_and_a_flip_are_smoothed_as_mediapipe_smooths_them() {
    compare("sports2d_demo.mp4", "sports2d_demo_smooth.json", true, 0.75);
}
