//! Estimates the body's pose in every frame of a range of the video.
//!
//! A range is read from a second before it begins. The poses of that second are in the recording, too: there the ranges are joined.
//! What people wear goes beside the recording, for the same purpose, and into no result.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use marey_cloud::{Output, Stage, StageError, Work};
use marey_fn_kit::{
    PARQUET, expected_frames, kill_on_stop, media_error, number_or, own_range, read_options, save, sentence, video_info,
};
use marey_media::{FrameReader, TimeRange, Tools, VideoInfo};
use marey_motion::{
    Appearance, MotionError, Observation, Observations, Recording, Selection, Skeleton, Source, Spaces,
    formats::recording_to_parquet,
};
use marey_vision::{ImageView, Models, OnnxRuntime, PoseEstimator, PoseOptions, Timings, VisionError};
use serde_json::{Value, json};

/// The artifact that holds the recording.
pub const RECORDING: &str = "recording.parquet";

/// The artifact that tells what each person of the recording wears.
pub const CLOTHES: &str = "clothes.json";

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
        // Whoever is asked for is looked for later; a wish that nobody understands should not cost a video's poses first.
        if let Ok(person) = work.text("person") {
            person.parse::<Selection>().map_err(|error| not_understood(&error))?;
        }
        let mut estimator = self.estimator.lock().unwrap_or_else(PoisonError::into_inner);
        estimator.reset();
        let most_people = number_or(work, "most_people", 1.0) as usize;
        estimator.set_most_people(most_people).map_err(vision_error)?;
        let before = estimator.timings();
        let started = Instant::now();
        let (recording, clothes) = record(&self.tools, &mut estimator, work, &info, range)?;
        let seconds = started.elapsed().as_secs_f64();
        let is_seen = |&frame: &usize| recording.people.iter().any(|person| person.poses[frame].is_some());
        let seen = (0..recording.time_s.len()).filter(is_seen).count();
        let bytes = recording_to_parquet(&recording).map_err(StageError::internal)?;
        let clothes = serde_json::to_vec(&clothes).map_err(StageError::internal)?;
        let facts = facts(&recording, seen, &before, &estimator.timings(), seconds);
        Ok(Output {
            files: vec![
                save(work, RECORDING, PARQUET, &bytes)?,
                save(work, CLOTHES, "application/json", &clothes)?,
            ],
            facts,
        })
    }
}

/// Reads the video and follows people through it; answers where they were and what they wear.
fn record(
    tools: &Tools,
    estimator: &mut PoseEstimator,
    work: &Work,
    info: &VideoInfo,
    range: Option<TimeRange>,
) -> Result<(Recording, Vec<Option<Appearance>>), StageError> {
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
    let mut seen = Observations::default();
    while let Some(frame) = reader.read().map_err(media_error)? {
        work.control.check()?;
        let view = ImageView::rgb(&frame.rgb, frame.width, frame.height).map_err(vision_error)?;
        let observations = estimator.process_all(view, frame.time_s).map_err(vision_error)?;
        let in_original = |observation: Observation| Observation {
            pose: observation.pose.scaled(x, y),
            ..observation
        };
        seen.add_frame(frame.time_s, observations.into_iter().map(in_original).collect());
        work.control.add_frames(1);
        work.control.set_progress(seen.time_s().len() as f64 / expected);
        reader.recycle(frame);
    }
    work.control.check()?;
    let source = Source {
        name: work.job.input.name.clone(),
        width_px: info.width_px,
        height_px: info.height_px,
    };
    let time_s = seen.time_s().to_vec();
    let crowd = seen.crowd();
    let recording = Recording {
        source,
        skeleton: Skeleton::BlazePose33,
        model: estimator.model(),
        spaces: Spaces::Both,
        time_s,
        people: crowd.people,
    };
    Ok((recording, crowd.appearances))
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

fn not_understood(error: &MotionError) -> StageError {
    StageError::permanent(error.code(), sentence(&error.to_string()), error.hint())
}

fn vision_error(error: VisionError) -> StageError {
    StageError::transient(error.code(), sentence(&error.to_string()), error.hint()).because(error)
}
