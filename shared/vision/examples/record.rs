//! Follows the people in a video and writes the recording, as the pipeline's pose stage does, without a pipeline.
//!
//! ```text
//! record LIBRARY MODELS VIDEO RECORDING.parquet
//! ```
//!
//! LIBRARY is ONNX Runtime's, MODELS the folder of the models. Landmarks are not smoothed: an analysis filters without lag.

use std::{env, error::Error, ffi::OsString, fs, path::Path};

use marey_media::{FrameReader, Limits, ReadOptions, Tools, probe};
use marey_motion::{Observation, Observations, Recording, Skeleton, Source, Spaces, formats::recording_to_parquet};
use marey_vision::{ImageView, Models, OnnxRuntime, PoseEstimator, PoseOptions};

#[expect(clippy::print_stdout, reason = "what the program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [library, models, video, output] = arguments.as_slice() else {
        return Err("usage: record LIBRARY MODELS VIDEO RECORDING.parquet".into());
    };
    let options = PoseOptions {
        smooth: false,
        most_people: 4,
        ..PoseOptions::default()
    };
    let runtime = OnnxRuntime::load(Path::new(library))?;
    let mut estimator = PoseEstimator::new(&runtime, &Models::open(Path::new(models))?, options)?;
    let recording = record(&mut estimator, Path::new(video))?;
    fs::write(output, recording_to_parquet(&recording)?)?;
    println!(
        "{} frames, {} people: {:?} poses",
        recording.time_s.len(),
        recording.people.len(),
        recording
            .people
            .iter()
            .map(|person| person.poses.iter().flatten().count())
            .collect::<Vec<_>>()
    );
    Ok(())
}

fn record(estimator: &mut PoseEstimator, video: &Path) -> Result<Recording, Box<dyn Error>> {
    let tools = Tools::from_env()?;
    let info = probe(&tools, video, &Limits::default())?;
    let mut reader = FrameReader::open(&tools, video, &info, ReadOptions::default())?;
    // Landmarks are kept in pixels of the upright original, whatever size the frames are read at.
    let (width, height) = reader.size();
    let (x, y) = (
        info.width_px as f32 / width as f32,
        info.height_px as f32 / height as f32,
    );
    let mut seen = Observations::default();
    while let Some(frame) = reader.read()? {
        let view = ImageView::rgb(&frame.rgb, frame.width, frame.height)?;
        let in_original = |observation: Observation| Observation {
            pose: observation.pose.scaled(x, y),
            ..observation
        };
        let observations = estimator.process_all(view, frame.time_s)?;
        seen.add_frame(frame.time_s, observations.into_iter().map(in_original).collect());
        reader.recycle(frame);
    }
    let time_s = seen.time_s().to_vec();
    Ok(Recording {
        source: Source {
            name: video
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            width_px: info.width_px,
            height_px: info.height_px,
        },
        skeleton: Skeleton::BlazePose33,
        spaces: Spaces::Both,
        model: estimator.model(),
        people: seen.crowd().people,
        time_s,
    })
}
