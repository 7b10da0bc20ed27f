//! Estimates the body's pose in every frame of a range of the video.
//!
//! A range is read from a second before it begins. The poses of that second are in the recording, too: there the ranges are joined.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use marey_cloud::{Output, Stage, StageError, Work};
use marey_fn_kit::{
    PARQUET, expected_frames, kill_on_stop, media_error, own_range, read_options, save, sentence, video_info,
};
use marey_media::{FrameReader, TimeRange, Tools, VideoInfo};
use marey_motion::{Identities, Person, Pose, Recording, Skeleton, Source, formats::recording_to_parquet};
use marey_vision::{ImageView, Models, OnnxRuntime, PoseEstimator, PoseOptions, Timings, VisionError};
use serde_json::{Value, json};

/// The artifact that holds the recording.
pub const RECORDING: &str = "recording.parquet";

/// The stage `pose`. The models are loaded once and serve every message of the process.
#[derive(Debug)]
pub struct PoseStage {
    tools: Tools,
    estimator: Mutex<PoseEstimator>,
}

impl PoseStage {
    /// Loads ONNX Runtime and the models.
    ///
    /// # Errors
    /// The library or a model is missing or damaged; the error says what to do.
    pub fn new(tools: Tools, library: &Path, models: &Path) -> Result<Self, VisionError> {
        let runtime = OnnxRuntime::load(library)?;
        // The analysis filters without lag; a filter that only knows the past would add its own.
        let options = PoseOptions {
            smooth: false,
            ..PoseOptions::default()
        };
        let estimator = PoseEstimator::new(&runtime, &Models::open(models)?, options)?;
        Ok(Self {
            tools,
            estimator: Mutex::new(estimator),
        })
    }
}

impl Stage for PoseStage {
    fn name(&self) -> &'static str {
        "pose"
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        let info = video_info(work)?;
        let range = own_range(work)?;
        let mut estimator = self.estimator.lock().unwrap_or_else(PoisonError::into_inner);
        estimator.reset();
        let before = estimator.timings();
        let started = Instant::now();
        let recording = record(&self.tools, &mut estimator, work, &info, range)?;
        let seconds = started.elapsed().as_secs_f64();
        let seen = recording
            .people
            .iter()
            .map(|person| person.poses.iter().flatten().count())
            .sum();
        let bytes = recording_to_parquet(&recording).map_err(StageError::internal)?;
        let facts = facts(&recording, seen, &before, &estimator.timings(), seconds);
        Ok(Output {
            files: vec![save(work, RECORDING, PARQUET, &bytes)?],
            facts,
        })
    }
}

/// Reads the video and follows the person through it; whoever is found after a loss may be somebody else.
fn record(
    tools: &Tools,
    estimator: &mut PoseEstimator,
    work: &Work,
    info: &VideoInfo,
    range: Option<TimeRange>,
) -> Result<Recording, StageError> {
    let range_s = range.map(|range| range.with_overlap_s());
    let expected = expected_frames(info, range_s);
    let mut reader = FrameReader::open(tools, work.upload()?, info, read_options(range_s)).map_err(media_error)?;
    kill_on_stop(work, reader.cancel_handle());
    // Landmarks are kept in pixels of the upright original, whatever size the frames are read at.
    let (width, height) = reader.size();
    let (x, y) = (
        info.width_px as f32 / width as f32,
        info.height_px as f32 / height as f32,
    );
    let mut identities = Identities::default();
    let (mut time_s, mut seen) = (Vec::new(), Vec::new());
    while let Some(frame) = reader.read().map_err(media_error)? {
        work.control.check()?;
        let view = ImageView::rgb(&frame.rgb, frame.width, frame.height).map_err(vision_error)?;
        if let Some(pose) = estimator.process(view, frame.time_s).map_err(vision_error)? {
            let person = identities.assign(&pose, frame.time_s);
            seen.push((person, time_s.len(), pose.scaled(x, y)));
        }
        time_s.push(frame.time_s);
        work.control.add_frames(1);
        work.control.set_progress(time_s.len() as f64 / expected);
        reader.recycle(frame);
    }
    work.control.check()?;
    let source = Source {
        name: work.job.input.name.clone(),
        width_px: info.width_px,
        height_px: info.height_px,
    };
    let people = people(identities.len(), time_s.len(), seen);
    let (skeleton, model) = (Skeleton::BlazePose33, estimator.model());
    Ok(Recording {
        source,
        skeleton,
        model,
        time_s,
        people,
    })
}

/// Sorts poses by person: a pose or a gap for every frame.
fn people(count: usize, frames: usize, seen: Vec<(usize, usize, Pose)>) -> Vec<Person> {
    let mut people: Vec<_> = (0..count)
        .map(|id| Person {
            id: id as u32,
            poses: vec![None; frames],
        })
        .collect();
    for (person, frame, pose) in seen {
        people[person].poses[frame] = Some(pose);
    }
    people
}

fn facts(recording: &Recording, seen: usize, before: &Timings, after: &Timings, seconds: f64) -> Value {
    let frames = recording.time_s.len();
    let total = after.total.saturating_sub(before.total).as_secs_f64();
    let inference = after.inference.saturating_sub(before.inference).as_secs_f64();
    let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
    json!({
        "frames": frames,
        "frames_with_person": seen,
        "people": recording.people.len(),
        "frames_per_second": rounded(frames as f64 / seconds),
        "inference_share": rounded(inference / total.max(f64::MIN_POSITIVE)),
        "detector_runs": after.detector_runs - before.detector_runs,
        "model": recording.model.name,
        "model_sha256": recording.model.sha256,
    })
}

fn vision_error(error: VisionError) -> StageError {
    StageError::transient(error.code(), sentence(&error.to_string()), error.hint()).because(error)
}
